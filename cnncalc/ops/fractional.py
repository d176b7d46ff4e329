"""Pooling: windows that begin at random places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, contiguous
from ..num import Num, Shape, product, scaled
from ..window import Unknown
from .autocast import AS_IS, HALF, TO_FLOAT32, Autocast, Cast
from .base import Op
from .field_types import PerAxis, Scale
from .kept import Backward, Extra, Kept, Moment, at_once
from .needs import Need, axes_need, one_of
from .reads import Windows
from .shapes import NO_AXES, per_axis, values
from .torch_call import TorchCall, torch_nd

_RANDOM = Unknown("its windows begin at places that are random in each run")
OptionalSizes = Annotated[
    PerAxis | None,
    Field(description="a positive integer, or a list with one per spatial axis"),
]
OptionalRatio = Annotated[
    Scale | None,
    Field(description="a number between 0 and 1, or a list with one per spatial axis"),
]


class FractionalMaxPool(Op):
    """Keeps the largest values of windows at random distances, as torch.nn.FractionalMaxPool2d/3d.

    In each run, at inference too, the distances between windows are drawn at random for each
    channel, so that windows spread over the whole input. Give one of `size` and `ratio`.

    Shapes: (C, *n) -> (C, *n')
    Rule: n' = size; or ⌊n·ratio⌋, computed in float64 as torch does; with n ≥ n' + kernel − 1,
        or n ≥ n' + kernel over three axes, as torch asks for
    Cost: ∏kernel − 1 comparisons per output value; random numbers are not counted
    Fields:
        kernel: size of the window along each axis
        size: spatial size of the output
        ratio: spatial size of the output, as a part of that of the input

    Source: Graham 2014, Fractional max-pooling, arXiv:1412.6071
    Example: `fractional_maxpool: {kernel: 2, ratio: 0.7}` on 64×32×32
    """

    key = "fractional_maxpool"
    aliases = ("fractionalmaxpool", "fractionalmaxpooling")
    signatures = {"FractionalMaxPool": ("kernel_size", "output_size", "output_ratio")}
    field_aliases = {
        "kernel_size": "kernel",
        "pool_size": "kernel",
        "output_size": "size",
        "output_ratio": "ratio",
    }
    field_notes = {"return_indices": "remove it: only those of `maxpool` are used by `maxunpool`"}
    aten = ("fractional_max_pool2d", "fractional_max_pool3d")
    channelwise = True
    ranks = (3, 4)
    kernel: PerAxis
    size: OptionalSizes = None
    ratio: OptionalRatio = None

    def needs(self, x: Shape) -> Iterator[Need]:
        axes = len(x) - 1
        """NOTE: over three axes, torch asks for one position more than the windows need."""
        yield one_of(self, ("size", "ratio"))
        for name in ("kernel", "size", "ratio"):
            yield from axes_need(getattr(self, name), axes, name)
        for r in per_axis(self.ratio, axes):
            below_one = -1 if r is not None and r >= 1 else 0
            yield Need(below_one, lambda r=r: _not_smaller(r))
        for n, k, out in zip(x[1:], per_axis(self.kernel, axes), self.sizes(x)):
            yield Need(out - 1, lambda n=n: _nothing_left(n))
            most = n - k + (1 if axes == 2 else 0)
            yield Need(most - out, lambda n=n, k=k, out=out, most=most: _too_many(n, k, out, most))

    def sizes(self, x: Shape) -> tuple[Num, ...]:
        """Return the spatial size of the output."""
        axes = len(x) - 1
        if self.size is not None:
            return per_axis(self.size, axes)
        return tuple(map(scaled, x[1:], per_axis(self.ratio, axes)))

    def shape(self, x: Shape) -> Shape:
        return (x[0], *self.sizes(x))

    def units(self, x: Shape) -> frozenset[int]:
        return NO_AXES

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        taps = product(per_axis(self.kernel, len(x) - 1))
        return Cost(cmp=(taps - 1) * values(y))

    def window(self, x: Shape) -> Windows:
        return ((_RANDOM,) * (len(x) - 1),)

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,), extras=(Extra(values(y), "indices"),))

    def busiest(self, x: Shape, *, y: Shape, back: Backward | None) -> tuple[Moment, ...]:
        """The indices are made even where nobody needs them, from random numbers."""
        drawn = Extra(x[0] * (len(x) - 1))
        return at_once(Extra(values(y)), Extra(values(y), "indices"), drawn)

    def is_followed(self, x: Shape, *, given: tuple[int, ...], mixed: bool, training: bool) -> bool:
        """NOTE: autocast copies 16-bit random numbers too."""
        return not (mixed and given[0] == HALF)

    def autocast(self, x: Shape, *, by: Autocast) -> Cast:
        return TO_FLOAT32 if by.on_cpu else AS_IS

    def laid_out(self, *xs: Layout, y: Shape) -> Layout:
        return contiguous(y)

    def arithmetic(self, x: Shape) -> str:
        if self.size is not None:
            return f"{'×'.join(map(str, self.sizes(x)))} for every input size"
        factors = zip(x[1:], per_axis(self.ratio, len(x) - 1), self.sizes(x))
        return ", ".join(f"⌊{n}·{float(r):g}⌋ = {out}" for n, r, out in factors)

    def torch(self, x: Shape) -> TorchCall:
        axes = len(x) - 1
        arguments: dict[str, Any] = {"kernel_size": per_axis(self.kernel, axes)}
        if self.size is not None:
            arguments["output_size"] = per_axis(self.size, axes)
        if self.ratio is not None:
            arguments["output_ratio"] = tuple(map(float, per_axis(self.ratio, axes)))
        return torch_nd("FractionalMaxPool", x, arguments)


def _not_smaller(r: object) -> Diagnostic:
    text = f"`ratio` is a number between 0 and 1, not {r}"
    return Diagnostic("CNN207", text, help="this pool makes a map smaller; `upsample` enlarges it")


def _nothing_left(n: Num) -> Diagnostic:
    text = f"`ratio` leaves nothing of an axis of {n}"
    return Diagnostic("CNN207", text, help=f"use a ratio of at least 1/{n}")


def _too_many(n: Num, k: Num, out: Num, most: Num) -> Diagnostic:
    return Diagnostic(
        "CNN204",
        f"{out} windows of {k} do not begin at different places of an axis of {n}",
        help=f"there is room for {most}" if most > 0 else "use a smaller kernel",
    )
