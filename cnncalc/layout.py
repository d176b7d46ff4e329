"""How a tensor lies in memory: its sizes, strides and offset, by torch's rules.

Shapes have the batch first. All functions work on ints. Source: ATen's `TensorImpl`,
`TensorIterator` and `computeStride`. The tests compare each rule with torch's tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from .num import Shape


class Layout(NamedTuple):
    """A layout: element (i, j, …) is at offset + i·strides[0] + j·strides[1] + …, in elements."""

    sizes: Shape
    strides: Shape
    offset: int = 0

    @property
    def is_contiguous(self) -> bool:
        """Return whether the elements are in order, without gaps.

        An axis of size 1 may have any stride.

        >>> contiguous((2, 3, 4)).permuted((0, 2, 1)).is_contiguous
        False
        """
        plain = zip(self.sizes, self.strides, contiguous(self.sizes).strides)
        return all(size == 1 or stride == due for size, stride, due in plain)

    @property
    def is_dense(self) -> bool:
        """Return whether the elements have no gaps and no overlaps, in any order of the axes."""
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
        """Return whether torch regards a map with 2 or 3 axes as channels-last.

        With an axis of size 1 the strides are ambiguous. The answer is then torch's, odd as it is.
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
        """Return whether a map with 2 or 3 axes is channels-last without gaps."""
        if len(self.sizes) not in (4, 5):
            return False
        due = channels_last(self.sizes).strides
        plain = zip(self.sizes, self.strides, due)
        return all(size == 1 or own == wanted for size, own, wanted in plain)

    def permuted(self, order: Sequence[int]) -> Layout:
        """Return a view with the axes in another order."""
        sizes = tuple(self.sizes[axis] for axis in order)
        return Layout(sizes, tuple(self.strides[axis] for axis in order), self.offset)

    def sliced(self, axis: int, start: int, size: int, step: int = 1) -> Layout:
        """Return a view of positions start, start + step, … of one axis."""
        sizes, strides = list(self.sizes), list(self.strides)
        offset = self.offset + start * strides[axis]
        sizes[axis] = size
        strides[axis] *= step
        return Layout(tuple(sizes), tuple(strides), offset)

    def reshaped(self, sizes: Shape) -> Layout | None:
        """Return a view of the same elements with other sizes, or None if torch must copy them.

        Axes that form one run of memory are joined, and each run is then divided again.

        >>> contiguous((1, 4, 6)).sliced(1, 0, 2).reshaped((1, 12))
        Layout(sizes=(1, 12), strides=(12, 1), offset=0)
        >>> contiguous((2, 4, 6)).sliced(2, 0, 3).reshaped((2, 12)) is None
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
        """Return the runs of memory, last axes first, as pairs: number of elements and stride."""
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


@lru_cache(maxsize=1024)  # a network has few sizes, and many layers of each
def contiguous(sizes: Shape) -> Layout:
    """Return the layout of new memory with the elements in order."""
    strides = accumulate(reversed(sizes[1:]), lambda stride, size: stride * size, initial=1)
    return Layout(sizes, tuple(strides)[::-1])


@lru_cache(maxsize=1024)
def channels_last(sizes: Shape) -> Layout:
    """Return the layout of new memory with the channels of each position together."""
    order = (0, *range(2, len(sizes)), 1)
    return ordered(sizes, order)


def ordered(sizes: Shape, order: Sequence[int]) -> Layout:
    """Return the layout of new memory with the axes in this order, the last one innermost."""
    strides = [0] * len(sizes)
    stride = 1
    for axis in reversed(order):
        strides[axis] = stride
        stride *= sizes[axis]
    return Layout(sizes, tuple(strides))


@lru_cache(maxsize=1024)
def in_format_of(x: Layout, sizes: Shape) -> Layout:
    """Return the layout of new memory: channels-last if the input is, otherwise contiguous."""
    return channels_last(sizes) if x.is_channels_last else contiguous(sizes)


def with_number(x: Layout, sizes: Shape) -> Layout:
    """Return the layout of arithmetic with a number, which is an input without axes."""
    return iterated((x, contiguous(())), sizes)


def in_format_of_map(x: Layout, sizes: Shape) -> Layout:
    """Return the same for an operator that treats (N, C, L) as a map (N, C, 1, L)."""
    if len(sizes) != 3:
        return in_format_of(x, sizes)
    (n, c, length), (batch, channel, step) = x.sizes, x.strides
    row = Layout((n, c, 1, length), (batch, channel, length * step, step))
    y = in_format_of(row, (*sizes[:2], 1, sizes[2]))
    return Layout(sizes, (*y.strides[:2], y.strides[3]))


def copied(x: Layout) -> Layout:
    """Return the layout of a copy: the strides of the input if it has no gaps."""
    return Layout(x.sizes, x.strides) if x.is_dense else iterated((x,), x.sizes)


@lru_cache(maxsize=1024)
def iterated(xs: tuple[Layout, ...], sizes: Shape) -> Layout:
    """Return the layout of an elementwise result: the axes in the order that the inputs have.

    An input is broadcast along leading axes that it lacks, and along axes where only it has size 1.
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
    """Return the strides of an input, with 0 for an axis that it lacks or is broadcast along."""
    lacking = len(sizes) - len(x.sizes)
    strides = [0] * len(sizes)
    for axis, (size, stride) in enumerate(zip(x.sizes, x.strides), lacking):
        if size == sizes[axis]:
            strides[axis] = stride
    return tuple(strides)


def _inner_first(a: int, b: int, strides: Sequence[Shape], sizes: Shape) -> int:
    """Return 1 if axis b belongs inside axis a, −1 if outside, 0 if no input decides it."""
    for own in strides:
        if own[a] == 0 or own[b] == 0:
            continue
        if own[a] != own[b]:
            return 1 if own[a] > own[b] else -1
        if sizes[a] > sizes[b]:
            return 1
    return 0
