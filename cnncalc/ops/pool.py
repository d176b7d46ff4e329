"""Pooling: windows, adaptive and global, and LeNet-5's trainable subsampling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import Field

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, contiguous, copied, in_format_of, in_format_of_map, iterated
from ..num import Num, Shape, product
from ..window import Map
from .base import (
    NOTHING,
    WHOLE,
    Backward,
    Kept,
    Meaning,
    Need,
    Op,
    Windows,
    along,
    axes_need,
    per_axis,
    values,
)
from .field_types import Flag, Padding, PerAxis, Real
from .sliding import Sliding
from .torch_call import TorchCall, torch_nd


class Pool(Sliding):
    """A window that keeps the channels: (C, *n) -> (C, *n'). The default stride is the kernel.

    Fields:
        stride: step of the window; the size of the window where it is not given
    """

    main = "kernel"
    pool = True
    channelwise = True
    field_aliases = {**Sliding.field_aliases, "pool_size": "kernel", "size": "kernel"}
    kernel: PerAxis
    stride: PerAxis | None = None

    def needs(self, x: Shape) -> Iterator[Need]:
        yield from self.fits(x)

    def shape(self, x: Shape) -> Shape:
        return (x[0], *self.places(x))

    def uneven(self, x: Shape) -> bool:
        """Whether the padding is uneven: torch's pools cannot do that, so a pad runs first."""
        return self.symmetric(len(x) - 1) is None

    def reads(self, x: Shape) -> Num:
        return self.padded(x) if self.uneven(x) else values(x)

    def marks(self, x: Shape) -> frozenset[str]:
        return super().marks(x) | ({"uneven"} if self.uneven(x) else set())

    def kept(self, x: Shape) -> Kept:
        """What a window holds for backward: its input, or the copy that was padded apart."""
        return Kept(values=self.padded(x)) if self.uneven(x) else Kept(inputs=(0,))

    def mean_fits(self, x: Shape) -> Iterator[Need]:
        """NOTE: torch's 3-D means refuse a kernel larger than the input, whatever the padding."""
        if len(x) == 4 and self.symmetric(3) is not None:
            for n, k in zip(x[1:], per_axis(self.kernel, 3)):
                yield Need(
                    n - k,
                    lambda n=n, k=k: Diagnostic(
                        "CNN204",
                        f"kernel {k} is larger than the input, {n}; "
                        "torch's 3-D means refuse that whatever the padding",
                        help=f"use a kernel of at most {n}",
                    ),
                )

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        if not self.uneven(y[1:]):
            return self.pooled(x, y)
        return contiguous(y) if self.ceil_mode else self.padded_and_pooled(x, y)

    def pooled(self, x: Layout, y: Shape) -> Layout:
        """How torch's own pool lays out its output."""
        return in_format_of_map(x, y)

    def padded_and_pooled(self, x: Layout, y: Shape) -> Layout:
        """The same where the input is padded apart."""
        return self.pooled(self._padded_layout(x), y)

    def _padded_layout(self, x: Layout) -> Layout:
        """How the copy lies that is padded apart."""
        amounts = self.around(x.sizes[1:])
        sizes = (*x.sizes[:2], *(n + low + high for n, (low, high) in zip(x.sizes[2:], amounts)))
        return copied(x) if sizes == x.sizes else in_format_of(x, sizes)

    def taps(self, x: Shape) -> int:
        """Positions in one window."""
        return int(product(per_axis(self.kernel, len(x) - 1)))

    def padded_pool(self, name: str, x: Shape, options: dict[str, Any], fill: float) -> TorchCall:
        """One of torch's pools, with a module of its own for padding that torch's cannot do."""
        n = len(x) - 1
        k, s, d = self.geometry(n)
        even = self.symmetric(n)
        pool = torch_nd(name, x, {"kernel_size": k, "stride": s, "padding": even or 0, **options})
        if even is not None:
            return pool
        if self.padding == "same":
            window = {"kernel_size": k, "stride": s, "dilation": d, "value": fill}
            padding = TorchCall("SamePadding", window)
        else:
            padding = TorchCall("Padding", {"around": self.around(x), "value": fill})
        arguments: dict[str, Any] = {"pool": pool, "padding": padding}
        if not options.get("count_include_pad", True):
            arguments["count_include_pad"] = False
        if self.ceil_mode:
            arguments["windows"] = tuple(slide[:5] for slide in self.slides(x))
        return TorchCall("PaddedPool", arguments)


class MaxPool(Pool):
    """Largest value of each window, as torch.nn.MaxPool1d/2d/3d.

    Example: `maxpool: {kernel: 3, stride: 2}` on 96×55×55
    """

    key = "maxpool"
    signatures = {"MaxPool": ("kernel_size", "stride", "padding", "dilation")}
    aliases = ("maxpooling",)
    field_notes = {
        **Sliding.field_notes,
        "return_indices": "remove it: no operator here takes the indices",
    }
    aten = ("max_pool1d", "max_pool2d", "max_pool3d")
    idle_at_one = True
    padding: Padding = 0
    dilation: PerAxis = 1
    ceil_mode: Flag = False

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(cmp=(self.taps(x) - 1) * values(y))

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return self.kept(x)._replace(bytes=8 * values(y))

    def torch(self, x: Shape) -> TorchCall:
        options = {"dilation": self.geometry(len(x) - 1)[2], "ceil_mode": self.ceil_mode}
        return self.padded_pool("MaxPool", x, options, float("-inf"))

    def pooled(self, x: Layout, y: Shape) -> Layout:
        return contiguous(y) if len(y) == 3 else in_format_of(x, y)

    def laid_out_in_training(self, x: Layout, *, y: Shape) -> Layout:
        """NOTE: torch's 1-D maximum has a kernel of its own, without a gradient."""
        if len(y) == 3 and not self.uneven(y[1:]):
            return in_format_of_map(x, y)
        return self.laid_out(x, y=y)

    def linearized(self, x: Shape) -> TorchCall:
        """A maximum has a gradient at one position only; a sum over the same window, at all."""
        return _summed(self.torch(x))


def _summed(call: TorchCall) -> TorchCall:
    """The sum over the windows of one of torch's maxima."""
    if call.name != "PaddedPool":
        return call._replace(name="WindowSum")
    padding: TorchCall = call.arguments["padding"]
    inner = {
        "pool": _summed(call.arguments["pool"]),
        "padding": padding._replace(arguments={**padding.arguments, "value": 0.0}),
    }
    return call._replace(arguments={**call.arguments, **inner})


class MeanPool(Pool):
    """A pool by torch's means, which have no order of axes but the plain one over 3 of them."""

    def pooled(self, x: Layout, y: Shape) -> Layout:
        return contiguous(y) if len(y) == 5 else in_format_of_map(x, y)


class AvgPool(MeanPool):
    """Mean of each window, as torch.nn.AvgPool1d/2d/3d; padding counts as zeros unless
    count_include_pad is false.

    Fields:
        count_include_pad: whether the padding counts in the mean

    Example: `avgpool: 2` on 64×56×56
    """

    key = "avgpool"
    signatures = {"AvgPool": ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")}
    aliases = ("avgpooling", "averagepool", "averagepooling", "meanpool", "meanpooling")
    aten = ("avg_pool1d", "avg_pool2d", "avg_pool3d")
    idle_at_one = True
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

    def padded_and_pooled(self, x: Layout, y: Shape) -> Layout:
        means = super().padded_and_pooled(x, y)
        if self.count_include_pad:
            return means
        counts = super().padded_and_pooled(copied(x), y)
        return iterated((means, counts), y)

    def torch(self, x: Shape) -> TorchCall:
        options = {"ceil_mode": self.ceil_mode, "count_include_pad": self.count_include_pad}
        return self.padded_pool("AvgPool", x, options, 0.0)


class LpPool(MeanPool):
    """(Σ xᵖ)^(1/p) of each window, as torch.nn.LPPool1d/2d/3d.

    Fields:
        norm: the power p

    Example: `lppool: {kernel: 2, norm: 2}` on 64×56×56
    """

    key = "lppool"
    signatures = {"LPPool": ("norm_type", "kernel_size", "stride", "ceil_mode")}
    aliases = ("lppooling",)
    field_aliases = {
        **{
            word: field
            for word, field in Pool.field_aliases.items()
            if field in ("kernel", "stride")
        },
        "norm_type": "norm",
        "p": "norm",
    }
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

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return iterated((self.pooled(iterated((x,), x.sizes), y),), y)

    def torch(self, x: Shape) -> TorchCall:
        k, s, _ = self.geometry(len(x) - 1)
        flat = len(x) == 2  # torch's 1-D pool takes numbers, not tuples
        window = {"kernel_size": k[0] if flat else k, "stride": s[0] if flat else s}
        arguments = {"norm_type": self.norm, **window}
        return torch_nd("LPPool", x, {**arguments, "ceil_mode": self.ceil_mode})


class Subsample(MeanPool):
    """LeNet-5's subsampling: the window's sum, times one trained coefficient, plus one bias, per
    channel.

    Source: LeCun, Bottou, Bengio and Haffner 1998, Gradient-based learning applied to document
        recognition
    Example: `subsample: 2` on 6×28×28
    """

    key = "subsample"
    aliases = ("subsampling",)
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

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        sums = iterated((self.pooled(x, y), contiguous(())), y)  # the means, times the taps
        return iterated((sums, contiguous((y[1], *(1,) * (len(y) - 2)))), y)

    def torch(self, x: Shape) -> TorchCall:
        k, s, _ = self.geometry(len(x) - 1)
        mean = torch_nd("AvgPool", x, {"kernel_size": k, "stride": s})
        return TorchCall("Subsampling", {"mean": mean, "channels": x[0], "taps": self.taps(x)})


FLATTENS = Meaning(note="Keras's gives a vector: put `- flatten` after it")


class Global(Op):
    """One value per channel: (C, *n) -> (C, 1, …)."""

    channelwise = True
    ranks: ClassVar[tuple[int, ...]] = (2, 3, 4)

    def target(self, n: int) -> tuple[int, ...]:
        """Output size on each of n spatial axes."""
        return (1,) * n

    def shape(self, x: Shape) -> Shape:
        return (x[0], *self.target(len(x) - 1))

    def pairs(self, x: Shape, y: Shape) -> Num:
        """Operations between two values: one less than the window holds, for each output.

        Windows overlap where the output size does not divide the input size.
        """
        held = product(
            sum((((i + 1) * n + out - 1) // out - i * n // out) for i in range(out))
            for n, out in zip(x[1:], self.target(len(x) - 1))
        )
        return x[0] * held - values(y)

    def units(self, x: Shape) -> frozenset[int]:
        return frozenset(axis + 1 for axis, n in enumerate(self.target(len(x) - 1)) if n == 1)

    def window(self, x: Shape) -> Windows:
        return (
            tuple(
                WHOLE if out == 1 else along(axis, Map.adaptive(n, out))
                for axis, (n, out) in enumerate(zip(x[1:], self.target(len(x) - 1)))
            ),
        )

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return adaptive_mean(x, y)

    def arithmetic(self, x: Shape) -> str:
        return f"{'×'.join(map(str, self.target(len(x) - 1)))} whatever the input"


def adaptive_mean(x: Layout, y: Shape) -> Layout:
    """How torch lays out an adaptive mean: over 3 axes only a single value keeps the order."""
    return contiguous(y) if len(y) == 5 and product(y[2:]) > 1 else in_format_of_map(x, y)


_size = Annotated[int, Field(gt=0, le=100_000)]  # the ledger counts window by window
AdaptiveSize = Annotated[
    _size | tuple[_size, ...],
    Field(description="a positive integer up to 100,000, or a list with one per spatial axis"),
]


class Sized(Global):
    """Windows as wide as it takes to come out at `size`: (C, *n) -> (C, *size).

    Fields:
        size: sizes of the output
    """

    main = "size"
    field_aliases = {"output_size": "size"}
    size: AdaptiveSize

    def needs(self, x: Shape) -> Iterator[Need]:
        yield from axes_need(self.size, len(x) - 1, "size")

    def target(self, n: int) -> tuple[int, ...]:
        return per_axis(self.size, n)


class GlobalAvgPool(Global):
    """Mean of each channel: (C, *n) -> (C, 1, …), as torch.nn.AdaptiveAvgPool1d/2d/3d(1).

    Source: Lin, Chen and Yan 2013, Network in network
    Example: `globalavgpool` on 2048×7×7
    """

    key = "globalavgpool"
    aliases = ("gap", "globalaveragepool", "globalmeanpool")
    meanings = {"globalaveragepooling": FLATTENS}

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(add=self.pairs(x, y), div=values(y))

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return NOTHING if product(y[1:]) == 1 else Kept(inputs=(0,))

    def torch(self, x: Shape) -> TorchCall:
        return torch_nd("AdaptiveAvgPool", x, {"output_size": self.target(len(x) - 1)})


class GlobalMaxPool(Global):
    """Largest value of each channel: (C, *n) -> (C, 1, …), as
    torch.nn.AdaptiveMaxPool1d/2d/3d(1).

    Example: `globalmaxpool` on 2048×7×7
    """

    key = "globalmaxpool"
    aliases = ("gmp",)
    meanings = {"globalmaxpooling": FLATTENS}

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(cmp=self.pairs(x, y))

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,), bytes=8 * values(y))

    def torch(self, x: Shape) -> TorchCall:
        return torch_nd("AdaptiveMaxPool", x, {"output_size": self.target(len(x) - 1)})

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return contiguous(y) if len(y) == 5 else in_format_of_map(x, y)

    def linearized(self, x: Shape) -> TorchCall:
        """A maximum has a gradient at one position only; a mean over the same window, at all."""
        call = self.torch(x)
        return call._replace(name=call.name.replace("Max", "Avg"))


class AdaptiveAvgPool(Sized, GlobalAvgPool):
    """Mean over windows of ⌊i·n/out⌋ … ⌈(i+1)·n/out⌉, as torch.nn.AdaptiveAvgPool1d/2d/3d.

    Example: `adaptiveavgpool: 7` on 512×14×14
    """

    key = "adaptiveavgpool"
    aliases = ("adaptiveavgpooling", "adaptiveaveragepool", "adaptiveaveragepooling")
    aten = ("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d")


class AdaptiveMaxPool(Sized, GlobalMaxPool):
    """Largest value over the windows of the adaptive mean, as torch.nn.AdaptiveMaxPool1d/2d/3d.

    Example: `adaptivemaxpool: 2` on 512×7×7
    """

    key = "adaptivemaxpool"
    aliases = ("adaptivemaxpooling",)
    aten = ("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d")
