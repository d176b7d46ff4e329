"""What only moves values: a view adds no layer until a layer needs the axes in their order."""

from __future__ import annotations

from ...num import Shape
from ...trace import Call
from ..axes import Value, positive
from ..layers import Unknown
from .draft import Draft, data_of
from .reader import Reader, possible


def _same(draft: Draft, call: Call) -> Value:
    return draft.of(data_of(call)[0])


def _nothing(draft: Draft, call: Call) -> None:
    return None


def _permute(draft: Draft, call: Call) -> Value:
    (ref,) = data_of(call)
    dims = [positive(d, len(call.sizes[0])) for d in call.arguments["dims"]]
    return possible(draft.of(ref).permuted(dims))


def _transpose(draft: Draft, call: Call) -> Value:
    (ref,) = data_of(call)
    dims = [*range(len(call.sizes[0]))]
    a, b = (positive(call.arguments[name], len(dims)) for name in ("dim0", "dim1"))
    dims[a], dims[b] = dims[b], dims[a]
    return possible(draft.of(ref).permuted(dims))


def _unsqueeze(draft: Draft, call: Call) -> Value:
    (ref,) = data_of(call)
    return possible(draft.of(ref).with_axis(positive(call.arguments["dim"], len(call.sizes[0]))))


def _squeeze(draft: Draft, call: Call) -> Value:
    (ref,) = data_of(call)
    sizes = draft.sizes(ref)
    given = call.arguments.get("dim")
    wanted = range(1, len(sizes)) if given is None else given
    dims = [wanted] if isinstance(wanted, int) else [*wanted]
    dims = [d for d in (positive(d, len(sizes)) for d in dims) if sizes[d] == 1]
    return possible(draft.of(ref).without(dims))


def _reshape(draft: Draft, call: Call) -> Value:
    """Return a tensor with other sizes: only axes of 1 come or go, or a layer reshapes it."""
    ref = data_of(call)[0]
    value, old, new = draft.of(ref), draft.sizes(ref), call.sizes[0]
    if not new or old[0] != new[0]:
        raise Unknown("it moves images of the batch")
    if old == new:
        return value
    view = _with_ones(value, old[1:], new[1:])
    if view is not None:
        return view
    node = draft.plain(value, call)
    x = draft.layers.graph.nodes[node].shape
    if len(new) == 2:
        return draft.layers.add("flatten", {}, [node], draft.path(call, "flatten"), new[1:])
    sizes = _relative(x, new[1:])
    return draft.layers.add(
        "reshape", {"sizes": sizes}, [node], draft.path(call, "reshape"), new[1:]
    )


def _with_ones(value: Value, old: Shape, new: Shape) -> Value | None:
    """Return the tensor with axes of 1 added or dropped; None if that does not give these sizes."""
    kept = [axis for axis, n in zip(value.order, old) if n != 1]
    if [n for n in old if n != 1] != [n for n in new if n != 1]:
        return None
    if len(old) == len(new):
        return None
    rest, order = iter(kept), []
    ones = iter([axis for axis, n in zip(value.order, old) if n == 1])
    for n in new:
        order.append(next(rest) if n != 1 else next(ones, None))
    return Value(value.node, tuple(order))


def _relative(x: Shape, y: Shape) -> Shape:
    """Return sizes of which the largest new one is left open, so that other inputs fit."""
    sizes = list(y)
    new = [n for n, size in enumerate(y) if size not in x]
    open_ = max(new or range(len(y)), key=lambda n: y[n])
    sizes[open_] = -1
    return tuple(sizes)


_LATER = "no layer, until one needs the axes in another order"
_SAME = (
    "alias", "detach", "contiguous", "clone", "to", "lift_fresh_copy", "to_copy", "expand_as",
    "expand", "type_as", "detach_copy", "lift_fresh",
)  # fmt: skip
_NOTHING = ("assert_tensor_metadata", "assert_scalar", "assert_async", "sym_constrain_range")
_RESHAPES = ("view", "reshape", "flatten", "unflatten", "reshape_as", "view_as", "unsafe_view")
READERS = {
    **dict.fromkeys(_SAME, Reader(_same, "no layer: it computes nothing")),
    **dict.fromkeys(_NOTHING, Reader(_nothing, "no layer: it checks the network")),
    **dict.fromkeys(
        _RESHAPES,
        Reader(_reshape, "`flatten` or `reshape`; no layer if only axes of 1 come or go"),
    ),
    "permute": Reader(_permute, f"{_LATER}; then `permute`"),
    "transpose": Reader(_transpose, f"{_LATER}; then `permute`"),
    "squeeze": Reader(_squeeze, f"{_LATER}; then `reshape`"),
    "unsqueeze": Reader(_unsqueeze, f"{_LATER}; then `reshape`"),
}
