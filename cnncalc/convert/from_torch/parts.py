"""Parts of a tensor: each is a layer of its own, `slice`."""

from __future__ import annotations

from typing import Any

from ...trace import Call, Ref
from ..axes import Value, positive
from ..layers import Unknown
from .draft import Draft, data_of
from .reader import Reader, possible


def _slice(draft: Draft, call: Call) -> Value:
    (ref,) = data_of(call)
    given = call.arguments
    sizes = draft.sizes(ref)
    dim = positive(given["dim"], len(sizes))
    start, stop, step = slice(given["start"], given["end"], given["step"]).indices(sizes[dim])
    return _part(draft, call, ref, dim, start, stop, step)


def _part(
    draft: Draft, call: Call, ref: Ref, dim: int, start: int, stop: int, step: int = 1
) -> Value:
    """Return some positions of an axis."""
    value, size = draft.of(ref), draft.sizes(ref)[dim]
    if (start, stop, step) == (0, size, 1):
        return value
    axis = value.axis(dim)
    if axis is None:
        raise Unknown("it takes a part of the batch")
    body: dict[str, Any] = {"axis": axis, "start": start, "step": step}
    if stop < size:
        body["stop"] = stop
    body = {k: v for k, v in body.items() if v != {"axis": 0, "start": 0, "step": 1}.get(k)}
    y = draft.layers.add("slice", body, [value.node], draft.path(call, "slice"))
    return Value(y.node, value.order)


def _split(draft: Draft, call: Call) -> list[Value]:
    (ref,) = data_of(call)
    dim = positive(call.arguments["dim"], len(draft.sizes(ref)))
    found, start = [], 0
    for sizes in call.sizes:
        found.append(_part(draft, call, ref, dim, start, start + sizes[dim]))
        start += sizes[dim]
    return found


def _unbind(draft: Draft, call: Call) -> list[Value]:
    (ref,) = data_of(call)
    dim = positive(call.arguments["dim"], len(draft.sizes(ref)))
    parts = [_part(draft, call, ref, dim, n, n + 1) for n in range(draft.sizes(ref)[dim])]
    return [possible(part.without([dim])) for part in parts]


def _select(draft: Draft, call: Call) -> Value:
    (ref,) = data_of(call)
    sizes = draft.sizes(ref)
    dim = positive(call.arguments["dim"], len(sizes))
    at = positive(call.arguments["index"], sizes[dim])
    return possible(_part(draft, call, ref, dim, at, at + 1).without([dim]))


_TAKES = "`slice`"
_TAKES_ONE = f"{_TAKES}, whose axis of 1 is dropped"
READERS = {
    "slice": Reader(_slice, _TAKES),
    **dict.fromkeys(("split", "split_with_sizes", "chunk", "tensor_split"), Reader(_split, _TAKES)),
    "select": Reader(_select, _TAKES_ONE),
    "unbind": Reader(_unbind, _TAKES_ONE),
}
