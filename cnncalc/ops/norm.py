"""Normalisation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, channels_last, contiguous, in_format_of, iterated
from ..num import Num, Shape, product
from .base import (
    WHOLE,
    Backward,
    ChannelReads,
    Dispatched,
    Kept,
    Meaning,
    Need,
    Op,
    Taken,
    Windows,
    by_groups,
    grouped,
    values,
)
from .field_types import Flag, Positive, PositiveReal, Real
from .torch_call import TorchCall, torch_nd

# An integer of 64 bits in every type; inference does not read it, and old checkpoints lack it.
COUNTER = "num_batches_tracked"


def statistics_cost(n: Num, groups: Num, affine: bool) -> Cost:
    """Mean, variance and scaling of n values: two passes, a root and two divisions a group."""
    return Cost(add=(3 + affine) * n, mul=(2 + affine) * n, div=2 * groups, exp=groups)


class Norm(Op):
    """(C, *n) -> the same, with a scale and a shift per channel.

    Fields:
        eps: what is added to the variance before its root is taken
        affine: whether there are trained scales and shifts
    """

    affine_weights = True
    field_aliases: ClassVar[Mapping[str, str]] = {"epsilon": "eps", "elementwise_affine": "affine"}
    field_notes: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("center", "scale", "use_scale", "use_bias"),
        "`affine: true`, the default, is a scale and a shift",
    )
    eps: PositiveReal = 1e-5


_OF_CHANNELS = ("num_features", "eps", "momentum", "affine", "track_running_stats")


class BatchNorm(Norm):
    """Per channel over the batch, as torch.nn.BatchNorm1d/2d/3d. At inference one multiplication
    and addition per value.

    Fields:
        momentum: share of a new batch in the running statistics
        track_running_stats: whether mean and variance are saved for inference

    Source: Ioffe and Szegedy 2015, Batch normalization
    Example: `batchnorm` on 64×56×56
    """

    key = "batchnorm"
    channelwise = True
    signatures = {"BatchNorm": _OF_CHANNELS}
    aliases: ClassVar[tuple[str, ...]] = ("bn", "batchnormalization", "syncbatchnorm")
    inferred = "the number of channels"
    aten: ClassVar[tuple[str | Dispatched, ...]] = ("batch_norm",)
    centers_channels = True
    momentum: Real = 0.1
    affine: Flag = True
    track_running_stats: Flag = True

    def weights(self, x: Shape) -> dict[str, Shape]:
        return {"weight": (x[0],), "bias": (x[0],)} if self.affine else {}

    def buffers(self, x: Shape) -> dict[str, Shape]:
        if not self.track_running_stats:
            return {}
        return {"running_mean": (x[0],), "running_var": (x[0],), COUNTER: ()}

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        if not self.track_running_stats:
            return statistics_cost(values(x), x[0], self.affine)
        return Cost(mul=values(x), add=values(x))

    def needs(self, x: Shape) -> Iterator[Need]:
        if not self.track_running_stats:
            yield spread(product(x[1:]), "batchnorm without running statistics")

    def window(self, x: Shape) -> Windows:
        return super().window(x) if self.track_running_stats else ((WHOLE,) * (len(x) - 1),)

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(
            inputs=(0,), bytes=8 * x[0] if back.training or not self.track_running_stats else 0
        )

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        if x.is_contiguous:
            return contiguous(y)
        return channels_last(y) if x.fills_channels_last else in_format_of(x, y)

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall(f"BatchNorm{max(len(x) - 1, 1)}d", self._arguments(x))

    def _arguments(self, x: Shape) -> dict[str, Any]:
        """Arguments of torch's module."""
        names = ("eps", "momentum", "affine", "track_running_stats")
        return {"num_features": x[0], **{name: getattr(self, name) for name in names}}


class GroupNorm(Norm):
    """Per image over groups of channels, as torch.nn.GroupNorm.

    Fields:
        groups: number of groups of channels

    Source: Wu and He 2018, Group normalization
    Example: `groupnorm: 32` on 64×56×56
    """

    key = "groupnorm"
    signatures = {"GroupNorm": ("num_groups", "num_channels", "eps", "affine")}
    aliases = ("gn", "groupnormalization")
    aten = ("group_norm",)
    field_aliases = {**Norm.field_aliases, "num_groups": "groups"}
    main = "groups"
    groups: Positive
    affine: Flag = True

    def needs(self, x: Shape) -> Iterator[Need]:
        yield grouped(self.groups, x[0])
        yield spread(x[0] // self.groups * product(x[1:]), "groupnorm")

    def weights(self, x: Shape) -> dict[str, Shape]:
        return {"weight": (x[0],), "bias": (x[0],)} if self.affine else {}

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return statistics_cost(values(x), self.groups, self.affine)

    def window(self, x: Shape) -> Windows:
        return ((WHOLE,) * (len(x) - 1),)

    def channels(self, x: Shape) -> ChannelReads:
        return by_groups(self.groups, x[0], x[0])

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,), bytes=8 * self.groups)

    def torch(self, x: Shape) -> TorchCall:
        arguments = {"num_groups": self.groups, "num_channels": x[0]}
        return TorchCall("GroupNorm", {**arguments, "eps": self.eps, "affine": self.affine})

    def narrowed(self) -> Op:
        return self.changed(groups=1)

    @property
    def channel_multiple(self) -> int:
        return self.groups


_OVER = "the shape is inferred: `over: all` takes all of it, `over: channels` each position apart"


