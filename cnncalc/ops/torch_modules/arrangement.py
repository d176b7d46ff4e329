"""Moves values without changing them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class Reshaping(nn.Module):
    """Gives the same values another shape: (N, …) -> (N, *sizes); one size may be -1."""

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
    """Keeps some positions of one axis; axis 0 holds the channels."""

    def __init__(self, axis: int, start: int, stop: int | None, step: int):
        super().__init__()
        self.axis, self.positions = axis, slice(start, stop, step)

    def forward(self, x: Tensor) -> Tensor:
        return x[(slice(None),) * (self.axis + 1) + (self.positions,)]


class Splitting(nn.Module):
    """Splits an axis into parts of these sizes, and keeps one of them; axis 0 is the batch.

    NOTE: torch does not let a layer write over a part that `torch.split` returns.
    """

    def __init__(self, axis: int, sizes: Sequence[int], part: int):
        super().__init__()
        self.axis, self.sizes, self.part = axis, tuple(sizes), part

    def forward(self, x: Tensor) -> Tensor:
        if sum(self.sizes) != x.shape[self.axis]:
            raise ValueError(f"parts of {self.sizes} do not fit an axis of {x.shape[self.axis]}")
        start = sum(self.sizes[: self.part])
        positions = slice(start, start + self.sizes[self.part])
        return x[(slice(None),) * self.axis + (positions,)]


class ChannelsLast(nn.Module):
    """Moves the channels to the end: (N, C, *n) -> (N, *n, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.movedim(1, -1)


class ChannelsFirst(nn.Module):
    """Moves the channels to the front: (N, *n, C) -> (N, C, *n)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.movedim(-1, 1)
