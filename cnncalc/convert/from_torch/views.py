"""What only moves values: a view adds no layer until a layer needs the axes in their order."""

from __future__ import annotations

from ...num import Shape
from ...trace import Call
from ..axes import BATCH, Group, Value, plain, positive, regrouped, split
from ..layers import Unknown, with_one_open
from .draft import Draft, data_of, only_data
from .reader import Reader, possible

_MOST_AXES = 6  # that `reshape` and `permute` accept


def _viewed(draft: Draft, call: Call) -> Value:
    """Return the tensor that a call views; its result is repeated along axes where that is."""
    ref = data_of(call)[0]
    if ref in draft.stretched:
        draft.stretched.add(draft.reading)
    return draft.of(ref, stretched=True)


def _same(draft: Draft, call: Call) -> Value:
    return _viewed(draft, call)


def _expand(draft: Draft, call: Call) -> Value:
    """Return the tensor; what joins it with others repeats its values along axes of 1."""
    ref = data_of(call)[0]
    value, old = draft.of(ref, stretched=True), draft.sizes(ref)
    if len(old) != len(call.sizes[0]):
        raise Unknown("it repeats values along a new axis")
    if old != call.sizes[0] or ref in draft.stretched:
        draft.stretched.add(draft.reading)
    return value


def _nothing(draft: Draft, call: Call) -> None:
    return None


def _permute(draft: Draft, call: Call) -> Value:
    dims = [positive(d, len(call.sizes[0])) for d in call.arguments["dims"]]
    return _viewed(draft, call).permuted(dims)


def _transpose(draft: Draft, call: Call) -> Value:
    dims = [*range(len(call.sizes[0]))]
    swapped = [value for value in call.arguments.values() if isinstance(value, int)] or [-2, -1]
    a, b = (positive(dim, len(dims)) for dim in swapped)
    dims[a], dims[b] = dims[b], dims[a]
    return _viewed(draft, call).permuted(dims)


def _unsqueeze(draft: Draft, call: Call) -> Value:
    return _viewed(draft, call).with_dim(positive(call.arguments["dim"], len(call.sizes[0])))


def _squeeze(draft: Draft, call: Call) -> Value:
    ref = only_data(call)
    sizes = draft.sizes(ref)
    given = call.arguments.get("dim")
    wanted = range(1, len(sizes)) if given is None else given
    dims = [wanted] if isinstance(wanted, int) else [*wanted]
    dims = [d for d in (positive(d, len(sizes)) for d in dims) if sizes[d] == 1]
    return possible(draft.of(ref).without(dims))


def _reshape(draft: Draft, call: Call) -> Value:
    """Return a tensor with other sizes: axes are merged, or a layer splits some of them."""
    ref = data_of(call)[0]
    value, old, new = draft.of(ref), draft.sizes(ref), call.sizes[0]
    if old == new:
        return value
    held = draft.held(value)
    view = regrouped(value, held, new)
    if view is None:
        view = _with_splits(draft, call, value, held, new)
    if view is not None:
        return view
    node = draft.plain(value, call)
    x = draft.layers.graph.nodes[node].shape
    if not new or new[0] != old[0]:
        raise Unknown("it moves images of the batch")
    sizes = with_one_open(x, new[1:])
    y = draft.layers.add("reshape", {"sizes": sizes}, [node], draft.path(call, "reshape"), new[1:])
    return plain(y.node, new[1:])


def _with_splits(
    draft: Draft, call: Call, value: Value, held: list[Shape], new: Shape
) -> Value | None:
    """Return the tensor with sizes for which a layer splits axes; None if that is not enough."""
    parts = split(held, new)
    if parts is None:
        return None
    axes = [axis for group in value.dims for axis in group]
    pieces = dict(zip(axes, parts.within))
    x = draft.shape(value)
    places: list[Group] = []  # of the pieces of each axis
    sizes: list[int] = []
    for axis, n in enumerate(x):
        own = pieces.get(axis, (n,))
        places.append(tuple(range(len(sizes), len(sizes) + len(own))))
        sizes += own
    if len(pieces.get(BATCH, ())) > 1 or len(sizes) > _MOST_AXES:
        return None
    body = {"sizes": with_one_open(x, tuple(sizes))}
    y = draft.layers.add("reshape", body, [value.node], draft.path(call, "reshape"), tuple(sizes))
    flat = [place for axis in axes for place in ((BATCH,) if axis == BATCH else places[axis])]
    return Value(y.node, tuple(tuple(flat[n] for n in group) for group in parts.groups))


_LATER = "no layer, until one needs the axes in another order"
_SAME = (
    "alias", "detach", "contiguous", "clone", "to", "lift_fresh_copy", "to_copy", "type_as",
    "detach_copy", "lift_fresh",
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
    **dict.fromkeys(("expand", "expand_as"), Reader(_expand, "no layer: joins repeat values")),
    "permute": Reader(_permute, f"{_LATER}; then `permute`"),
    **dict.fromkeys(
        ("transpose", "swapaxes", "swapdims", "mT"),
        Reader(_transpose, f"{_LATER}; then `permute`"),
    ),
    "squeeze": Reader(_squeeze, f"{_LATER}; then `reshape`"),
    "unsqueeze": Reader(_unsqueeze, f"{_LATER}; then `reshape`"),
}
