"""What is done to each value, or to a few neighbouring channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Maxout(nn.Module):
    """Keeps the largest of every `pieces` channels: (N, C, *n) -> (N, C / pieces, *n)."""

    def __init__(self, pieces: int):
        super().__init__()
        self.pieces = pieces

    def split(self, x: Tensor) -> Tensor:
        """Split the channels: (N, C, *n) -> (N, C / pieces, pieces, *n)."""
        return x.reshape(x.shape[0], -1, self.pieces, *x.shape[2:])

    def forward(self, x: Tensor) -> Tensor:
        return self.split(x).amax(2)


class PieceMean(Maxout):
    """Computes the mean of every `pieces` neighbouring channels."""

    def forward(self, x: Tensor) -> Tensor:
        return self.split(x).mean(2)


class SquaredReLU(nn.Module):
    """Squares positive values and replaces negative ones with 0."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x).square()


class HalvesMean(nn.Module):
    """Computes the mean of the first half of the channels and the second."""

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, 1)
        return (first + second) / 2


class Pointwise(nn.Module):
    """Applies a function of torch to each value, with fixed arguments."""

    def __init__(self, function: str, **arguments: Any):
        super().__init__()
        self.function, self.arguments = function, arguments

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = getattr(torch, self.function)(x, **self.arguments)
        return y


class Zeroing(nn.Module):
    """Multiplies all values by 0."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 0.0


class Factor(nn.Module):
    """Multiplies by a factor. It is trained if there is a shape: one factor, or one a channel."""

    def __init__(self, by: float, shape: Sequence[int] | None = None):
        super().__init__()
        self.by = by
        filled = None if shape is None else torch.full(tuple(shape), float(by))
        self.weight = None if filled is None else nn.Parameter(filled)

    def forward(self, x: Tensor) -> Tensor:
        return x * (self.by if self.weight is None else self.weight)


class Offset(nn.Module):
    """Adds an offset. It is trained if there is a shape: one offset, or one a channel.

    The offsets may be `taken` from a table of another shape, its values in turn.
    """

    def __init__(
        self, by: float, shape: Sequence[int] | None = None, taken: Sequence[int] | None = None
    ):
        super().__init__()
        self.by = by
        filled = None if shape is None else torch.full(tuple(shape), float(by))
        self.bias = None if filled is None else nn.Parameter(filled)
        self.index: Tensor | None
        self.register_buffer("index", None)
        if taken is not None and self.bias is not None:
            index = torch.arange(torch.Size(taken).numel()) % self.bias.numel()
            self.register_buffer("index", index.view(*taken))

    def forward(self, x: Tensor) -> Tensor:
        if self.bias is None:
            return x + self.by
        return x + (self.bias if self.index is None else self.bias.flatten()[self.index])


class DropBranch(nn.Module):
    """Sets a branch to 0 at random in training: for each image (row) or for all (batch)."""

    def __init__(self, p: float, mode: str):
        super().__init__()
        self.p, self.mode = p, mode

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        rows = x.shape[0] if self.mode == "row" else 1
        keep = x.new_empty((rows, *(1,) * (x.dim() - 1))).bernoulli_(1 - self.p)
        return x * (keep / (1 - self.p) if self.p < 1 else keep)


class RadialBasis(nn.Module):
    """Computes squared distances to fixed centres: (N, features) -> (N, out)."""

    centres: Tensor

    def __init__(self, features: int, out: int):
        super().__init__()
        self.register_buffer("centres", torch.ones(out, features))

    def forward(self, x: Tensor) -> Tensor:
        return (x.unsqueeze(1) - self.centres).square().sum(2)


class Copying(nn.Module):
    """Copies its input, to free memory that the input only holds a part of."""

    def forward(self, x: Tensor) -> Tensor:
        return x.clone()


class Everything(nn.Module):
    """Fills an output of these sizes with the mean of all values: (N, …) -> (N, *sizes)."""

    def __init__(self, sizes: Sequence[int]):
        super().__init__()
        self.sizes = tuple(sizes)

    def forward(self, x: Tensor) -> Tensor:
        means = x.flatten(1).mean(1)
        return means.reshape(-1, *(1,) * len(self.sizes)).expand(-1, *self.sizes)
