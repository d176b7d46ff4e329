"""Combines several inputs."""

from __future__ import annotations

import operator

import torch
from torch import Tensor, nn


class Concatenation(nn.Module):
    """Joins all inputs along an axis; axis 0 is the batch, and axis 1 the channels."""

    def __init__(self, axis: int = 1):
        super().__init__()
        self.axis = axis

    def forward(self, *xs: Tensor) -> Tensor:
        return torch.cat(xs, self.axis)


class Stacking(nn.Module):
    """Joins all inputs along a new axis; axis 0 is the batch."""

    def __init__(self, axis: int):
        super().__init__()
        self.axis = axis

    def forward(self, *xs: Tensor) -> Tensor:
        return torch.stack(xs, self.axis)


class Combination(nn.Module):
    """Combines its inputs, one after another.

    `operation` is add, sub, mul, truediv, maximum or minimum.
    """

    def __init__(self, operation: str):
        super().__init__()
        self.operation = operation

    def forward(self, *xs: Tensor) -> Tensor:
        combine = getattr(operator, self.operation, None) or getattr(torch, self.operation)
        y = xs[0]
        for x in xs[1:]:
            y = combine(y, x)
        return y


class MatrixProduct(nn.Module):
    """Multiplies two inputs as matrices, which are in their last two axes."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.matmul(a, b)