class LayerNorm(Norm):
    """Per image over all values, as torch.nn.LayerNorm; `over: channels` at each position apart, as
    ConvNeXt's.

    Fields:
        over: what is normalised together: all values, or the channels of a position

    Source: Ba, Kiros and Hinton 2016, Layer normalization
    Example: `layernorm: channels` on 96×56×56
    """

    key = "layernorm"
    aliases = ("ln",)
    meanings = {
        "layernorm": Meaning(
            note=_OVER, differs=lambda body: body not in (None, "all", "channels")
        ),
        "layernormalization": Meaning(note="Keras's normalises channels alone: `over: channels`"),
    }
    reorders = True
    aten = ("layer_norm",)
    field_notes = {**Norm.field_notes, "normalized_shape": _OVER}
    main = "over"
    over: Annotated[Literal["all", "channels"], Field(description="all or channels")] = "all"
    affine: Flag = True

    def _normed(self, x: Shape) -> Shape:
        return tuple(x) if self.over == "all" else (x[0],)

    def weights(self, x: Shape) -> dict[str, Shape]:
        return {"weight": self._normed(x), "bias": self._normed(x)} if self.affine else {}

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return statistics_cost(values(x), 1 if self.over == "all" else product(x[1:]), self.affine)

    def window(self, x: Shape) -> Windows:
        return super().window(x) if self.over == "channels" else ((WHOLE,) * (len(x) - 1),)

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,), bytes=8 * (1 if self.over == "all" else product(x[1:])))

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return contiguous(y) if self.over == "all" else channels_last(y)

    def torch(self, x: Shape) -> TorchCall:
        """NOTE: torch's norm takes channels last: `over: channels` moves them there and back."""
        arguments = {
            "normalized_shape": self._normed(x),
            "eps": self.eps,
            "elementwise_affine": self.affine,
        }
        if self.over == "all":
            return TorchCall("LayerNorm", arguments)
        there, back = TorchCall("ChannelsLast", {}), TorchCall("ChannelsFirst", {})
        return TorchCall("LayerNorm", arguments, before=there, after=back)


class InstanceNorm(BatchNorm):
    """Per image and channel, as torch.nn.InstanceNorm1d/2d/3d.

    Source: Ulyanov, Vedaldi and Lempitsky 2016, Instance normalization
    Example: `instancenorm` on 64×56×56
    """

    key = "instancenorm"
    signatures = {"InstanceNorm": _OF_CHANNELS}
    aliases = ("instancenormalization",)
    meanings = {"lazyinstancenorm": Meaning(settings={"affine": True, "track_running_stats": True})}
    centers_channels = False  # it subtracts the means of each image, not those of a batch
    ranks = (2, 3, 4)
    affine: Flag = False
    track_running_stats: Flag = False

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        copied = (
            8 * x[0] if back.training and self.track_running_stats else 0
        )  # the running statistics, and the weight, per image
        return Kept(inputs=(0,), values=x[0] if self.affine else 0, bytes=8 * x[0] + copied)

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return contiguous(y)

    def torch(self, x: Shape) -> TorchCall:
        return torch_nd("InstanceNorm", x, self._arguments(x))


class Lrn(Op):
    """Local response normalisation across `size` channels, as torch.nn.LocalResponseNorm
    (AlexNet).

    Fields:
        size: channels that are summed
        alpha: factor of the sum of squares
        beta: power of the divisor
        k: what is added to the sum

    Source: Krizhevsky, Sutskever and Hinton 2012, ImageNet classification with deep CNNs
    Example: `lrn: 5` on 96×55×55
    """

    key = "lrn"
    signatures = {"LocalResponseNorm": ("size", "alpha", "beta", "k")}
    aliases = ("localresponsenorm", "localresponsenormalization")
    meanings = {"crossmaplrn": Meaning(note="torch's CrossMapLRN2d sums other channels")}
    field_aliases = {"local_size": "size"}
    field_notes = {
        "depth_radius": "`size` is 2·depth_radius + 1",
        "bias": "`k` is what is added to the sum of squares",
    }
    main = "size"
    ranks = (2, 3)  # NOTE: of three spatial axes torch refuses what a permute has moved
    size: Positive = 5
    alpha: Real = 1e-4
    beta: Real = 0.75
    k: Real = 1.0

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        n = values(x)
        return Cost(
            mul=2 * n, add=self.size * n, exp=n, div=n
        )  # squares, their sums, k + α·sum, power, quotient

    def reads(self, x: Shape) -> Num:
        return product(x[1:]) * (
            x[0] + self.size - 1
        )  # of squares, with channels of zeros before and behind

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,), values=2 * values(x) + self.reads(x))

    def channels(self, x: Shape) -> ChannelReads:
        before, after = self.size // 2, (self.size - 1) // 2
        neighbours = (range(max(c - before, 0), min(c + after + 1, x[0])) for c in range(x[0]))
        return [Taken(0, channels, shared_by=1) for channels in neighbours]

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return iterated((x, contiguous(y)), y)

    def torch(self, x: Shape) -> TorchCall:
        names = ("size", "alpha", "beta", "k")
        return TorchCall("LocalResponseNorm", {name: getattr(self, name) for name in names})


def spread(n: Num, who: str) -> Need:
    """Statistics need at least two values."""
    return Need(
        n - 2,
        lambda: Diagnostic(
            "CNN207",
            f"{who} has one value per statistic: its output would be constant",
            help="normalise where the map is larger than 1×1",
        ),
    )
