"""Normalisation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..num import Num, Shape, product
from .base import WHOLE, Backward, Kept, Need, Op, Reach, grouped, values
from .field_types import Flag, Positive, PositiveReal, Real

if TYPE_CHECKING:
    from torch import nn


COUNTER = "num_batches_tracked"  # an integer of 64 bits; inference does not read it, and old checkpoints lack it


def statistics_cost(n: Num, groups: Num, affine: bool) -> Cost:
    """Mean, variance and scaling of n values in `groups` groups: 2 passes, a root and a division per group."""
    return Cost(add=(3 + affine) * n, mul=(2 + affine) * n, div=2 * groups, exp=groups)


class Norm(Op):
    """(C, *n) -> the same, with a scale and a shift per channel."""

    affine_weights = True
    eps: PositiveReal = 1e-5


class BatchNorm(Norm):
    """Per channel over the batch, as torch.nn.BatchNorm1d/2d/3d. At inference one multiplication and addition per value."""

    key = "batchnorm"
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

    def window(self, x: Shape) -> tuple[tuple[Reach, ...] | None, ...]:
        return super().window(x) if self.track_running_stats else ((WHOLE,) * (len(x) - 1),)

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(
            inputs=(0,), bytes=8 * x[0] if back.training or not self.track_running_stats else 0
        )

    def module(self, x: Shape) -> nn.Module:
        from torch import nn

        kind = (nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[len(x) - 1]
        return kind(x[0], self.eps, self.momentum, self.affine, self.track_running_stats)


class GroupNorm(Norm):
    """Per image over groups of channels, as torch.nn.GroupNorm."""

    key = "groupnorm"
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

    def window(self, x: Shape) -> tuple[tuple[Reach, ...] | None, ...]:
        return ((WHOLE,) * (len(x) - 1),)

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,), bytes=8 * self.groups)

    def module(self, x: Shape) -> nn.Module:
        from torch import nn

        return nn.GroupNorm(self.groups, x[0], self.eps, self.affine)


class LayerNorm(Norm):
    """Per image over all values, as torch.nn.LayerNorm; `over: channels` at each position apart, as ConvNeXt's."""

    key = "layernorm"
    main = "over"
    over: Annotated[Literal["all", "channels"], Field(description="all or channels")] = "all"
    affine: Flag = True

    def _normed(self, x: Shape) -> Shape:
        return tuple(x) if self.over == "all" else (x[0],)

    def weights(self, x: Shape) -> dict[str, Shape]:
        return {"weight": self._normed(x), "bias": self._normed(x)} if self.affine else {}

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return statistics_cost(values(x), 1 if self.over == "all" else product(x[1:]), self.affine)

    def window(self, x: Shape) -> tuple[tuple[Reach, ...] | None, ...]:
        return super().window(x) if self.over == "channels" else ((WHOLE,) * (len(x) - 1),)

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,), bytes=8 * (1 if self.over == "all" else product(x[1:])))

    def module(self, x: Shape) -> nn.Module:
        from torch import nn

        from .torch_modules import channel_norm

        kind = nn.LayerNorm if self.over == "all" else channel_norm
        return kind(self._normed(x), self.eps, self.affine)


class InstanceNorm(BatchNorm):
    """Per image and channel, as torch.nn.InstanceNorm1d/2d/3d."""

    key = "instancenorm"
    ranks = (2, 3, 4)
    affine: Flag = False
    track_running_stats: Flag = False

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        copied = (
            8 * x[0] if back.training and self.track_running_stats else 0
        )  # the running statistics, and the weight, per image
        return Kept(inputs=(0,), values=x[0] if self.affine else 0, bytes=8 * x[0] + copied)

    def module(self, x: Shape) -> nn.Module:
        from .base import torch_nd

        return torch_nd("InstanceNorm", x)(
            x[0], self.eps, self.momentum, self.affine, self.track_running_stats
        )


class Lrn(Op):
    """Local response normalisation across `size` channels, as torch.nn.LocalResponseNorm (AlexNet)."""

    key = "lrn"
    main = "size"
    ranks = (2, 3, 4)
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

    def module(self, x: Shape) -> nn.Module:
        from torch import nn

        return nn.LocalResponseNorm(self.size, self.alpha, self.beta, self.k)


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
