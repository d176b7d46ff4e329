"""What joins tensors: sums, products, concatenations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ...trace import Call, Ref
from ..axes import Value, plain, positive
from ..layers import Unknown
from .draft import Draft, data_of
from .reader import Reader
from .scaling import scaled

_NO_SETTINGS: Mapping[str, Any] = MappingProxyType({})


def _arithmetic(draft: Draft, call: Call) -> Value:
    """Join two tensors, or scale or shift one by a number or by parameters."""
    a, b = call.arguments["self"], call.arguments["other"]
    if call.arguments.get("alpha", 1) != 1:
        raise Unknown("it has a factor `alpha`")
    if call.arguments.get("rounding_mode"):
        raise Unknown("it rounds")
    if isinstance(a, Ref) and isinstance(b, Ref):
        return _join(draft, call, a, b)
    if not isinstance(a, Ref):
        a, b = b, a
        if call.name not in ("add", "mul", "maximum", "minimum"):
            raise Unknown("it divides or subtracts from a parameter")
    return scaled(draft, call, draft.of(a), b)


def _join(draft: Draft, call: Call, a: Ref, b: Ref) -> Value:
    left, right = draft.of(a), draft.of(b)
    longest = max(len(left.order), len(right.order))
    padded = [Value(v.node, (*[None] * (longest - len(v.order)), *v.order)) for v in (left, right)]
    sizes = [v.sizes(draft.shape(v)) for v in padded]
    key = call.name
    if key == "rsub":
        key, padded, sizes = "sub", padded[::-1], sizes[::-1]
    full = next((v for v, own in zip(padded, sizes) if own == call.sizes[0][1:]), None)
    if full is None:
        raise Unknown("both of its inputs are stretched")
    nodes = []
    for v in padded:
        same = v.order == full.order and len(draft.shape(v)) == len(draft.shape(full))
        nodes.append(v.node if same else _in_order(draft, v, full, call))
    return _joined(draft, key, call, nodes, full.order)


def _in_order(draft: Draft, value: Value, full: Value, call: Call) -> int:
    """Return a node with the axes of a tensor in the order of another one's node."""
    axes = len(draft.shape(full))
    order: list[int | None] = [None] * axes
    for own, axis in zip(value.order, full.order):
        if axis is not None:
            order[axis] = own
    return draft.plain(Value(value.node, tuple(order)), call)


def _cat(draft: Draft, call: Call) -> Value:
    refs = call.arguments["tensors"]
    if not all(isinstance(ref, Ref) for ref in refs):
        raise Unknown("it joins parameters")
    values, order = _alike(draft, call, refs)
    axis = order[positive(call.arguments["dim"], len(call.sizes[0])) - 1]
    if axis is None:
        raise Unknown("it joins along the batch, or along an axis of 1 that is new")
    nodes = [value.node for value in values]
    return _joined(draft, "concat", call, nodes, order, {"axis": axis} if axis else {})


def _stack(draft: Draft, call: Call) -> Value:
    refs = call.arguments["tensors"]
    dim = positive(call.arguments["dim"], len(call.sizes[0]))
    if not all(isinstance(ref, Ref) for ref in refs) or dim == 0:
        raise Unknown("it joins parameters or the batch")
    nodes = [draft.plain(draft.of(ref), call) for ref in refs]
    body = {"axis": dim - 1} if dim > 1 else {}
    return draft.layers.add("stack", body, nodes, draft.path(call, "stack"), call.sizes[0][1:])


def _matmul(draft: Draft, call: Call) -> Value:
    refs = data_of(call)
    if len(refs) != 2 or any(len(draft.sizes(ref)) < 3 for ref in refs):
        raise Unknown("it does not multiply two tensors with images")
    nodes = [draft.plain(draft.of(ref), call) for ref in refs]
    y = draft.layers.add("matmul", {}, nodes, draft.path(call, "matmul"), call.sizes[0][1:])
    return y


def _joined(
    draft: Draft,
    key: str,
    call: Call,
    nodes: Sequence[int],
    order: tuple[int | None, ...],
    body: Mapping[str, Any] = _NO_SETTINGS,
) -> Value:
    y = draft.layers.add(key, body, nodes, draft.path(call, key))
    return Value(y.node, order)


def _alike(
    draft: Draft, call: Call, refs: Sequence[Ref]
) -> tuple[list[Value], tuple[int | None, ...]]:
    """Return tensors whose axes are in one order, and that order; others get a layer for it."""
    values = [draft.of(ref) for ref in refs]
    orders = {value.order for value in values}
    lengths = {len(draft.shape(value)) for value in values}
    if len(orders) == 1 and len(lengths) == 1:
        return values, values[0].order
    nodes = [draft.plain(value, call) for value in values]
    found = [plain(n, draft.layers.graph.nodes[n].shape) for n in nodes]
    return found, found[0].order


_NUMBERS = "`scale` or `shift` for a number or parameters"
READERS = {
    **{
        name: Reader(_arithmetic, f"`{name}` of two tensors; {_NUMBERS}")
        for name in ("add", "sub", "mul", "div")
    },
    "rsub": Reader(_arithmetic, "`sub` of two tensors"),
    "maximum": Reader(_arithmetic, "`maximum`"),
    "minimum": Reader(_arithmetic, "`minimum`"),
    "cat": Reader(_cat, "`concat`"),
    "stack": Reader(_stack, "`stack`"),
    **dict.fromkeys(("matmul", "bmm"), Reader(_matmul, "`matmul`")),
}
