"""How a tensor lies in memory: its sizes, its strides and its offset, by torch's rules.

Shape have the batch first. All functions run on ints. Source: ATen's `TensorImpl`,
`TensorIterator` and `computeStride`; the tests compare each rule with the tensors of torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from .num import Shape


class Layout(NamedTuple):
    """Element (i, j, …) lies at offset + i·strides[0] + j·strides[1] + …, in elements."""

    sizes: Shape
    strides: Shape
    offset: int = 0

    @property
    def is_contiguous(self) -> bool:
        """Whether the elements lie in order, without a gap; an axis of size 1 may have any stride.

        >>> contiguous((2, 3, 4)).permuted((0, 2, 1)).is_contiguous
        False
        """
        plain = zip(self.sizes, self.strides, contiguous(self.sizes).strides)
        return all(size == 1 or stride == due for size, stride, due in plain)

    @property
    def is_dense(self) -> bool:
        """Whether the elements lie without a gap or an overlap, in any order of the axes."""
        due = 1
        for stride, size in sorted(zip(self.strides, self.sizes)):
            if size == 1:
                continue
            if stride != due:
                return False
            due *= size
        return True

    @property
    def is_channels_last(self) -> bool:
        """Whether torch takes the strides of a map of 2 or 3 axes for those of channels-last.

        An axis of size 1 leaves doubt; torch's answer is then kept, odd as it may be.
        """
        sizes, strides = self.sizes, self.strides
        if len(sizes) not in (4, 5) or strides[1] == 0:
            return False
        due = 0
        for axis in (1, *range(len(sizes) - 1, 1, -1), 0):
            if strides[axis] < due or axis == 0 and due == strides[1]:
                return False
            due = strides[axis] * sizes[axis]
        return True

    @property
    def fills_channels_last(self) -> bool:
        """Whether a map of 2 or 3 axes lies channels last without a gap."""
        if len(self.sizes) not in (4, 5):
            return False
        due = channels_last(self.sizes).strides
        plain = zip(self.sizes, self.strides, due)
        return all(size == 1 or own == wanted for size, own, wanted in plain)

    def permuted(self, order: Sequence[int]) -> Layout:
        """View the axes in another order."""
        sizes = tuple(self.sizes[axis] for axis in order)
        return Layout(sizes, tuple(self.strides[axis] for axis in order), self.offset)

    def sliced(self, axis: int, start: int, size: int, step: int = 1) -> Layout:
        """View positions start, start + step, … of one axis."""
        sizes, strides = list(self.sizes), list(self.strides)
        offset = self.offset + start * strides[axis]
        sizes[axis] = size
        strides[axis] *= step
        return Layout(tuple(sizes), tuple(strides), offset)

    def reshaped(self, sizes: Shape) -> Layout | None:
        """View the same elements under other sizes; None where torch must copy them.

        Axes that lie in one run of memory are joined, and each run is divided anew.

        >>> contiguous((1, 4, 6)).sliced(1, 0, 2).reshaped((1, 12))
        Layout(sizes=(1, 12), strides=(12, 1), offset=0)
        >>> contiguous((2, 4, 6)).sliced(1, 0, 2).reshaped((2, 12)) is None
        True
        """
        strides: list[int] = []
        left = len(sizes) - 1
        for values, stride in self._runs():
            taken = 1
            while left >= 0 and (taken < values or sizes[left] == 1):
                strides.append(taken * stride)
                taken *= sizes[left]
                left -= 1
            if taken != values:
                return None
        return Layout(sizes, tuple(reversed(strides)), self.offset) if left < 0 else None

    def _runs(self) -> list[tuple[int, int]]:
        """Runs of memory, the last axes first: how many elements each has, and its stride."""
        runs: list[tuple[int, int]] = []
        values, base = 1, self.strides[-1]
        for axis in range(len(self.sizes) - 1, -1, -1):
            values *= self.sizes[axis]
            joined = axis > 0 and (
                self.sizes[axis - 1] == 1 or self.strides[axis - 1] == values * base
            )
            if not joined:
                runs.append((values, base))
                values, base = 1, self.strides[axis - 1]
        return runs


@lru_cache(maxsize=1024)  # a network has few sizes, each in many layers
def contiguous(sizes: Shape) -> Layout:
    """New memory with the elements in order."""
    strides = accumulate(reversed(sizes[1:]), lambda stride, size: stride * size, initial=1)
    return Layout(sizes, tuple(strides)[::-1])


@lru_cache(maxsize=1024)
def channels_last(sizes: Shape) -> Layout:
    """New memory with the channels of each position together."""
    order = (0, *range(2, len(sizes)), 1)
    return ordered(sizes, order)


def ordered(sizes: Shape, order: Sequence[int]) -> Layout:
    """New memory with the axes in this order, the last one innermost."""
    strides = [0] * len(sizes)
    stride = 1
    for axis in reversed(order):
        strides[axis] = stride
        stride *= sizes[axis]
    return Layout(sizes, tuple(strides))


@lru_cache(maxsize=1024)
def in_format_of(x: Layout, sizes: Shape) -> Layout:
    """New memory: channels last where the input has them last, else contiguous."""
    return channels_last(sizes) if x.is_channels_last else contiguous(sizes)


def in_format_of_map(x: Layout, sizes: Shape) -> Layout:
    """The same, where torch takes (N, C, L) for a map (N, C, 1, L)."""
    if len(sizes) != 3:
        return in_format_of(x, sizes)
    (n, c, length), (batch, channel, step) = x.sizes, x.strides
    row = Layout((n, c, 1, length), (batch, channel, length * step, step))
    y = in_format_of(row, (*sizes[:2], 1, sizes[2]))
    return Layout(sizes, (*y.strides[:2], y.strides[3]))


def copied(x: Layout) -> Layout:
    """New memory for a copy: the strides of the input where it has no gaps."""
    return Layout(x.sizes, x.strides) if x.is_dense else iterated((x,), x.sizes)


@lru_cache(maxsize=1024)
def iterated(xs: tuple[Layout, ...], sizes: Shape) -> Layout:
    """New memory for an operation on each value: the axes in the order that the inputs have them.

    An input is broadcast along the axes that it lacks in front, and where it alone has size 1.
    """
    if all(x.sizes == sizes for x in xs):
        if all(x.is_contiguous for x in xs):
            return contiguous(sizes)
        if len(sizes) == 4 and all(x.fills_channels_last for x in xs):
            return channels_last(sizes)
        if xs[0].is_dense and all(x.strides == xs[0].strides for x in xs):
            return Layout(sizes, xs[0].strides)
    strides = [_broadcast(x, sizes) for x in xs]
    order = list(range(len(sizes)))[::-1]  # innermost first
    for n in range(1, len(order)):
        at = n
        for before in range(n - 1, -1, -1):
            compared = _inner_first(order[before], order[at], strides, sizes)
            if compared > 0:
                order[before], order[at] = order[at], order[before]
                at = before
            elif compared < 0:
                break
    return ordered(sizes, order[::-1])


def _broadcast(x: Layout, sizes: Shape) -> Shape:
    """Strides with 0 for an axis along which an input is broadcast, or that it lacks."""
    lacking = len(sizes) - len(x.sizes)
    strides = [0] * len(sizes)
    for axis, (size, stride) in enumerate(zip(x.sizes, x.strides), lacking):
        if size == sizes[axis]:
            strides[axis] = stride
    return tuple(strides)


def _inner_first(a: int, b: int, strides: Sequence[Shape], sizes: Shape) -> int:
    """1 if axis b belongs inside axis a, −1 if it belongs outside, 0 if no input decides it."""
    for own in strides:
        if own[a] == 0 or own[b] == 0:
            continue
        if own[a] != own[b]:
            return 1 if own[a] > own[b] else -1
        if sizes[a] > sizes[b]:
            return 1
    return 0
