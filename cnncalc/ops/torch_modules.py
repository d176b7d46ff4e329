"""Small torch modules for what torch.nn has no module for: joins, crops, uneven padding, LeNet-5's layers."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from .conv import Conv
    from .sliding import Sliding

FILL = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


def flat_pads(around: Any) -> list[int]:
    """((lo, hi), …) per axis → F.pad's order, last axis first."""
    return [amount for lo, hi in reversed(tuple(around)) for amount in (lo, hi)]


def pads_at(op: Sliding, x: Tensor) -> list[int]:
    """What a window adds around a tensor; for `same` at stride > 1 it depends on the size."""
    from .field_types import pads

    k, s, d = op.geometry(x.dim() - 2)
    return flat_pads(pads(op.padding, tuple(x.shape[2:]), k, s, d))


def padded_conv(op: Conv, x: tuple, options: dict[str, Any]) -> nn.Module:
    """A torch convolution whose input is padded unevenly before it, at run time. Its type is torch's own, which every tool knows."""
    kind: Any = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[len(x) - 2]
    conv: nn.Module = kind(
        x[0], op.out, op.geometry(len(x) - 1)[0], **{**options, "padding_mode": "zeros"}
    )
    conv.fill = FILL[op.padding_mode]  # type: ignore[assignment]
    conv.register_forward_pre_hook(PadFirst(op))
    return conv


class PadFirst:
    """Pads the input of a module."""

    def __init__(self, op: Sliding):
        self.op = op

    def __call__(self, module: nn.Module, inputs: tuple[Tensor]) -> Tensor:
        return F.pad(inputs[0], pads_at(self.op, inputs[0]), module.fill)  # type: ignore[arg-type]


class TableConv(nn.Module):
    """A convolution whose output channels each see a few of the input channels."""

    def __init__(self, op: Conv, n: int):
        super().__init__()
        self.op, self.table, self.fill = op, op.connections or (), FILL[op.padding_mode]
        kernel = op.geometry(n)[0]
        self.weight = nn.Parameter(torch.empty(sum(map(len, self.table)), *kernel))
        self.bias = nn.Parameter(torch.zeros(op.out)) if op.bias else None
        if self.weight.device.type != "meta":
            nn.init.uniform_(self.weight, -0.1, 0.1)

    def forward(self, x: Tensor) -> Tensor:
        n = x.dim() - 2
        _, s, d = self.op.geometry(n)
        conv = (F.conv1d, F.conv2d, F.conv3d)[n - 1]
        x = F.pad(x, pads_at(self.op, x), self.fill)
        maps, start = [], 0
        for channels in self.table:
            kernel = self.weight[start : start + len(channels)].unsqueeze(0)
            maps.append(conv(x[:, list(channels)], kernel, None, s, 0, d))
            start += len(channels)
        y = torch.cat(maps, 1)
        return y if self.bias is None else y + self.bias.reshape(-1, *(1,) * n)


def table_conv(op: Conv, n: int) -> nn.Module:
    return TableConv(op, n)


class PaddedPool(nn.Module):
    """A pool that pads unevenly; padding counts for a mean unless count_include_pad is false."""

    def __init__(self, op: Sliding, pool: nn.Module, fill: float):
        super().__init__()
        self.op, self.pool, self.fill = op, pool, fill

    def forward(self, x: Tensor) -> Tensor:
        pads = pads_at(self.op, x)
        y = self.pool(F.pad(x, pads, value=self.fill))
        if not getattr(self.op, "count_include_pad", True):
            y = y / self.pool(F.pad(torch.ones_like(x), pads))
        sizes = self.op.places(
            tuple(x.shape[1:])
        )  # with ceil_mode, no window starts in the padding behind
        inside = (Ellipsis, *map(slice, sizes))
        return y if y.shape[2:] == sizes else y[inside].contiguous()


