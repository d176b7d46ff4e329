"""Joins of branches: concatenation and arithmetic."""

from __future__ import annotations

from collections.abc import Iterator

from ..cost import FREE, Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, channels_last, contiguous, iterated
from ..num import Num, Shape
from ..window import IDENTITY
from ..wording import shape_text
from .base import (
    NOTHING,
    WHOLE,
    Backward,
    ChannelReads,
    Kept,
    Need,
    Op,
    Taken,
    Windows,
    units_of,
    values,
)
from .torch_call import TorchCall


def same_rank(xs: tuple[Shape, ...]) -> Need:
    """Branches have as many axes as each other."""
    return Need(
        max(len(x) for x in xs) - min(len(x) for x in xs),
        lambda: Diagnostic(
            "CNN206",
            f"branches of {' and '.join(shape_text(x) for x in xs)} differ in their number of axes",
            help="flatten, pool or reshape one of them",
        ),
        True,
    )


class Concat(Op):
    """Joins the channels of its branches: (C₁, *n), (C₂, *n), … -> (C₁ + C₂ + …, *n).

    Source: torch.cat
    Example: `concat: {a: [relu], b: [tanh]}` on 64×28×28
    """

    key = "concat"
    aliases = ("cat", "concatenate", "concatv2", "depthconcat", "filterconcat")
    aten = ("cat",)
    inputs = (1, None)

    def needs(self, *xs: Shape) -> Iterator[Need]:
        yield same_rank(xs)
        if len({len(x) for x in xs}) > 1:
            return
        for x in xs[1:]:
            for axis in range(1, len(x)):
                yield Need(
                    x[axis] - xs[0][axis],
                    lambda x=x, axis=axis: sizes_differ("concat", xs[0], x, axis),
                    True,
                )

    def shape(self, *xs: Shape) -> Shape:
        return (sum(x[0] for x in xs), *xs[0][1:])

    def units(self, *xs: Shape) -> frozenset[int]:
        return frozenset.intersection(*(units_of(x) for x in xs)) - {0}

    def cost(self, *xs: Shape, y: Shape) -> Cost:
        return FREE

    def keeps(self, *xs: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        return NOTHING

    def channels(self, *xs: Shape) -> ChannelReads:
        return [Taken(m, range(x[0])) for m, x in enumerate(xs)]

    def laid_out(self, *xs: Layout, y: Shape) -> Layout:
        return channels_last(y) if all(x.is_channels_last for x in xs) else contiguous(y)

    def arithmetic(self, *xs: Shape) -> str:
        return f"{' + '.join(str(x[0]) for x in xs)} = {sum(x[0] for x in xs)} channels"

    def torch(self, *xs: Shape) -> TorchCall:
        return TorchCall("Concatenation", {})


class Elementwise(Op):
    """Values of the branches combined one by one; an axis that an operator made 1 broadcasts."""

    inputs = (2, None)
    elementwise = True
    channelwise = True

    def needs(self, *xs: Shape) -> Iterator[Need]:
        yield same_rank(xs)
        if len({len(x) for x in xs}) > 1:
            return
        for axis in range(len(xs[0])):
            wide = [x for x in xs if axis not in units_of(x)]
            for x in wide[1:]:
                yield Need(
                    x[axis] - wide[0][axis],
                    lambda a=wide[0], b=x, axis=axis: sizes_differ(self.key, a, b, axis),
                    True,
                )

    def _size(self, axis: int, xs: tuple[Shape, ...]) -> Num:
        return next((x[axis] for x in xs if axis not in units_of(x)), 1)

    def shape(self, *xs: Shape) -> Shape:
        return tuple(self._size(axis, xs) for axis in range(len(xs[0])))

    def units(self, *xs: Shape) -> frozenset[int]:
        return frozenset.intersection(*(units_of(x) for x in xs))

    def window(self, *xs: Shape) -> Windows:
        wide = [{axis for axis in range(len(x)) if axis not in units_of(x)} for x in xs]
        stretched = set().union(*wide)
        return tuple(
            tuple(
                WHOLE if a + 1 in stretched and a + 1 not in mine else (a, IDENTITY)
                for a in range(len(x) - 1)
            )
            for x, mine in zip(xs, wide)
        )

    def keeps(self, *xs: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        return NOTHING

    def laid_out(self, *xs: Layout, y: Shape) -> Layout:
        """Branches are combined two by two: ((a + b) + c) + …"""
        combined = xs[0]
        for x in xs[1:]:
            combined = iterated((combined, x), tuple(map(max, combined.sizes, x.sizes)))
        return combined

    def torch(self, *xs: Shape) -> TorchCall:
        return TorchCall("Combination", {"operation": self.key})


class Add(Elementwise):
    """Sum of the branches (ResNet).

    Source: torch.add; He et al. 2015, Deep residual learning for image recognition
    Example: `add: {body: [relu], shortcut: []}` on 64×28×28
    """

    key = "add"
    aliases = ("sum", "plus", "residual", "addn", "addv2")
    aten = ("add",)
    commutative = True

    def cost(self, *xs: Shape, y: Shape) -> Cost:
        return Cost(add=(len(xs) - 1) * values(y))


class Sub(Elementwise):
    """The first branch less the others.

    Source: torch.sub
    Example: `sub: {map: [], pooled: [globalavgpool]}` on 64×28×28
    """

    key = "sub"
    aliases = ("subtract", "minus")
    aten = ("sub",)

    def cost(self, *xs: Shape, y: Shape) -> Cost:
        return Cost(add=(len(xs) - 1) * values(y))


class Mul(Elementwise):
    """Product of the branches (gates, squeeze-and-excite).

    Source: torch.mul
    Example: `mul: {map: [], gate: [globalavgpool, sigmoid]}` on 64×28×28
    """

    key = "mul"
    aliases = ("multiply", "times")
    aten = ("mul",)
    commutative = True

    def cost(self, *xs: Shape, y: Shape) -> Cost:
        return Cost(mul=(len(xs) - 1) * values(y))

    def keeps(self, *xs: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        held, between = set(), 0
        for n in range(
            1, len(xs)
        ):  # (a · b) · c: a factor is held where the other one needs a gradient
            if any(back.needs(m) for m in range(n)):
                held.add(n)
            if back.needs(n) and n == 1:
                held.add(0)
            elif back.needs(n):
                between += values(self.shape(*xs[:n]))
        return Kept(inputs=tuple(sorted(held)), values=between)


def sizes_differ(key: str, a: Shape, b: Shape, axis: int) -> Diagnostic:
    """Two branches that do not fit, with the repair that usually fits."""
    if axis == 0:
        return Diagnostic(
            "CNN206",
            f"`{key}` of {a[0]} and {b[0]} channels",
            equation=f"{shape_text(a)} against {shape_text(b)}",
            help=f"project one branch with a 1×1 convolution to {a[0]} channels"
            + (", or `concat` them" if key == "add" else ""),
            subject="channels",
        )
    n, m = a[axis], b[axis]
    ratio = max(n, m) // max(min(n, m), 1)
    fix = (
        "crop or pad one of them (`crop: {like: NAME}`), "
        "or choose an input size that every stride divides"
    )
    if ratio > 1 and key != "concat":
        fix = f"use a 1×1 convolution with stride {ratio} on the larger branch"
    return Diagnostic(
        "CNN206",
        f"`{key}` of sizes {'×'.join(map(str, a[1:]))} and {'×'.join(map(str, b[1:]))}",
        equation=f"{shape_text(a)} against {shape_text(b)}",
        help=fix,
        subject="sizes",
    )
