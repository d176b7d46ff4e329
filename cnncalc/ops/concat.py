"""Joins of branches: one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..cost import FREE, Cost
from ..layout import Layout, channels_last, contiguous
from ..num import Shape
from ..window import IDENTITY, MAX_POSITIONS, TOO_MANY, Map, Unknown
from .autocast import AS_IS, TO_WIDEST, Autocast, Cast
from .axes import NO_BATCH, Axis, has_axis, replaced
from .base import Op
from .join import same_rank, sizes_differ
from .kept import NOTHING, VIEW, Backward, Gradient, Kept
from .needs import Need
from .reads import ChannelReads, Reach, Taken, Windows, along
from .shapes import units_of
from .torch_call import TorchCall


class Placed(Op):
    """A join that places the values of its branches one after another.

    Cost: none: it only copies values
    """

    inputs = (1, None)
    settled = ("axis",)
    field_notes = {"dim": NO_BATCH}

    def cost(self, *xs: Shape, y: Shape) -> Cost:
        return FREE

    def keeps(self, *xs: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        return NOTHING

    def autocast(self, *xs: Shape, by: Autocast) -> Cast:
        """NOTE: on a card, torch.cat itself reads several types."""
        return TO_WIDEST if by.on_cpu else AS_IS

    def gradients(self, *xs: Shape, y: Shape, back: Backward) -> tuple[Gradient, ...]:
        return (VIEW,) * len(xs)


class Concat(Placed):
    """Puts its branches one after another along an axis (concatenation).

    By default that axis is the channels. The sizes of all other axes must be equal.

    Shapes: (C₁, *n), (C₂, *n), … -> (C₁ + C₂ + …, *n), and in the same way for another axis
    Rule: the sizes add up on that axis
    Fields:
        axis: the axis along which they follow each other, where axis 0 holds the channels

    Source: torch.cat; Huang et al. 2016, Densely connected convolutional networks, arXiv:1608.06993
    Example: `concat: {a: [relu], b: [tanh]}` on 64×28×28
    """

    key = "concat"
    aliases = ("cat", "concatenate", "concatv2", "depthconcat", "filterconcat")
    aten = ("cat",)
    axis: Axis = 0

    def needs(self, *xs: Shape) -> Iterator[Need]:
        yield same_rank(xs)
        if len({len(x) for x in xs}) > 1:
            return
        yield has_axis(self.axis, xs[0])
        for x in xs[1:]:
            for axis in range(len(x)):
                if axis != self.axis:
                    yield Need(
                        x[axis] - xs[0][axis],
                        lambda x=x, axis=axis: sizes_differ("concat", xs[0], x, axis),
                        True,
                    )

    def shape(self, *xs: Shape) -> Shape:
        return replaced(xs[0], self.axis, sum(x[self.axis] for x in xs))

    def units(self, *xs: Shape) -> frozenset[int]:
        return frozenset.intersection(*(units_of(x) for x in xs)) - {self.axis}

    def side_by_side(self, *xs: Shape) -> int | None:
        return self.axis - 1 if self.axis and len(xs) > 1 else None

    def window(self, *xs: Shape) -> Windows:
        """Each branch is read by its own stretch of positions, and the others read none of it."""
        if not self.axis or len(xs) == 1:
            return super().window(*xs)
        found = []
        start, end = 0, sum(x[self.axis] for x in xs)
        for x in xs:
            n = x[self.axis]
            reaches: list[Reach] = [(axis, IDENTITY) for axis in range(len(x) - 1)]
            reaches[self.axis - 1] = along(self.axis - 1, stretch(start, n, end))
            found.append(tuple(reaches))
            start += n
        return tuple(found)

    def channels(self, *xs: Shape) -> ChannelReads:
        return "each" if self.axis else [Taken(m, range(x[0])) for m, x in enumerate(xs)]

    def laid_out(self, *xs: Layout, y: Shape) -> Layout:
        return joined(xs, y)

    def arithmetic(self, *xs: Shape) -> str:
        sizes = [x[self.axis] for x in xs]
        what = f"on axis {self.axis}" if self.axis else "channels"
        return f"{' + '.join(map(str, sizes))} = {sum(sizes)} {what}"

    def torch(self, *xs: Shape) -> TorchCall:
        return TorchCall("Concatenation", {"axis": self.axis + 1} if self.axis else {})


class Stack(Placed):
    """Puts its branches one after another along a new axis.

    Its branches have the same shape. With `axis: 0` the new axis holds the channels, and what was
    the channels becomes the first axis of positions.

    Shapes: (C, *n), (C, *n), … -> the same shape with one more axis
    Rule: the size of the new axis is the number of branches
    Fields:
        axis: the new axis, counted in the output, where axis 0 holds the channels

    Source: torch.stack
    Example: `stack: {a: [relu], b: [tanh]}` on 64×28×28
    """

    key = "stack"
    aliases = ("pack",)
    ranks = (1, 2, 3)
    axis: Axis = 0

    @property
    def scatters(self) -> bool:
        return self.axis == 0

    def needs(self, *xs: Shape) -> Iterator[Need]:
        yield same_rank(xs)
        if len({len(x) for x in xs}) > 1:
            return
        yield has_axis(self.axis, xs[0], more=1)
        for x in xs[1:]:
            for axis in range(len(x)):
                yield Need(
                    x[axis] - xs[0][axis],
                    lambda x=x, axis=axis: sizes_differ("stack", xs[0], x, axis),
                    True,
                )

    def shape(self, *xs: Shape) -> Shape:
        return (*xs[0][: self.axis], len(xs), *xs[0][self.axis :])

    def units(self, *xs: Shape) -> frozenset[int]:
        shared = frozenset.intersection(*(units_of(x) for x in xs))
        return frozenset(axis + (axis >= self.axis) for axis in shared)

    def side_by_side(self, *xs: Shape) -> int | None:
        return self.axis - 1 if self.axis and len(xs) > 1 else None

    def window(self, *xs: Shape) -> Windows:
        return tuple(
            tuple((axis - (axis < self.axis), IDENTITY) for axis in range(1, len(x))) for x in xs
        )

    def channels(self, *xs: Shape) -> ChannelReads:
        if self.axis:
            return "each"
        return [Taken(m, range(x[0]), 1, by_position=True) for m, x in enumerate(xs)]

    def laid_out(self, *xs: Layout, y: Shape) -> Layout:
        """Return the layout of a concatenation whose axis is divided, or of one on a last axis."""
        first, dim = xs[0].sizes, self.axis + 1
        if dim == len(first):
            one_more = (Layout((*x.sizes, 1), (*x.strides, 1)) for x in xs)
            return joined(tuple(one_more), y)
        together = replaced(first, dim, first[dim] * len(xs))
        return joined(xs, together).reshaped(y) or contiguous(y)

    def arithmetic(self, *xs: Shape) -> str:
        return f"{len(xs)} branches on axis {self.axis}"

    def torch(self, *xs: Shape) -> TorchCall:
        return TorchCall("Stacking", {"axis": self.axis + 1})


def joined(xs: Sequence[Layout], y: Shape) -> Layout:
    """Return the layout of a concatenation: channels-last if all inputs are."""
    return channels_last(y) if all(x.is_channels_last for x in xs) else contiguous(y)


def stretch(start: int, n: int, end: int) -> Map | Unknown:
    """Return the map of an input that n of the positions up to `end` read, from `start` on."""
    if end > MAX_POSITIONS:
        return TOO_MANY
    nothing = range(0)
    taps = [range(j - start, j - start + 1) if 0 <= j - start < n else nothing for j in range(end)]
    return Map(0, tuple(taps))
