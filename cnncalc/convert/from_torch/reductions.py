"""Means, sums, maxima and the like over some axes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ...num import Shape
from ...ops.called import Called
from ...trace import Call
from ..axes import BATCH, Value, positive
from ..layers import Unknown
from .draft import MOST_AXES, Draft, only_data
from .reader import Reader, possible

_MEASURES = {
    **{name: name for name in ("mean", "sum", "var", "std")},
    "amax": "max",
    "amin": "min",
    "linalg_vector_norm": "norm",
}


def _mean(draft: Draft, call: Call) -> Value:
    """Reduce some axes, which are then dropped or kept: to means, sums, maxima and so on."""
    ref = only_data(call)
    value, sizes = draft.of(ref), draft.sizes(ref)
    given = call.arguments.get("dim")
    if given is None or given == []:
        given = [*range(len(sizes))]
    listed = [given] if isinstance(given, int) else given
    dims = [positive(d, len(sizes)) for d in listed]
    axes = tuple(sorted(axis for d in dims for axis in value.dims[d]))
    if BATCH in axes:
        raise Unknown("it reduces the batch")
    if len(draft.shape(value)) > MOST_AXES:
        value = draft.of_few_axes(value, call)
        axes = tuple(sorted(axis for d in dims for axis in value.dims[d]))
    shape = tuple(draft.shape(value))
    reduced = _reduced(draft, call, value.node, shape, axes)
    found = Value(reduced.node, value.dims)
    return found if call.arguments.get("keepdim") else possible(found.without(dims))


def _reduced(draft: Draft, call: Call, node: int, shape: Shape, axes: tuple[int, ...]) -> Value:
    """Add the layer that reduces axes of a node's output: a global pool if there is one."""
    y = tuple(1 if axis in axes else n for axis, n in enumerate(shape))
    described = Called(call.name, {"axes": axes}, frozenset(), {}, (shape,), y)
    if call.name in ("mean", "amax"):
        with suppress(Unknown):
            return draft.layers.called(described, [node], lambda key: draft.path(call, key))
    given = call.arguments
    unbiased = given.get("unbiased", given.get("correction", 1) in (None, 1))
    if given.get("ord", 2) != 2 or given.get("correction", 1) not in (None, 0, 1):
        raise Unknown("it is another norm or variance than `reduce` has")
    words = {(0,): "channels", tuple(range(1, len(shape))): "positions"}
    body: dict[str, Any] = {"what": _MEASURES[call.name], "over": words.get(axes, axes)}
    if call.name in ("var", "std") and not unbiased:
        body["unbiased"] = False
    return draft.layers.add("reduce", body, [node], draft.path(call, "reduce"), y)


READERS = {
    **dict.fromkeys(_MEASURES, Reader(_mean, "`reduce`")),
    "mean": Reader(_mean, "`globalavgpool` over all positions, otherwise `reduce`"),
    "amax": Reader(_mean, "`globalmaxpool` over all positions, otherwise `reduce`"),
}
