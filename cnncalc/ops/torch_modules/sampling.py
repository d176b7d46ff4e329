"""Reads a map at computed places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F


class GridSample(nn.Module):
    """Reads its first input at the places that the second one holds."""

    def __init__(self, **how: Any):
        super().__init__()
        self.how = how

    def forward(self, x: Tensor, grid: Tensor) -> Tensor:
        return F.grid_sample(x, grid, **self.how)


class AffineGrid(nn.Module):
    """Makes the grid of an affine map, of this size or that of the second input.

    With `sums`, all its places are the sums of the matrix's rows.
    """

    def __init__(self, align_corners: bool, size: Sequence[int] | None = None, sums: bool = False):
        super().__init__()
        self.align_corners, self.size, self.sums = align_corners, size, sums

    def forward(self, x: Tensor, *like: Tensor) -> Tensor:
        sizes = tuple(map(int, like[0].shape[2:])) if like else tuple(self.size or ())
        if self.sums:
            place = x.sum(-1).reshape(len(x), *(1,) * len(sizes), -1)
            return place.expand(len(x), *sizes, -1)
        return F.affine_grid(x, [len(x), 1, *sizes], align_corners=self.align_corners)


class ResizingLike(nn.Module):
    """Interpolates to the size of a second input."""

    def __init__(self, mode: str, align_corners: bool | None):
        super().__init__()
        self.mode, self.align_corners = mode, align_corners

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        return F.interpolate(x, tuple(like.shape[2:]), None, self.mode, self.align_corners)


class Folding(nn.Module):
    """Puts columns back as windows of a map of this size, or of the second input's size.

    torch's result keeps the memory of all columns, so it is copied.
    """

    def __init__(self, output_size: Sequence[int] | None = None, **window: Sequence[int]):
        super().__init__()
        self.output_size = output_size
        self.window = {name: tuple(value) for name, value in window.items()}

    def forward(self, x: Tensor, *like: Tensor) -> Tensor:
        sizes = tuple(map(int, like[0].shape[2:])) if like else self.output_size
        return F.fold(x, sizes, **self.window).clone()  # type: ignore[arg-type]
