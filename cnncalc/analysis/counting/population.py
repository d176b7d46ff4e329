"""A population: the variants of a grid, or some of them, that are counted together.

It has axes. Each stands for one axis of the grid, or for several together, and lists which
indices of the grid it runs over. The variants are all combinations of its axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ...many.array import Many
from .columns import Array, Column

Axis = dict[int, Array]  # by axis of the grid, the indices along this axis


class Population:
    """Variants of a grid."""

    def __init__(self, axes: Sequence[Axis]):
        self.axes = list(axes)

    @classmethod
    def box(cls, box: Sequence[range]) -> Population:
        """Return the variants in a box of the grid."""
        return cls([{axis: np.arange(r.start, r.stop)} for axis, r in enumerate(box)])

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of positions on each axis."""
        return tuple(len(next(iter(axis.values()))) for axis in self.axes)

    def __len__(self) -> int:
        return prod(self.shape)

    def value(self, column: Column) -> Any:
        """Return the values of a column for these variants."""
        for place, axis in enumerate(self.axes):
            if column.axis in axis:
                return column.at(axis[column.axis], place, len(self.axes))
        raise LookupError(column.axis)

    def split(self, by: Many) -> list[Population]:
        """Return the populations for each value of an array, in order of the values."""
        values, wide = by.values, sorted(by.wide)
        if not wide:
            return [self]
        if len(wide) > 1:
            return self._merged(wide).split(Many(_merged_values(values, wide)))
        (axis,) = wide
        along = values.reshape(-1)
        return [self._taken(axis, np.flatnonzero(along == one)) for one in np.unique(along)]

    def halves(self, axis: int) -> list[Population]:
        """Return two populations, each with half the positions of an axis."""
        n = self.shape[axis]
        return [self._taken(axis, np.arange(n // 2)), self._taken(axis, np.arange(n // 2, n))]

    def _taken(self, axis: int, positions: Array) -> Population:
        cut = {grid: indices[positions] for grid, indices in self.axes[axis].items()}
        return Population([*self.axes[:axis], cut, *self.axes[axis + 1 :]])

    def _merged(self, wide: Sequence[int]) -> Population:
        """Return the same variants with some axes as one, which comes first."""
        positions = np.indices([self.shape[axis] for axis in wide]).reshape(len(wide), -1)
        one = {
            grid: indices[at]
            for axis, at in zip(wide, positions)
            for grid, indices in self.axes[axis].items()
        }
        return Population([one, *(a for n, a in enumerate(self.axes) if n not in wide)])

    @classmethod
    def points(cls, indices: Sequence[Array]) -> Population:
        """Return single variants, by their indices on each axis of the grid."""
        return cls([dict(enumerate(indices))])

    def find(self, indices: Sequence[Array]) -> tuple[Array, list[Array]]:
        """Return which variants are among these, and their positions on each axis.

        The variants are given by their indices on each axis of the grid.
        """
        found: list[Array] = []
        for axis in self.axes:
            grids = sorted(axis)
            sizes = [int(max(axis[g].max(), indices[g].max())) + 1 for g in grids]
            table = np.full(prod(sizes), -1)
            table[np.ravel_multi_index([axis[g] for g in grids], sizes)] = np.arange(
                len(axis[grids[0]])
            )
            found.append(table[np.ravel_multi_index([indices[g] for g in grids], sizes)])
        kept = np.flatnonzero(np.logical_and.reduce([at >= 0 for at in found]))
        return kept, [at[kept] for at in found]

    def inside(self, box: Sequence[range]) -> list[Any]:
        """Return the positions of each axis that are in a box of the grid."""
        found: list[Any] = []
        for axis in self.axes:
            kept: Any = True
            for grid, indices in axis.items():
                kept = kept & (indices >= box[grid].start) & (indices < box[grid].stop)
            found.append(np.flatnonzero(kept))
        return found

    def places(self, box: Sequence[range], positions: Sequence[Array]) -> Array:
        """Return where these positions of each axis are in a box, as one number for each variant.

        The numbers are in an array with the axes of this population.
        """
        steps = [prod(map(len, box[n + 1 :])) for n in range(len(box))]
        total: Any = 0
        for place, (axis, at) in enumerate(zip(self.axes, positions)):
            offset: Any = 0
            for grid, indices in axis.items():
                offset = offset + (indices[at] - box[grid].start) * steps[grid]
            shape = [1] * len(self.axes)
            shape[place] = len(at)
            total = total + np.reshape(offset, shape)
        return np.asarray(total)

    def variant(self, position: Sequence[int]) -> dict[int, int]:
        """Return the indices in the grid of one variant, by axis of the grid."""
        found = {}
        for axis, at in zip(self.axes, position):
            found.update({grid: int(indices[at]) for grid, indices in axis.items()})
        return found


def _merged_values(values: Array, wide: Sequence[int]) -> Array:
    """Return an array that depends on some axes as one that depends on the first axis alone."""
    rest = values.ndim - len(wide)
    return values.reshape(-1, *(1,) * rest)
