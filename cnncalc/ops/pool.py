"""Pooling: windows, adaptive and global, and LeNet-5's trainable subsampling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..num import Num, Shape, product
from ..window import Map
from .base import (
    NOTHING,
    WHOLE,
    Backward,
    Kept,
    Need,
    Op,
    Reach,
    axes_need,
    per_axis,
    torch_nd,
    values,
)
from .field_types import Flag, Padding, PerAxis, Real
from .sliding import Sliding

if TYPE_CHECKING:
    from torch import nn


class Pool(Sliding):
    """A window that keeps the channels: (C, *n) -> (C, *n'). The stride is the kernel unless given."""

    main = "kernel"
    pool = True
    kernel: PerAxis
    stride: PerAxis | None = None

    def needs(self, x: Shape) -> Iterator[Need]:
        yield from self.fits(x)

    def shape(self, x: Shape) -> Shape:
        return (x[0], *self.places(x))

    def uneven(self, x: Shape) -> bool:
        """Whether the padding is no number per axis, as torch's pools take it, so that it is done before them."""
        return self.symmetric(len(x) - 1) is None

    def reads(self, x: Shape) -> Num:
        return self.padded(x) if self.uneven(x) else values(x)

    def marks(self, x: Shape) -> frozenset[str]:
        return super().marks(x) | ({"uneven"} if self.uneven(x) else set())

    def kept(self, x: Shape) -> Kept:
        """What a window holds for backward: its input, or the copy that was padded apart."""
        return Kept(values=self.padded(x)) if self.uneven(x) else Kept(inputs=(0,))

    def mean_fits(self, x: Shape) -> Iterator[Need]:
        """NOTE: torch's 3-D means refuse a kernel larger than the input, however much padding there is."""
        if len(x) == 4 and self.symmetric(3) is not None:
            for n, k in zip(x[1:], per_axis(self.kernel, 3)):
                yield Need(
                    n - k,
                    lambda n=n, k=k: Diagnostic(
                        "CNN204",
                        f"kernel {k} is larger than the input, {n}; torch's 3-D means refuse that whatever the padding",
                        help=f"use a kernel of at most {n}",
                    ),
                )

    def taps(self, x: Shape) -> int:
        """Positions in one window."""
        return product(per_axis(self.kernel, len(x) - 1))


class MaxPool(Pool):
    """Largest value of each window, as torch.nn.MaxPool1d/2d/3d."""

    key = "maxpool"
    padding: Padding = 0
    dilation: PerAxis = 1
    ceil_mode: Flag = False

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(cmp=(self.taps(x) - 1) * values(y))

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return self.kept(x)._replace(bytes=8 * values(y))

    def module(self, x: Shape) -> nn.Module:
        from .torch_modules import PaddedPool

        k, s, d = self.geometry(len(x) - 1)
        around = self.symmetric(len(x) - 1)
        pool = torch_nd("MaxPool", x)(
            k, s, padding=around or 0, dilation=d, ceil_mode=self.ceil_mode
        )
        return pool if around is not None else PaddedPool(self, pool, float("-inf"))


class AvgPool(Pool):
    """Mean of each window, as torch.nn.AvgPool1d/2d/3d; padding counts as zeros unless count_include_pad is false."""

    key = "avgpool"
    dilation: ClassVar[int] = 1
    padding: Padding = 0
    ceil_mode: Flag = False
    count_include_pad: Flag = True

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(add=(self.taps(x) - 1) * values(y), div=values(y))

    def needs(self, x: Shape) -> Iterator[Need]:
        yield from self.fits(x)
        yield from self.mean_fits(x)

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        kept = self.kept(x)
        return (
            kept
            if self.count_include_pad or kept.inputs
            else kept._replace(values=kept.values + values(y))
        )

    def module(self, x: Shape) -> nn.Module:
        from .torch_modules import PaddedPool

        k, s, _ = self.geometry(len(x) - 1)
        around = self.symmetric(len(x) - 1)
        pool = torch_nd("AvgPool", x)(
            k,
            s,
            padding=around or 0,
            ceil_mode=self.ceil_mode,
            count_include_pad=self.count_include_pad,
        )
        return pool if around is not None else PaddedPool(self, pool, 0.0)


class LpPool(Pool):
    """(Σ xᵖ)^(1/p) of each window, as torch.nn.LPPool1d/2d/3d."""

    key = "lppool"
    padding: ClassVar[int] = 0
    dilation: ClassVar[int] = 1
    norm: Real = 2.0
    ceil_mode: Flag = False

    def needs(self, x: Shape) -> Iterator[Need]:
        yield from self.fits(x)
        yield from self.mean_fits(x)
        yield Need(
            -1 if self.norm == 0 else 0, lambda: Diagnostic("CNN103", "`norm` must not be 0")
        )

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(exp=(self.taps(x) + 1) * values(y), add=(self.taps(x) - 1) * values(y))

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,), values=values(x) + 4 * values(y))

    def module(self, x: Shape) -> nn.Module:
        k, s, _ = self.geometry(len(x) - 1)
        return torch_nd("LPPool", x)(
            self.norm,
            k if len(x) > 2 else k[0],
            s if len(x) > 2 else s[0],
            ceil_mode=self.ceil_mode,
        )


