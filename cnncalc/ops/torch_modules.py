"""Torch modules for what torch.nn lacks, for `TorchCall` to name.

Modules take numbers, never an operator: a built network does not need cnncalc's rules.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..num import ceil_div, slide

FILL = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}
CONVOLUTIONS = (F.conv1d, F.conv2d, F.conv3d)
Pads = Sequence[tuple[int, int]]  # added before and after each spatial axis


def class_named(name: str) -> Callable[..., nn.Module]:
    """A class of this file, or of torch.nn."""
    found: Callable[..., nn.Module] = globals()[name] if is_ours(name) else getattr(nn, name)
    return found


def is_ours(name: str) -> bool:
    """Whether a class stands in this file."""
    found = globals().get(name)
    return isinstance(found, type) and issubclass(found, nn.Module)


def hooked(module: nn.Module, before: nn.Module | None, after: nn.Module | None) -> nn.Module:
    """The module, with another one run on its input or on its output at each call."""
    if before is not None:
        module.register_forward_pre_hook(_Before(before))
    if after is not None:
        module.register_forward_hook(_After(after))
    return module


class _Before:
    """A forward pre-hook that runs a module on the inputs."""

    def __init__(self, module: nn.Module):
        self.module = module

    def __call__(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> Any:
        return self.module(*inputs)


class _After(_Before):
    """A forward hook that runs a module on the output."""

    def __call__(
        self, module: nn.Module, inputs: tuple[Tensor, ...], y: Tensor | None = None
    ) -> Any:
        return self.module(y)


# padding


def torch_order(around: Pads) -> list[int]:
    """((low, high), …) per axis in the order of `F.pad`, the last axis first."""
    amounts: list[int] = []
    for low, high in reversed(tuple(around)):
        amounts += low, high
    return amounts


class Padding(nn.Module):
    """Adds values around the spatial axes: (N, C, *n) -> (N, C, *(n + low + high))."""

    def __init__(self, around: Pads, mode: str = "zeros", value: float = 0.0):
        super().__init__()
        self.amounts, self.mode, self.value = torch_order(around), FILL[mode], value

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, self.amounts, self.mode, self.value if self.mode == "constant" else None)


class SamePadding(nn.Module):
    """Pads so that a window makes ⌈n / stride⌉ steps, the odd position after the input.

    The amounts depend on the size at a stride above 1, so they are found at each call. Source:
    TensorFlow's padding ``SAME``.
    """

    def __init__(
        self,
        kernel_size: Sequence[int],
        stride: Sequence[int],
        dilation: Sequence[int],
        value: float = 0.0,
    ):
        super().__init__()
        self.windows, self.value = (*zip(kernel_size, stride, dilation),), value

    def forward(self, x: Tensor) -> Tensor:
        around = []
        for n, (k, s, d) in zip(x.shape[2:], self.windows):
            total = max((ceil_div(n, s) - 1) * s + d * (k - 1) + 1 - n, 0)
            around.append((total // 2, total - total // 2))
        return F.pad(x, torch_order(around), value=self.value)


# convolution


class TableConv(nn.Module):
    """A convolution of which each output channel sees a few of the input channels (LeNet-5's C3).

    The weight has one kernel for each pair of channels that the table connects: (pairs, *kernel).
    """

    def __init__(
        self,
        connections: Sequence[Sequence[int]],
        kernel_size: Sequence[int],
        stride: Sequence[int],
        dilation: Sequence[int],
        bias: bool,
    ):
        super().__init__()
        self.connections, self.stride, self.dilation = connections, stride, dilation
        self.weight = nn.Parameter(torch.empty(sum(map(len, connections)), *kernel_size))
        self.bias = nn.Parameter(torch.zeros(len(connections))) if bias else None
        if self.weight.device.type != "meta":
            nn.init.uniform_(self.weight, -0.1, 0.1)

    def forward(self, x: Tensor) -> Tensor:
        axes = x.dim() - 2
        maps, start = [], 0
        for channels in self.connections:
            kernel = self.weight[start : start + len(channels)].unsqueeze(0)
            seen = x[:, list(channels)]
            maps.append(CONVOLUTIONS[axes - 1](seen, kernel, None, self.stride, 0, self.dilation))
            start += len(channels)
        y = torch.cat(maps, 1)
        return y if self.bias is None else y + self.bias.reshape(-1, *(1,) * axes)


class Maxout(nn.Module):
    """The largest of every `pieces` neighbouring channels: (N, C, *n) -> (N, C / pieces, *n)."""

    def __init__(self, pieces: int):
        super().__init__()
        self.pieces = pieces

    def split(self, x: Tensor) -> Tensor:
        """(N, C, *n) -> (N, C / pieces, pieces, *n)."""
        return x.reshape(x.shape[0], -1, self.pieces, *x.shape[2:])

    def forward(self, x: Tensor) -> Tensor:
        return self.split(x).amax(2)


class PieceMean(Maxout):
    """The mean of every `pieces` neighbouring channels."""

    def forward(self, x: Tensor) -> Tensor:
        return self.split(x).mean(2)


# pooling


class PaddedPool(nn.Module):
    """A pool whose input is padded by a module of its own, since torch's pools pad evenly.

    Padding counts for a mean unless `count_include_pad` is false. With ceil_mode, `windows` holds
    (kernel, stride, low, high, dilation) per axis: no window may start in the padding after the
    input, which the pool itself no longer knows.
    """

    def __init__(
        self,
        pool: nn.Module,
        padding: nn.Module,
        count_include_pad: bool = True,
        windows: Sequence[tuple[int, int, int, int, int]] = (),
    ):
        super().__init__()
        self.pool, self.padding = pool, padding
        self.count_include_pad, self.windows = count_include_pad, windows

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.pool(self.padding(x))
        if not self.count_include_pad:
            y = y / self.pool(self.padding(torch.ones_like(x)))
        if not self.windows:
            return y
        axes = zip(x.shape[2:], self.windows)
        sizes = tuple(slide(n, k, s, low, high, d, True) for n, (k, s, low, high, d) in axes)
        for axis, size in enumerate(sizes, 2):
            y = y.narrow(axis, 0, size)
        return y.clone(memory_format=torch.contiguous_format)


class WindowSum(nn.Module):
    """The sum of each window, channel by channel, with the arguments of torch's maximum pools."""

    def __init__(
        self,
        kernel_size: Sequence[int],
        stride: Sequence[int],
        padding: Sequence[int] | int,
        dilation: Sequence[int],
        ceil_mode: bool,
    ):
        super().__init__()
        axes = len(kernel_size)
        amounts = (padding,) * axes if isinstance(padding, int) else padding
        self.windows = tuple(zip(kernel_size, stride, amounts, dilation))
        self.ceil_mode = ceil_mode

    def forward(self, x: Tensor) -> Tensor:
        around = []
        for n, (k, s, p, d) in zip(x.shape[2:], self.windows):
            places = slide(n, k, s, p, p, d, self.ceil_mode)
            around.append((p, (places - 1) * s + d * (k - 1) + 1 - n - p))
        kernel_size, stride, _, dilation = zip(*self.windows)
        kernel = x.new_ones(x.shape[1], 1, *kernel_size)
        conv = CONVOLUTIONS[x.dim() - 3]
        padded = F.pad(x, torch_order(around))
        return conv(padded, kernel, None, stride, 0, dilation, groups=x.shape[1])


class Subsampling(nn.Module):
    """The sum of each window, times a coefficient, plus a bias, per channel (LeNet-5)."""

    def __init__(self, mean: nn.Module, channels: int, taps: int):
        super().__init__()
        self.mean, self.taps = mean, taps
        self.weight = nn.Parameter(torch.full((channels,), 1.0 / taps))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        shape = (-1, *(1,) * (x.dim() - 2))
        sums: Tensor = self.mean(x) * self.taps
        return sums * self.weight.reshape(shape) + self.bias.reshape(shape)


# vectors, scales and norms


class RadialBasis(nn.Module):
    """Squared distances to fixed centres of ±1: (N, features) -> (N, out)."""

    centres: Tensor

    def __init__(self, features: int, out: int):
        super().__init__()
        self.register_buffer("centres", torch.ones(out, features))

    def forward(self, x: Tensor) -> Tensor:
        return (x.unsqueeze(1) - self.centres).square().sum(2)


class ChannelsLast(nn.Module):
    """(N, C, *n) -> (N, *n, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.movedim(1, -1)


class ChannelsFirst(nn.Module):
    """(N, *n, C) -> (N, C, *n)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.movedim(-1, 1)


class ChannelScale(nn.Module):
    """A trained factor for each channel."""

    def __init__(self, shape: Sequence[int], init: float):
        super().__init__()
        self.weight = nn.Parameter(torch.full(tuple(shape), init))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight


class DropBranch(nn.Module):
    """Drops a branch at random in training: of each image (row), or of all at once (batch)."""

    def __init__(self, p: float, mode: str):
        super().__init__()
        self.p, self.mode = p, mode

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        rows = x.shape[0] if self.mode == "row" else 1
        keep = x.new_empty((rows, *(1,) * (x.dim() - 1))).bernoulli_(1 - self.p)
        return x * (keep / (1 - self.p) if self.p < 1 else keep)


# joins


class Concatenation(nn.Module):
    """Joins the channels of all inputs."""

    def forward(self, *xs: Tensor) -> Tensor:
        return torch.cat(xs, 1)


class Combination(nn.Module):
    """The sum, difference or product of the inputs: `operation` is add, sub or mul."""

    def __init__(self, operation: str):
        super().__init__()
        self.operation = operation

    def forward(self, *xs: Tensor) -> Tensor:
        combine = getattr(operator, self.operation)
        y = xs[0]
        for x in xs[1:]:
            y = combine(y, x)
        return y


# rearrangements and sizes


class Reshaping(nn.Module):
    """The same values in another shape: (N, …) -> (N, *sizes), of which one may be -1."""

    def __init__(self, sizes: Sequence[int]):
        super().__init__()
        self.sizes = tuple(sizes)

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], *self.sizes)


