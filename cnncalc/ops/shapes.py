"""Facts about shapes, and values for each of their axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..num import Num, Open, Shape, product

NO_AXES: frozenset[int] = frozenset()
CHANNELS = frozenset((0,))


def units_of(x: Shape) -> frozenset[int]:
    """Return the axes of a shape that an operator reduced to 1."""
    return getattr(x, "units", NO_AXES)


def is_one(out: Num) -> bool:
    """Return whether a layer declares an output of size 1. A symbol counts as another size.

    An array of which only some values are 1 asks for a decision.
    """
    if not isinstance(out, Open):
        return bool(out == 1)
    low, high = out.ends()
    return low is not None and low <= 1 <= high and bool(out.equals(1))


def alike(values: Sequence[Any]) -> Any:
    """Return the one value of all axes if they have the same, else one for each.

    >>> alike((3, 3)), alike((1, 7))
    (3, (1, 7))
    """
    return values[0] if len(set(values)) == 1 else tuple(values)


def per_axis(value: Any, n: int) -> tuple[Any, ...]:
    """Return one value for each axis: the same one, or those of a list."""
    return value if isinstance(value, tuple) else (value,) * n


def values(x: Shape) -> Num:
    """Count the values of a tensor of this shape."""
    return product(x)
