"""Computes what an ONNX network computes from constants and sizes alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil, floor, prod, sqrt
from typing import Any

from ...num import Shape
from ..axes import positive
from ..layers import Unknown
from .constants import (
    BY_TWO,
    MOST_VALUES,
    Constant,
    Number,
    expanded,
    joined,
    stretched,
    taken,
    together,
    turned,
    whole_numbers,
)
from .elements import INTEGERS
from .shapes import axes_given, order_given, reshaped, squeezed, unsqueezed

_BY_ONE: Mapping[str, Callable[[Number], Number]] = {
    "Neg": lambda a: -a,
    "Abs": abs,
    "Not": lambda a: int(not a),
    "Floor": floor,
    "Ceil": ceil,
    "Sqrt": lambda a: sqrt(a) if a >= 0 else float("nan"),
    "Reciprocal": lambda a: 1 / a if a else float("inf"),
}
_REDUCED: Mapping[str, Callable[[Sequence[Number]], Number]] = {
    "ReduceProd": prod,
    "ReduceSum": sum,
    "ReduceMax": max,
    "ReduceMin": min,
}

Given = Sequence[Constant | None]
Settings = Mapping[str, Any]


def folded(op: str, given: Given, settings: Settings) -> Constant:
    """Return what a node computes from constants; its settings are the attributes.

    Errors: Unknown for an operator that is not followed, or one that needs values that are not
    read.
    """
    if op in _BY_ONE:
        return together(_BY_ONE[op], _first(given))
    if op in BY_TWO:
        found = _first(given)
        for other in given[1:]:
            found = together(BY_TWO[op], found, _known(other))
        return found
    if op in _REDUCED:
        return _reduced(_REDUCED[op], given, settings)
    rule = _RULES.get(op)
    if rule is None:
        raise Unknown(f"constants are computed by {op}")
    return rule(given, settings)


def _known(given: Constant | None) -> Constant:
    if given is None:
        raise Unknown("an input is missing")
    return given


def _first(given: Given) -> Constant:
    return _known(given[0] if given else None)


def _optional(given: Given, n: int) -> Constant | None:
    return given[n] if n < len(given) else None


def _same(given: Given, settings: Settings) -> Constant:
    return _first(given)


def _cast(given: Given, settings: Settings) -> Constant:
    """A float becomes an integer by cutting its fraction off."""
    source = _first(given)
    if settings.get("to") not in INTEGERS:
        return source._replace(is_float=True)
    values = source.values and tuple(int(v) for v in source.values if v == v and abs(v) < 1e18)
    if values is not None and source.values is not None and len(values) != len(source.values):
        raise Unknown("a constant is too large for an integer")
    return source._replace(values=values, is_float=False)


def _divided(given: Given, settings: Settings) -> Constant:
    a, b = _first(given), _known(_optional(given, 1))

    def quotient(p: Number, q: Number) -> Number:
        if not q:
            raise Unknown("it divides by 0")
        if isinstance(p, int) and isinstance(q, int):
            return abs(p) // abs(q) * (1 if (p < 0) == (q < 0) else -1)
        return p / q

    return together(quotient, a, b)


def _powers(given: Given, settings: Settings) -> Constant:
    a, b = _first(given), _known(_optional(given, 1))

    def power(p: Number, q: Number) -> Number:
        if abs(q) > 64 or abs(p) > 1e9 or p < 0 and q != int(q) or p == 0 and q < 0:
            raise Unknown("it computes a power that is too large")
        return p**q

    return together(power, a, b)


def _remainder(given: Given, settings: Settings) -> Constant:
    def rest(p: Number, q: Number) -> Number:
        if not q:
            raise Unknown("it divides by 0")
        return p % q

    if settings.get("fmod"):
        raise Unknown("it computes a remainder with the sign of the dividend")
    return together(rest, _first(given), _known(_optional(given, 1)))


def _where(given: Given, settings: Settings) -> Constant:
    test, yes, no = (_known(_optional(given, n)) for n in range(3))
    return together(lambda t, a, b: a if t else b, test, yes, no)


def _concat(given: Given, settings: Settings) -> Constant:
    parts = [_known(part) for part in given] or [_known(None)]
    axis = positive(settings.get("axis", 0), len(parts[0].sizes))
    if not 0 <= axis < len(parts[0].sizes):
        raise Unknown("it joins along an axis that is not there")
    if len({len(part.sizes) for part in parts}) > 1:
        raise Unknown("what it joins has different axes")
    others = {part.sizes[:axis] + part.sizes[axis + 1 :] for part in parts}
    if len(others) > 1:
        raise Unknown("the sizes of what it joins differ")
    return joined(parts, axis)


def _gather(given: Given, settings: Settings) -> Constant:
    source, places = _first(given), _known(_optional(given, 1))
    axis = positive(settings.get("axis", 0), len(source.sizes))
    if not 0 <= axis < len(source.sizes):
        raise Unknown("it reads an axis that is not there")
    sizes = source.sizes[:axis] + places.sizes + source.sizes[axis + 1 :]
    if places.values is None:
        return source._replace(sizes=sizes, values=None, whole=False)
    size = source.sizes[axis]
    wanted = [positive(n, size) for n in places.integers()]
    if any(not 0 <= n < size for n in wanted):
        raise Unknown("it reads a place that is not there")
    axes: list[Sequence[int]] = [range(n) for n in source.sizes]
    axes[axis] = wanted
    found = taken(source, axes)
    return found._replace(sizes=sizes)


def _gather_nd(given: Given, settings: Settings) -> Constant:
    """Take values at places along several axes; which ones is not followed."""
    source, places = _first(given), _known(_optional(given, 1))
    alike = settings.get("batch_dims", 0)
    if not places.sizes or alike + places.sizes[-1] > len(source.sizes):
        raise Unknown("it reads axes that are not there")
    sizes = places.sizes[:-1] + source.sizes[alike + places.sizes[-1] :]
    return source._replace(sizes=sizes, values=None, whole=False)


def _slice(given: Given, settings: Settings) -> Constant:
    source = _first(given)
    axes: list[Sequence[int]] = [range(n) for n in source.sizes]
    for axis, part in slices(given, settings, len(source.sizes)):
        axes[axis] = range(*part.indices(source.sizes[axis]))
    return taken(source, axes)


def slices(given: Given, settings: Settings, dims: int) -> list[tuple[int, slice]]:
    """Return the axes that a Slice cuts, and what it takes of each.

    Older files have attributes in place of inputs.
    """
    rows = [_numbers(given, n, settings, name) for n, name in enumerate(_SLICES, 1)]
    starts, ends, axes, steps = rows
    if starts is None or ends is None:
        raise Unknown("it does not say what it takes")
    axes = axes if axes is not None else tuple(range(len(starts)))
    steps = steps if steps is not None else (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise Unknown("its starts and ends do not fit one another")
    found = []
    for start, end, axis, step in zip(starts, ends, axes, steps):
        axis = positive(axis, dims)
        if not 0 <= axis < dims or step == 0:
            raise Unknown("it cuts an axis that is not there")
        found.append((axis, slice(start, None if end <= -(2**31) else end, step)))
    return found


_SLICES = ("starts", "ends", "axes", "steps")


def _numbers(given: Given, n: int, settings: Settings, name: str) -> tuple[int, ...] | None:
    """Return an input of integers, or the attribute that older files have instead."""
    source = _optional(given, n)
    if source is not None:
        return source.integers()
    return settings.get(name)


def _reshape(given: Given, settings: Settings) -> Constant:
    source = _first(given)
    wanted = _numbers(given, 1, settings, "shape") or ()
    sizes = reshaped(source.sizes, wanted, bool(settings.get("allowzero")))
    return source.moved(sizes, source.values)


def _squeeze(given: Given, settings: Settings) -> Constant:
    source = _first(given)
    sizes = squeezed(source.sizes, _numbers(given, 1, settings, "axes"))
    return source.moved(sizes, source.values)


def _unsqueeze(given: Given, settings: Settings) -> Constant:
    source = _first(given)
    sizes = unsqueezed(source.sizes, _numbers(given, 1, settings, "axes") or ())
    return source.moved(sizes, source.values)


def _flatten(given: Given, settings: Settings) -> Constant:
    source = _first(given)
    axis = settings.get("axis", 1)
    sizes = prod(source.sizes[:axis]), prod(source.sizes[axis:])
    return source.moved(sizes, source.values)


def _transpose(given: Given, settings: Settings) -> Constant:
    source = _first(given)
    return turned(source, order_given(settings.get("perm"), len(source.sizes)))


def _expand(given: Given, settings: Settings) -> Constant:
    source = _first(given)
    return expanded(source, stretched(source.sizes, _known(_optional(given, 1)).integers()))


def _tile(given: Given, settings: Settings) -> Constant:
    source, times = _first(given), _known(_optional(given, 1)).integers()
    sizes = tuple(n * k for n, k in zip(source.sizes, times))
    if prod(sizes) > MOST_VALUES or source.values is None:
        return source._replace(sizes=sizes, values=None, whole=False)
    return taken(source, [[*range(n)] * k for n, k in zip(source.sizes, times)])


def _range(given: Given, settings: Settings) -> Constant:
    start, limit, step = (_known(_optional(given, n)).listed()[0] for n in range(3))
    if not step:
        raise Unknown("it counts in steps of 0")
    count = max(ceil((limit - start) / step), 0)
    if count > MOST_VALUES:
        return Constant((count,), None)
    return whole_numbers([start + n * step for n in range(count)])


def _filled(given: Given, settings: Settings) -> Constant:
    sizes: Shape = _first(given).integers()
    fill = settings.get("value")
    values = fill.values if fill is not None else (0.0,)
    number = values[0] if values else 0.0
    is_float = fill is None or fill.is_float
    if prod(sizes) > MOST_VALUES:
        return Constant(sizes, None, is_float)
    return Constant(sizes, (number,) * prod(sizes), is_float)


def _shape(given: Given, settings: Settings) -> Constant:
    return sizes_of(_first(given).sizes, settings)


def sizes_of(sizes: Shape, settings: Settings) -> Constant:
    """Return the sizes of a tensor as a constant, as Shape does."""
    return whole_numbers(sizes[settings.get("start", 0) : settings.get("end", len(sizes))])


def _size(given: Given, settings: Settings) -> Constant:
    return whole_numbers([prod(_first(given).sizes)], ())


def _reduced(
    one: Callable[[Sequence[Number]], Number], given: Given, settings: Settings
) -> Constant:
    """Reduce all values to one; some axes only are not needed for sizes."""
    source = _first(given)
    axes = axes_given(_numbers(given, 1, settings, "axes"), len(source.sizes), settings)
    if len(axes) != len(source.sizes) or not source.listed():
        raise Unknown("it reduces some axes of a constant")
    sizes = (1,) * len(source.sizes) if settings.get("keepdims", 1) else ()
    return Constant(sizes, (one(source.listed()),), source.is_float)


_RULES: Mapping[str, Callable[[Given, Settings], Constant]] = {
    "Cast": _cast,
    "CastLike": _same,
    "Concat": _concat,
    "ConstantOfShape": _filled,
    "Div": _divided,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "GatherND": _gather_nd,
    "Identity": _same,
    "Mod": _remainder,
    "Pow": _powers,
    "Range": _range,
    "Reshape": _reshape,
    "Shape": _shape,
    "Size": _size,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": _where,
}
