"""Convolutions that torch.nn does not have, and what computes their weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrize import register_parametrization

from .padding import FILL, Pads, torch_order

CONVOLUTIONS = (F.conv1d, F.conv2d, F.conv3d)


class TableConv(nn.Module):
    """A convolution whose output channels each read a few input channels (LeNet-5's C3).

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


class DeformConv(nn.Module):
    """Convolves values of its first input at places that the second one moves.

    A third input multiplies them. It calls the operation of torchvision, with its parameters.
    """

    def __init__(self, **how: Any):
        super().__init__()
        plain = nn.Conv2d(**how)
        self.weight, self.bias = plain.weight, plain.bias
        self.steps = (*plain.stride, *plain.padding, *plain.dilation)
        self.groups = plain.groups

    def forward(self, x: Tensor, offset: Tensor, mask: Tensor | None = None) -> Tensor:
        zeros = partial(torch.zeros, dtype=x.dtype, device=x.device)
        given = zeros(len(x), 1) if mask is None else mask
        bias = zeros(len(self.weight)) if self.bias is None else self.bias
        moved = offset.shape[1] // (2 * self.weight[0, 0].numel())
        found: Tensor = torch.ops.torchvision.deform_conv2d(
            x,
            self.weight,
            offset,
            given,
            bias,
            *self.steps,
            self.groups,
            moved,
            mask is not None,
        )
        return found


class BlurPool(nn.Module):
    """Convolves each channel with a fixed filter, which is the product of a row along each axis."""

    filter: Tensor

    def __init__(
        self,
        row: Sequence[int],
        channels: int,
        stride: Sequence[int],
        around: Pads,
        mode: str = "zeros",
    ):
        super().__init__()
        inside = mode == "zeros" and all(low == high for low, high in around)
        self.padding = tuple(low for low, _ in around) if inside else 0
        self.amounts = [] if inside else torch_order(around)
        self.stride, self.mode = tuple(stride), FILL[mode]
        along = torch.tensor(row, dtype=torch.get_default_dtype()) / sum(row)
        kernel = along
        for _ in stride[1:]:
            kernel = kernel.unsqueeze(-1) * along
        self.register_buffer("filter", kernel.repeat(channels, 1, *(1,) * len(stride)))

    def forward(self, x: Tensor) -> Tensor:
        if any(self.amounts):
            x = F.pad(x, self.amounts, self.mode)
        conv = CONVOLUTIONS[x.dim() - 3]
        return conv(x, self.filter, None, self.stride, self.padding, groups=x.shape[1])


class WithSize(nn.Module):
    """Turns a second input into its sizes, as a transposed convolution takes them."""

    def forward(self, x: Tensor, like: Tensor) -> tuple[Tensor, list[int]]:
        return x, list(map(int, like.shape[2:]))


class Standardized(nn.Module):
    """Gives each filter of a weight a mean of 0 and a variance of 1."""

    def forward(self, weight: Tensor) -> Tensor:
        rows = weight.reshape(1, weight.shape[0], -1)
        found = torch.native_batch_norm(rows, None, None, None, None, True, 0.0, 1e-6)
        return found[0].reshape_as(weight)


def weight_standardization(module: nn.Module) -> nn.Module:
    """Let a convolution compute its weight from another one whose filters it standardizes."""
    return register_parametrization(module, "weight", Standardized())


class ScaledStandardized(nn.Module):
    """Gives each filter of a weight a mean of 0 and a variance of 1/n, times a trained gain."""

    def __init__(self, filters: Sequence[int]):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(filters[0], *(1,) * (len(filters) - 1)))
        self.scale = float(torch.Size(filters[1:]).numel() ** -0.5)

    def forward(self, weight: Tensor) -> Tensor:
        rows = weight.reshape(1, weight.shape[0], -1)
        factors = (self.gain * self.scale).view(-1)
        found = torch.native_batch_norm(rows, factors, None, None, None, True, 0.0, 1e-5)
        return found[0].reshape_as(weight)


def scaled_weight_standardization(module: nn.Module) -> nn.Module:
    """Let a convolution compute its weight from another one that it standardizes and scales."""
    weight = module.get_parameter("weight")
    return register_parametrization(module, "weight", ScaledStandardized(weight.shape))
