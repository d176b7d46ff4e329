"""Which axes of a layer's output the dimensions of a tensor of torch are.

Networks of torch move their axes about: channels go last for a linear layer, positions become a
sequence, heads become images of a larger batch. None of this computes anything, so it becomes no
layer until a layer needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..num import Shape

BATCH = -1  # stands for the images among the axes of a tensor
Group = tuple[int, ...]  # axes that are merged in one dimension, the outermost first


class Value(NamedTuple):
    """A tensor of torch: the output of a node, with its axes in another order.

    `dims` has for each dimension of the tensor the axes of the output that are merged in it; none
    for a dimension of 1 that the output lacks. Axes of 1 may be missing.
    """

    node: int
    dims: tuple[Group, ...]

    def permuted(self, order: Sequence[int]) -> Value:
        """Return the tensor with its dimensions in this order.

        >>> plain(3, (8, 5, 6)).permuted((0, 2, 3, 1)).dims
        ((-1,), (1,), (2,), (0,))
        """
        return Value(self.node, tuple(self.dims[dim] for dim in order))

    def with_dim(self, dim: int) -> Value:
        """Return the tensor with a new dimension of 1 before dimension `dim`."""
        return Value(self.node, (*self.dims[:dim], (), *self.dims[dim:]))

    def without(self, dims: Sequence[int]) -> Value | None:
        """Return the tensor without these dimensions of 1; None if one holds the batch."""
        if any(BATCH in self.dims[dim] for dim in dims):
            return None
        return Value(self.node, tuple(g for dim, g in enumerate(self.dims) if dim not in dims))

    def axis(self, dim: int) -> int | None:
        """Return the one axis of the output that a dimension is; None if there is no such axis."""
        group = self.dims[dim]
        return group[0] if len(group) == 1 and group != (BATCH,) else None

    @property
    def batch_first(self) -> bool:
        """Whether the first dimension holds the batch and nothing else."""
        return bool(self.dims) and self.dims[0] == (BATCH,)

    def is_plain(self, shape: Shape) -> bool:
        """Return whether the tensor has the axes of the output as they are."""
        return self.dims == plain(self.node, shape).dims


def plain(node: int, shape: Shape) -> Value:
    """Return the output of a node as a tensor."""
    return Value(node, ((BATCH,), *((axis,) for axis in range(len(shape)))))


def positive(dim: int, dims: int) -> int:
    """Return a dimension that may be counted from the end, counted from the start."""
    return dim + dims if dim < 0 else dim


def regrouped(value: Value, held: Sequence[Shape], sizes: Shape) -> Value | None:
    """Return a tensor with other sizes, if that only merges axes or separates merged ones.

    `held` has the sizes of the axes in each of its dimensions.

    >>> x = plain(0, (8, 5, 6))
    >>> regrouped(x, [(2,), (8,), (5,), (6,)], (2, 8, 30)).dims
    ((-1,), (0,), (1, 2))
    """
    parts = split(held, sizes)
    if parts is None or any(len(part) > 1 for part in parts.within):
        return None
    axes = [axis for group in value.dims for axis in group]
    return Value(value.node, tuple(tuple(axes[n] for n in group) for group in parts.groups))


class Split(NamedTuple):
    """How axes must be split, so that new sizes are those of axes or of several merged."""

    within: list[Shape]  # the sizes into which each axis is split; one if it stays whole
    groups: list[Group]  # the parts in each new dimension, all counted in a row


def split(held: Sequence[Shape], sizes: Shape) -> Split | None:
    """Return how axes are split by other sizes; None if that is not possible.

    An axis of 1 goes to a dimension of 1 where there is one; others may be missing.

    >>> split([(2,), (8,)], (2, 4, 2))
    Split(within=[(2,), (4, 2)], groups=[(0,), (1,), (2,)])
    """
    axes = [n for group in held for n in group]
    within: list[list[int]] = [[] for _ in axes]
    groups: list[list[tuple[int, int]]] = []  # an axis, and which part of it
    at, left = 0, axes[0] if axes else 1  # the axis that is being split, and what is left of it
    for size in sizes:
        group: list[tuple[int, int]] = []
        wanted = size
        while wanted > 1 or size == 1 and not group and at < len(axes) and axes[at] == 1:
            while left == 1 and wanted > 1:  # of this axis nothing is left
                at += 1
                if at == len(axes):
                    return None
                left = axes[at]
            taken = min(left, wanted)
            if max(left, wanted) % taken:
                return None
            group.append((at, len(within[at])))
            within[at].append(taken)
            wanted, left = wanted // taken, left // taken
            if left == 1:
                at += 1
                left = axes[at] if at < len(axes) else 1
                if at == len(axes) and wanted > 1:
                    return None
        groups.append(group)
    parts = [tuple(part) or (n,) for part, n in zip(within, axes)]
    starts = [sum(len(part) for part in parts[:n]) for n in range(len(parts))]
    return Split(parts, [tuple(starts[axis] + k for axis, k in group) for group in groups])