class Subsampling(nn.Module):
    """Sum of each window, times a coefficient, plus a bias, per channel."""

    def __init__(self, mean: nn.Module, channels: int, taps: int):
        super().__init__()
        self.mean, self.taps = mean, taps
        self.weight = nn.Parameter(torch.full((channels,), 1.0 / taps))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        shape = (-1, *(1,) * (x.dim() - 2))
        return self.mean(x) * self.taps * self.weight.reshape(shape) + self.bias.reshape(shape)


class RadialBasis(nn.Module):
    """Squared distances to fixed centres of ±1."""

    centres: Tensor

    def __init__(self, features: int, out: int):
        super().__init__()
        self.register_buffer("centres", torch.ones(out, features))

    def forward(self, x: Tensor) -> Tensor:
        return (x.unsqueeze(1) - self.centres).square().sum(2)


def channel_norm(shape: tuple[int, ...], eps: float, affine: bool) -> nn.Module:
    """Layer normalisation over the channels at each position: torch's, which sees them last."""
    norm = nn.LayerNorm(shape, eps, affine)
    norm.register_forward_pre_hook(channels_last)
    norm.register_forward_hook(channels_first)
    return norm


def channels_last(module: nn.Module, inputs: tuple[Tensor]) -> Tensor:
    return inputs[0].movedim(1, -1)


def channels_first(module: nn.Module, inputs: tuple[Tensor], y: Tensor) -> Tensor:
    return y.movedim(-1, 1)


class ChannelScale(nn.Module):
    """A trained factor per channel."""

    def __init__(self, shape: tuple[int, ...], init: float):
        super().__init__()
        self.weight = nn.Parameter(torch.full(shape, init))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight


class DropBranch(nn.Module):
    """Drops a branch at random in training: each image's own (row), or all at once (batch)."""

    def __init__(self, p: float, mode: str):
        super().__init__()
        self.p, self.mode = p, mode

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        rows = x.shape[0] if self.mode == "row" else 1
        keep = x.new_empty((rows, *(1,) * (x.dim() - 1))).bernoulli_(1 - self.p)
        return x * (keep / (1 - self.p) if self.p < 1 else keep)


class Concatenation(nn.Module):
    """Channels of all inputs."""

    def forward(self, *xs: Tensor) -> Tensor:
        return torch.cat(xs, 1)


class Combination(nn.Module):
    """Sum, difference or product of the inputs."""

    def __init__(self, key: str):
        super().__init__()
        self.key = key

    def forward(self, *xs: Tensor) -> Tensor:
        combine = getattr(operator, self.key)
        y = xs[0]
        for x in xs[1:]:
            y = combine(y, x)
        return y


class Permutation(nn.Module):
    """Axes in another order, the batch apart."""

    def __init__(self, order: tuple[int, ...]):
        super().__init__()
        self.order = (0, *(axis + 1 for axis in order))

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.order)


class Slicing(nn.Module):
    """Some positions of one axis."""

    def __init__(self, axis: int, start: int, stop: int, step: int):
        super().__init__()
        self.axis, self.positions = axis, slice(start, stop, step)

    def forward(self, x: Tensor) -> Tensor:
        return x[(slice(None),) * (self.axis + 1) + (self.positions,)]


class ResizingLike(nn.Module):
    """Interpolation to the size of a second input."""

    def __init__(self, mode: str, align_corners: bool | None):
        super().__init__()
        self.mode, self.align_corners = mode, align_corners

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        return F.interpolate(x, tuple(like.shape[2:]), None, self.mode, self.align_corners)


class Padding(nn.Module):
    """Values added around the spatial axes."""

    def __init__(self, around: Any, mode: str, value: float):
        super().__init__()
        self.amounts, self.mode, self.value = flat_pads(around), FILL[mode], value

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, self.amounts, self.mode, self.value if self.mode == "constant" else None)


class Cropping(nn.Module):
    """A part of the spatial axes."""

    def __init__(self, starts: tuple[int, ...], sizes: tuple[int, ...]):
        super().__init__()
        self.window = (slice(None), slice(None), *(slice(a, a + n) for a, n in zip(starts, sizes)))

    def forward(self, x: Tensor, *like: Tensor) -> Tensor:
        return x[self.window]
