"""Which axes of a layer's output the axes of a tensor of torch are.

Networks of torch move their axes about: channels go last for a linear layer, axes of 1 are dropped
and added again. None of this computes anything, so it becomes no layer until a layer needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..num import Shape


class Value(NamedTuple):
    """A tensor of torch: the output of a node, with its axes in another order.

    `order` has the axis of the output for each axis of the tensor after the batch; None for an axis
    of 1 that the output lacks. Axes of 1 may be missing.
    """

    node: int
    order: tuple[int | None, ...]

    def permuted(self, dims: Sequence[int]) -> Value | None:
        """Return the tensor with its axes in this order, batch included; None if the batch moves.

        >>> Value(3, (0, 1, 2)).permuted((0, 2, 3, 1))
        Value(node=3, order=(1, 2, 0))
        """
        if dims[0] != 0 or len(dims) != len(self.order) + 1:
            return None
        return Value(self.node, tuple(self.order[axis - 1] for axis in dims[1:]))

    def with_axis(self, dim: int) -> Value | None:
        """Return the tensor with a new axis of 1 before axis `dim`, counted with the batch."""
        if dim < 1:
            return None
        return Value(self.node, (*self.order[: dim - 1], None, *self.order[dim - 1 :]))

    def without(self, dims: Sequence[int]) -> Value | None:
        """Return the tensor without these axes of 1, counted with the batch."""
        if 0 in dims:
            return None
        kept = [axis for dim, axis in enumerate(self.order, 1) if dim not in dims]
        return Value(self.node, tuple(kept))

    def axis(self, dim: int) -> int | None:
        """Return the axis of the output that an axis of the tensor is, counted with the batch."""
        return self.order[dim - 1] if dim > 0 else None

    def sizes(self, shape: Shape) -> Shape:
        """Return the sizes of the tensor without the batch, from the shape of the output."""
        return tuple(1 if axis is None else shape[axis] for axis in self.order)

    def is_plain(self, shape: Shape) -> bool:
        """Return whether the tensor has the axes of the output as they are."""
        return self.order == tuple(range(len(shape)))


def plain(node: int, shape: Shape) -> Value:
    """Return the output of a node as a tensor."""
    return Value(node, tuple(range(len(shape))))


def positive(dim: int, dims: int) -> int:
    """Return an axis that may be counted from the end, counted from the start."""
    return dim + dims if dim < 0 else dim