class Subsample(Pool):
    """LeNet-5's subsampling: the window's sum, times one trained coefficient, plus one bias, per channel."""

    key = "subsample"
    padding: ClassVar[int] = 0
    dilation: ClassVar[int] = 1
    ceil_mode: ClassVar[bool] = False
    kernel: PerAxis = 2

    def needs(self, x: Shape) -> Iterator[Need]:
        yield from self.fits(x)
        yield from self.mean_fits(x)

    def weights(self, x: Shape) -> dict[str, Shape]:
        return {"weight": (x[0],), "bias": (x[0],)}

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(add=self.taps(x) * values(y), mul=values(y))

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,), values=values(y))

    def module(self, x: Shape) -> nn.Module:
        from .torch_modules import Subsampling

        k, s, _ = self.geometry(len(x) - 1)
        return Subsampling(torch_nd("AvgPool", x)(k, s), x[0], self.taps(x))


class Global(Op):
    """One value per channel: (C, *n) -> (C, 1, …)."""

    ranks: ClassVar[tuple[int, ...]] = (2, 3, 4)

    def target(self, n: int) -> tuple[int, ...]:
        """Output size on each of n spatial axes."""
        return (1,) * n

    def shape(self, x: Shape) -> Shape:
        return (x[0], *self.target(len(x) - 1))

    def pairs(self, x: Shape, y: Shape) -> Num:
        """Operations between two values: one less than the window holds, for each output. Windows overlap where out does not divide n."""
        held = product(
            sum((((i + 1) * n + out - 1) // out - i * n // out) for i in range(out))
            for n, out in zip(x[1:], self.target(len(x) - 1))
        )
        return x[0] * held - values(y)

    def units(self, x: Shape) -> frozenset[int]:
        return frozenset(axis + 1 for axis, n in enumerate(self.target(len(x) - 1)) if n == 1)

    def window(self, x: Shape) -> tuple[tuple[Reach, ...] | None, ...]:
        return (
            tuple(
                WHOLE if out == 1 else (axis, Map.adaptive(n, out))
                for axis, (n, out) in enumerate(zip(x[1:], self.target(len(x) - 1)))
            ),
        )

    def arithmetic(self, x: Shape) -> str:
        return f"{'×'.join(map(str, self.target(len(x) - 1)))} whatever the input"


_size = Annotated[int, Field(gt=0, le=100_000)]  # the ledger counts window by window
AdaptiveSize = Annotated[
    _size | tuple[_size, ...],
    Field(description="a positive integer up to 100,000, or a list with one per spatial axis"),
]


class Sized(Global):
    """Windows as wide as it takes to come out at `size`: (C, *n) -> (C, *size)."""

    main = "size"
    size: AdaptiveSize

    def needs(self, x: Shape) -> Iterator[Need]:
        yield from axes_need(self.size, len(x) - 1, "size")

    def target(self, n: int) -> tuple[int, ...]:
        return per_axis(self.size, n)


class GlobalAvgPool(Global):
    """Mean of each channel: (C, *n) -> (C, 1, …), as torch.nn.AdaptiveAvgPool1d/2d/3d(1)."""

    key = "globalavgpool"

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(add=self.pairs(x, y), div=values(y))

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return NOTHING if product(y[1:]) == 1 else Kept(inputs=(0,))

    def module(self, x: Shape) -> nn.Module:
        return torch_nd("AdaptiveAvgPool", x)(self.target(len(x) - 1))


class GlobalMaxPool(Global):
    """Largest value of each channel: (C, *n) -> (C, 1, …), as torch.nn.AdaptiveMaxPool1d/2d/3d(1)."""

    key = "globalmaxpool"

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(cmp=self.pairs(x, y))

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,), bytes=8 * values(y))

    def module(self, x: Shape) -> nn.Module:
        return torch_nd("AdaptiveMaxPool", x)(self.target(len(x) - 1))


class AdaptiveAvgPool(Sized, GlobalAvgPool):
    """Mean over windows of ⌊i·n/out⌋ … ⌈(i+1)·n/out⌉, as torch.nn.AdaptiveAvgPool1d/2d/3d."""

    key = "adaptiveavgpool"


class AdaptiveMaxPool(Sized, GlobalMaxPool):
    """Largest value over the windows of the adaptive mean, as torch.nn.AdaptiveMaxPool1d/2d/3d."""

    key = "adaptivemaxpool"
