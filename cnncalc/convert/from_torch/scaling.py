"""Scales and shifts: sums and products with numbers or with trained values."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from ...trace import Call, Ref, Sizes, Weight
from ..axes import BATCH, Value
from ..layers import Unknown
from . import views
from .draft import Draft
from .reader import Reader

_TAKES = {"index", "index_select", "gather", "embedding", "slice", "select", "cat", "flip"}


def _addcmul(draft: Draft, call: Call) -> Value:
    """Return x + value·a·b: a scale and a shift if x and one factor are parameters."""
    given = call.arguments
    factors = [given["tensor1"], given["tensor2"]]
    tensors = [t for t in factors if isinstance(t, Ref)]
    others = [t for t in factors if not isinstance(t, Ref)]
    if given.get("value", 1) != 1 or len(tensors) != 1 or isinstance(given["self"], Ref):
        raise Unknown("it is not a scale and a shift by parameters")
    product = scaled(draft, call._replace(name="mul"), draft.of(tensors[0]), others[0])
    return scaled(draft, call._replace(name="add"), product, given["self"])


def scaled(draft: Draft, call: Call, value: Value, other: Any) -> Value:
    """Scale or shift a tensor by a number, or by trained values.

    Errors: Unknown if it is neither.
    """
    key = {"mul": "scale", "div": "scale", "add": "shift", "sub": "shift"}.get(call.name)
    if isinstance(other, Weight) and other.value is not None and not other.trained:
        other = other.value
    if isinstance(other, (int, float)) and not isinstance(other, bool):
        if key is None:
            raise Unknown(f"no operator is {call.name} with a number")
        number = {"div": lambda n: 1 / n, "sub": lambda n: -n}.get(call.name, lambda n: n)(other)
        return _by(draft, call, key, value, {"by": float(number)})
    if not isinstance(other, Weight) or key is None or not other.trained:
        raise Unknown("it computes with a constant")
    table = {} if other.whole else _table(draft, key, other)
    if call.name in ("div", "sub"):
        raise Unknown("it computes with values made of parameters")
    value, trained = _along(draft, call, draft.of_few_axes(value, call), other.sizes)
    body: dict[str, Any]
    start = (1.0 if key == "scale" else 0.0) if other.start is None else other.start
    if key == "scale" and trained == "per_channel" and start != 1:
        key, body = "layer_scale", {"init": start}
    else:
        body = {"by": start, "trained": trained, **table}
    return draft.owned_by([other], _by(draft, call, key, value, body))


def _table(draft: Draft, key: str, other: Weight) -> dict[str, Sizes]:
    """Return the shape of the table that offsets are taken or interpolated from, if it differs.

    Errors: Unknown if they are computed otherwise.
    """
    trained = [
        sizes for name, sizes in zip(other.names, other.parts) if name in draft.trace.parameters
    ]
    made_by = {name.strip("_") for name in other.made_by} - views.READERS.keys() - _TAKES
    computes = {name for name in made_by if not name.startswith("upsample_")}
    if key != "shift" or len(trained) != 1 or computes:
        raise Unknown("it computes with values made of parameters")
    return {} if prod(trained[0]) == prod(other.sizes) else {"table": trained[0]}


def _by(draft: Draft, call: Call, key: str, value: Value, body: Mapping[str, Any]) -> Value:
    value = draft.of_few_axes(value, call)
    y = draft.layers.add(key, body, [value.node], draft.path(call, key))
    return Value(y.node, value.dims)


def _along(draft: Draft, call: Call, value: Value, sizes: Sizes) -> tuple[Value, str]:
    """Return a tensor and along which axes of it trained values of these sizes differ.

    Axes are put into another order where `scale` has no word for them.
    """
    if len(sizes) > len(value.dims) and sizes[0] != 1:
        raise Unknown("it computes with parameters of another shape")
    ends = range(len(value.dims) - 1, -1, -1)
    needed = {dim: n for dim, n in zip(ends, reversed(sizes)) if n != 1}
    dims = sorted(needed)
    if any(BATCH in value.dims[dim] for dim in dims):
        raise Unknown("its parameters differ from image to image")
    shape = draft.shape(value)
    if any(prod(shape[axis] for axis in value.dims[dim]) != n for dim, n in needed.items()):
        raise Unknown("its parameters stretch what they are joined with")
    value = draft.separate(value, dims, call)
    axes = tuple(sorted(axis for dim in dims for axis in value.dims[dim]))
    shape = draft.shape(value)
    if shape[0] == 1 and prod(sizes) == 1 and call.name == "mul":
        return value, "one"
    spatial = tuple(range(1, len(shape)))
    kinds = {
        (): "one",
        (0,): "per_channel",
        spatial: "per_position",
        (0, *spatial): "per_value",
    }
    if axes in kinds:
        return value, kinds[axes]
    others = [axis for axis, n in enumerate(shape) if axis not in axes and n != 1]
    if len(axes) == 1:
        return draft.in_order(value, [*axes, *others], call), "per_channel"
    if len(others) == 1:
        return draft.in_order(value, [*others, *axes], call), "per_position"
    raise Unknown("its parameters differ along some axes only")


READERS = {
    "addcmul": Reader(_addcmul, "`scale` and `shift`, if two of its tensors are parameters"),
}