class Permutation(nn.Module):
    """Puts the axes in another order; the batch stays first."""

    def __init__(self, order: Sequence[int]):
        super().__init__()
        self.order = (0, *(axis + 1 for axis in order))

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.order)


class Slicing(nn.Module):
    """Takes some positions of one axis; axis 0 holds the channels."""

    def __init__(self, axis: int, start: int, stop: int, step: int):
        super().__init__()
        self.axis, self.positions = axis, slice(start, stop, step)

    def forward(self, x: Tensor) -> Tensor:
        return x[(slice(None),) * (self.axis + 1) + (self.positions,)]


class ResizingLike(nn.Module):
    """Interpolates to the size of a second input."""

    def __init__(self, mode: str, align_corners: bool | None):
        super().__init__()
        self.mode, self.align_corners = mode, align_corners

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        return F.interpolate(x, tuple(like.shape[2:]), None, self.mode, self.align_corners)


class Cropping(nn.Module):
    """Takes a part of the spatial axes; a second input is not read."""

    def __init__(self, starts: Sequence[int], sizes: Sequence[int]):
        super().__init__()
        spatial = (slice(start, start + size) for start, size in zip(starts, sizes))
        self.window = (slice(None), slice(None), *spatial)

    def forward(self, x: Tensor, *like: Tensor) -> Tensor:
        return x[self.window]
