"""Pools that torch.nn does not have, and what undoes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...num import slide
from .convolution import CONVOLUTIONS
from .padding import torch_order


class PaddedPool(nn.Module):
    """A pool whose input is padded by a separate module, since torch's pools pad evenly.

    A mean counts the padding unless `count_include_pad` is false. With ceil_mode, `windows` holds
    (kernel, stride, low, high, dilation) per axis: no window may start in the padding after the
    input, and the pool itself cannot know where that begins.
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


class Places(NamedTuple):
    """Where a pool found its maxima: numbers of positions of its input, and the input's size."""

    indices: Tensor
    size: Sequence[int]


class PlacedMaxPool1d(nn.MaxPool1d):
    """A pool that notes where it found its maxima, until somebody takes that."""

    places: Places | None = None

    def forward(self, x: Tensor) -> Tensor:
        y, found = F.max_pool1d(x, *_window_of(self), return_indices=True)
        self.places = Places(found, tuple(map(int, x.shape[2:])))
        return y


class PlacedMaxPool2d(nn.MaxPool2d):
    """The same over two axes."""

    places: Places | None = None

    def forward(self, x: Tensor) -> Tensor:
        y, found = F.max_pool2d(x, *_window_of(self), return_indices=True)
        self.places = Places(found, tuple(map(int, x.shape[2:])))
        return y


class PlacedMaxPool3d(nn.MaxPool3d):
    """The same over three axes."""

    places: Places | None = None

    def forward(self, x: Tensor) -> Tensor:
        y, found = F.max_pool3d(x, *_window_of(self), return_indices=True)
        self.places = Places(found, tuple(map(int, x.shape[2:])))
        return y


def _window_of(pool: Any) -> tuple[Any, ...]:
    return pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode


class MaxUnpooling(nn.Module):
    """Puts values where a pool found its maxima, into an output of the size of the pool's input."""

    def __init__(self, kernel_size: Sequence[int], stride: Sequence[int], padding: Sequence[int]):
        super().__init__()
        self.window = tuple(kernel_size), tuple(stride), tuple(padding)

    def forward(self, x: Tensor, places: Places) -> Tensor:
        unpool: Any = (F.max_unpool1d, F.max_unpool2d, F.max_unpool3d)[x.dim() - 3]
        y: Tensor = unpool(x, places.indices, *self.window, list(places.size))
        return y


class WindowSpread(nn.Module):
    """Adds each value to all positions of its window, in an output of the third input's size."""

    def __init__(
        self,
        kernel_size: Sequence[int],
        stride: Sequence[int],
        padding: Sequence[int],
        dilation: Sequence[int],
    ):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride, self.padding, self.dilation = stride, padding, dilation

    def forward(self, x: Tensor, pooled: Tensor, before: Tensor) -> Tensor:
        conv: Any = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[x.dim() - 3]
        kernel, n = x.new_ones(x.shape[1], 1, *self.kernel_size), x.shape[1]
        y: Tensor = conv(x, kernel, None, self.stride, 0, 0, n, self.dilation)
        around = []
        for axis, p in enumerate(self.padding, 2):
            around.append((-p, before.shape[axis] - y.shape[axis] + p))
        return F.pad(y, torch_order(around))


class WindowSum(nn.Module):
    """Adds up each window of a channel, with the arguments of torch's maximum pools."""

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
    """Adds up each window, times a factor, plus a bias per channel (LeNet-5)."""

    def __init__(self, mean: nn.Module, channels: int, taps: int):
        super().__init__()
        self.mean, self.taps = mean, taps
        self.weight = nn.Parameter(torch.full((channels,), 1.0 / taps))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        shape = (-1, *(1,) * (x.dim() - 2))
        sums: Tensor = self.mean(x) * self.taps
        return sums * self.weight.reshape(shape) + self.bias.reshape(shape)


class Reduction(nn.Module):
    """Replaces the values along some axes by one value, with a function of torch.

    `function` is mean, sum, amax, amin, var, std or norm; axis 0 is the batch.
    """

    def __init__(self, function: str, axes: Sequence[int], keep: bool, **arguments: Any):
        super().__init__()
        self.function, self.axes, self.keep, self.arguments = function, tuple(axes), keep, arguments

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor
        if self.function == "norm":
            y = torch.linalg.vector_norm(x, 2, self.axes, self.keep)
        else:
            y = getattr(torch, self.function)(x, self.axes, keepdim=self.keep, **self.arguments)
        return y
