"""What each position of a layer sees of an input, as data from which a page draws it."""

from __future__ import annotations

from typing import Any

from ...analysis.receptive_field import AxisSeen, ReceptiveField
from ...window import Listed, Span, Unknown, hull
from .tables import Table

_MOST_LISTED = 256  # positions of an axis whose spans are written one by one


def field_number(field: ReceptiveField, inputs: dict[str, int], table: Table) -> int:
    """Return the number of a field in the table."""
    key = (field.of, field.axes)
    axes = [_axis(axis) for axis in field.axes]
    return table.number(key, {"of": inputs[field.of], "axes": axes, "size": field.size})


def _axis(axis: AxisSeen) -> Any:
    """Return what is seen along an axis.

    "all" stands for the whole axis. Otherwise it is the layer's axis that moves along it, the
    advance, and the spans of one period; without an advance, each position has its own span. What
    is not followed is its reason.
    """
    if axis is None:
        return "all"
    if isinstance(axis, Unknown):
        return {"unknown": axis.reason}
    moving, field = axis
    if isinstance(field, Listed):
        return [moving, None, _few(field.spans)]
    return [moving, field.advance, list(field.spans)]


def _few(spans: tuple[Span, ...]) -> list[Any]:
    """Return the spans; of many, one for each of equally long groups, which is their hull."""
    group = -(-len(spans) // _MOST_LISTED)
    if group == 1:
        return list(spans)
    return [hull(spans[n : n + group]) for n in range(0, len(spans), group)]
