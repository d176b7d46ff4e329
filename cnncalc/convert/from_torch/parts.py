"""Parts of a tensor: each is a layer of its own, `slice`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...trace import Call
from ..axes import Value, positive
from .draft import Draft, only_data
from .reader import Reader, possible


def _slice(draft: Draft, call: Call) -> Value:
    ref = only_data(call)
    given = call.arguments
    sizes = draft.sizes(ref)
    dim = positive(given["dim"], len(sizes))
    taken = range(sizes[dim])[given["start"] : given["end"] : given["step"]]
    return _parts(draft, call, dim, [taken])[0]


def _parts(draft: Draft, call: Call, dim: int, taken: Sequence[range]) -> list[Value]:
    """Return some positions of a dimension, once for each range of them."""
    ref = only_data(call)
    value, size = draft.of(ref), draft.sizes(ref)[dim]
    if any(positions != range(size) for positions in taken):
        value = draft.separate(value, [dim], call)
    return [_part(draft, call, value, dim, positions, size) for positions in taken]


def _part(draft: Draft, call: Call, value: Value, dim: int, positions: range, size: int) -> Value:
    if positions == range(size):
        return value
    body: dict[str, Any] = {"axis": value.axis(dim), "start": positions.start}
    body["step"] = positions.step
    if positions.stop < size or len(positions) == 1:
        body["stop"] = positions.stop
    body = {k: v for k, v in body.items() if v != {"axis": 0, "start": 0, "step": 1}.get(k)}
    y = draft.layers.add("slice", body, [value.node], draft.path(call, "slice"))
    return Value(y.node, value.dims)


def _split(draft: Draft, call: Call) -> list[Value]:
    ref = only_data(call)
    dim = positive(call.arguments["dim"], len(draft.sizes(ref)))
    taken, start = [], 0
    for sizes in call.sizes:
        taken.append(range(start, start + sizes[dim]))
        start += sizes[dim]
    return _parts(draft, call, dim, taken)


def _unbind(draft: Draft, call: Call) -> list[Value]:
    ref = only_data(call)
    dim = positive(call.arguments["dim"], len(draft.sizes(ref)))
    taken = [range(n, n + 1) for n in range(draft.sizes(ref)[dim])]
    return [possible(part.without([dim])) for part in _parts(draft, call, dim, taken)]


def _select(draft: Draft, call: Call) -> Value:
    ref = only_data(call)
    sizes = draft.sizes(ref)
    dim = positive(call.arguments["dim"], len(sizes))
    at = positive(call.arguments["index"], sizes[dim])
    return possible(_parts(draft, call, dim, [range(at, at + 1)])[0].without([dim]))


_TAKES = "`slice`"
_TAKES_ONE = f"{_TAKES}, whose axis of 1 is dropped"
READERS = {
    "slice": Reader(_slice, _TAKES),
    **dict.fromkeys(("split", "split_with_sizes", "chunk", "tensor_split"), Reader(_split, _TAKES)),
    "select": Reader(_select, _TAKES_ONE),
    "unbind": Reader(_unbind, _TAKES_ONE),
}
