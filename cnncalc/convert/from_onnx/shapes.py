"""The sizes that ONNX's operators on shapes give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from ...num import Shape
from ..axes import positive
from ..layers import Unknown


def reshaped(old: Shape, wanted: Sequence[int], zeros: bool = False) -> Shape:
    """Return the sizes after Reshape: 0 keeps a size, and -1 is what remains.

    With `zeros`, 0 is a size.

    Errors: Unknown if as many values do not fit.

    >>> reshaped((2, 3, 4), (0, -1))
    (2, 12)
    """
    sizes = []
    for axis, size in enumerate(wanted):
        if size == 0 and not zeros:
            if axis >= len(old):
                raise Unknown("it keeps the size of an axis that is not there")
            size = old[axis]
        sizes.append(size)
    count, known = prod(old), prod(size for size in sizes if size != -1)
    if sizes.count(-1) == 1 and known > 0 and count % known == 0:
        sizes = [count // known if size == -1 else size for size in sizes]
    if prod(sizes) != count or any(size < 0 for size in sizes):
        raise Unknown(f"{list(old)} does not fit into {list(wanted)}")
    return tuple(sizes)


def squeezed(old: Shape, axes: Sequence[int] | None) -> Shape:
    """Return the sizes without these axes of 1, or without all."""
    given = [n for n, size in enumerate(old) if size == 1] if axes is None else axes
    gone = {positive(axis, len(old)) for axis in given}
    if any(not 0 <= axis < len(old) or old[axis] != 1 for axis in gone):
        raise Unknown("it drops an axis that is not 1")
    return tuple(size for axis, size in enumerate(old) if axis not in gone)


def unsqueezed(old: Shape, axes: Sequence[int]) -> Shape:
    """Return the sizes with new axes of 1, which are counted in the result."""
    dims = len(old) + len(axes)
    new = {positive(axis, dims) for axis in axes}
    if len(new) != len(axes) or any(not 0 <= axis < dims for axis in new):
        raise Unknown("it adds axes that do not fit")
    rest = iter(old)
    return tuple(1 if axis in new else next(rest) for axis in range(dims))


def axes_given(
    given: Sequence[int] | None, dims: int, settings: Mapping[str, Any]
) -> tuple[int, ...]:
    """Return the axes that an operator reduces: all, if none are given.

    Errors: Unknown for an axis that is not there.
    """
    if not given:
        return () if settings.get("noop_with_empty_axes") else tuple(range(dims))
    axes = tuple(sorted({positive(axis, dims) for axis in given}))
    if any(not 0 <= axis < dims for axis in axes):
        raise Unknown("it reduces an axis that is not there")
    return axes


def order_given(given: Sequence[int] | None, dims: int) -> tuple[int, ...]:
    """Return the order of the axes after Transpose: the reverse one, if none is given.

    Errors: Unknown for one that does not have each axis once.

    >>> order_given((0, -1, 1, 2), 4)
    (0, 3, 1, 2)
    """
    if given is None:
        return tuple(range(dims))[::-1]
    order = tuple(positive(axis, dims) for axis in given)
    if sorted(order) != [*range(dims)]:
        raise Unknown("it does not order the axes")
    return order
