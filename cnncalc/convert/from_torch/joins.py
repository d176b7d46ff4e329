"""What joins tensors: sums, products, concatenations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ...trace import Call, Ref
from ..axes import BATCH, Group, Value, positive
from ..layers import Unknown, with_one_open
from .draft import MOST_AXES, Draft, data_of
from .operators import multiplied_by_weight
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
        left, right = draft.of(a, stretched=True), draft.of(b, stretched=True)
        if call.name == "rsub":
            return joined(draft, call, "sub", right, left)
        return joined(draft, call, call.name, left, right)
    if not isinstance(a, Ref):
        a, b = b, a
        if call.name not in ("add", "mul", "maximum", "minimum"):
            raise Unknown("it divides or subtracts from a parameter")
    return scaled(draft, call, draft.of(a), b)


def joined(draft: Draft, call: Call, key: str, left: Value, right: Value) -> Value:
    """Join two tensors value by value. One may be stretched along axes of 1.

    Errors: Unknown if both are.
    """
    longest = max(len(left.dims), len(right.dims))
    both = [Value(v.node, (*[()] * (longest - len(v.dims)), *v.dims)) for v in (left, right)]
    sizes = [_sizes(draft, v) for v in both]
    wide = next((n for n in (0, 1) if _covers(sizes[n], sizes[1 - n])), None)
    if wide is None:
        return _both_stretched(draft, call, key, both)
    full, other = both[wide], both[1 - wide]
    differing = [
        dim
        for dim, (a, b) in enumerate(zip(_axes(draft, full), _axes(draft, other)))
        if b and a != b
    ]
    if any(BATCH in full.dims[dim] for dim in differing):
        full, other = _in_one_order(draft, call, full), _in_one_order(draft, call, other)
    else:
        full = draft.separate(full, differing, call)
        other = draft.separate(other, differing, call)
    full = draft.of_few_axes(full, call)
    nodes = [full.node, _alike(draft, call, other, full)]
    if wide:
        nodes.reverse()
    y = draft.layers.add(key, {}, nodes, draft.path(call, key))
    return Value(y.node, full.dims)


def _both_stretched(draft: Draft, call: Call, key: str, both: Sequence[Value]) -> Value:
    """Join two tensors that are stretched along different axes; neighbours may be merged."""
    left, right = (_in_one_order(draft, call, value) for value in both)
    if left.dims != right.dims:
        raise Unknown("both of its inputs are stretched")
    shapes = draft.shape(left), draft.shape(right)
    nodes = [left.node, right.node]
    if len(shapes[0]) <= MOST_AXES:
        y = draft.layers.add(key, {}, nodes, draft.path(call, key))
        return Value(y.node, left.dims)
    groups: list[Group] = []
    for axis, (n, m) in enumerate(zip(*shapes)):
        before = groups[-1][-1] if groups else None
        if n == m and before is not None and shapes[0][before] == shapes[1][before]:
            groups[-1] = (*groups[-1], axis)
        else:
            groups.append((axis,))
    scope = draft.scope(call)
    merged = [draft.layers.laid_out(node, groups, scope) for node in nodes]
    y = draft.layers.add(key, {}, merged, draft.path(call, key))
    sizes = tuple(map(max, zip(*shapes)))
    body = {"sizes": with_one_open(draft.shape(y), sizes)}
    y = draft.layers.add("reshape", body, [y.node], draft.path(call, "reshape"), sizes)
    return Value(y.node, left.dims)


def _in_one_order(draft: Draft, call: Call, value: Value) -> Value:
    """Return a tensor of which each dimension without the batch is one axis."""
    return draft.arranged(value, [n for n, g in enumerate(value.dims) if BATCH not in g], call)


def _sizes(draft: Draft, value: Value) -> list[int]:
    found = []
    for sizes in draft.held(value):
        n = 1
        for size in sizes:
            n *= size
        found.append(n)
    return found


def _covers(wide: Sequence[int], narrow: Sequence[int]) -> bool:
    return all(b in (1, a) for a, b in zip(wide, narrow))


def _axes(draft: Draft, value: Value) -> list[list[int]]:
    """Return the sizes of the axes in each dimension, without those of 1; the batch is -1."""
    shape, found = draft.shape(value), []
    for group in value.dims:
        sizes = [axis if axis == BATCH else shape[axis] for axis in group]
        found.append([n for n in sizes if n != 1])
    return found


def _alike(draft: Draft, call: Call, value: Value, full: Value) -> int:
    """Return a node with the axes of a tensor where another one has them in its node."""
    shapes = draft.shape(value), draft.shape(full)
    groups: list[Group] = [()] * len(shapes[1])
    for own, wanted in zip(value.dims, full.dims):
        axes = [axis for axis in own if axis == BATCH or shapes[0][axis] != 1]
        places = [axis for axis in wanted if axis == BATCH or shapes[1][axis] != 1]
        for axis, place in zip(axes, places):
            if (axis == BATCH) != (place == BATCH):
                raise Unknown("it joins different images")
            if axis != BATCH:
                groups[place] = (axis,)
    for axis in range(len(groups)):  # an axis of 1 stays one where it is
        if not groups[axis] and axis < len(shapes[0]) and shapes[0][axis] == 1:
            groups[axis] = (axis,)
    return draft.layers.laid_out(value.node, groups, draft.scope(call))


def _cat(draft: Draft, call: Call) -> Value:
    refs = call.arguments["tensors"]
    if not all(isinstance(ref, Ref) for ref in refs):
        raise Unknown("it joins parameters")
    dim = positive(call.arguments["dim"], len(call.sizes[0]))
    values = [draft.separate(draft.of(ref), [dim], call) for ref in refs]
    if len({(value.dims, len(draft.shape(value))) for value in values}) > 1:
        rest = range(1, len(call.sizes[0]))
        values = [draft.arranged(value, rest, call) for value in values]
    if len({value.dims for value in values}) > 1:
        raise Unknown("it joins tensors that hold the images in other ways")
    axis = values[0].axis(dim)
    nodes = [value.node for value in values]
    body = {"axis": axis} if axis else {}
    y = draft.layers.add("concat", body, nodes, draft.path(call, "concat"))
    return Value(y.node, values[0].dims)


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
    if len(refs) != 2:
        return multiplied_by_weight(draft, call)
    return multiplied(draft, call, draft.of(refs[0]), draft.of(refs[1]))


def multiplied(draft: Draft, call: Call, left: Value, right: Value) -> Value:
    """Multiply the matrices of two tensors' last two dimensions.

    Errors: Unknown if one of these holds the batch, or the others differ.
    """
    rank = len(left.dims)
    if len(right.dims) != rank or rank < 3:
        raise Unknown("it multiplies matrices of different images")
    matrix = (rank - 2, rank - 1)
    if any(BATCH in value.dims[dim] for value in (left, right) for dim in matrix):
        raise Unknown("it multiplies matrices of different images")
    left, right = (_matrices(draft, call, value) for value in (left, right))
    if len(draft.shape(right)) == 2 < len(draft.shape(left)) and right.batch_first:
        return _by_one_matrix(draft, call, left, right)
    if left.dims != right.dims or draft.shape(left)[:-2] != draft.shape(right)[:-2]:
        raise Unknown("it multiplies matrices of different images")
    y = draft.layers.add("matmul", {}, [left.node, right.node], draft.path(call, "matmul"))
    return Value(y.node, left.dims)


def _by_one_matrix(draft: Draft, call: Call, left: Value, right: Value) -> Value:
    """Multiply several matrices of an image by the same one: their rows are those of one matrix."""
    shape = draft.shape(left)
    last = len(shape) - 1
    rows = draft.layers.laid_out(left.node, [tuple(range(last)), (last,)], draft.scope(call))
    y = draft.layers.add("matmul", {}, [rows, right.node], draft.path(call, "matmul"))
    sizes = (*shape[:-1], draft.shape(y)[-1])
    body = {"sizes": with_one_open(draft.shape(y), sizes)}
    y = draft.layers.add("reshape", body, [y.node], draft.path(call, "reshape"), sizes)
    return Value(y.node, left.dims)


def _matrices(draft: Draft, call: Call, value: Value) -> Value:
    """Return a tensor whose last two dimensions are the last two axes of a layer's output."""
    shape = draft.shape(value)
    dims = []
    for dim, group in enumerate(value.dims):
        inner = dim >= len(value.dims) - 2
        dims.append(group if inner else tuple(a for a in group if a == BATCH or shape[a] != 1))
    slim = Value(value.node, tuple(dims))
    return draft.arranged(slim, (len(dims) - 2, len(dims) - 1), call)


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
