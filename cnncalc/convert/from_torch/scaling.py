"""Scales and shifts: sums and products with numbers or with trained values."""

from __future__ import annotations

from math import prod
from typing import Any

from ...trace import Call, Ref, Weight
from ..axes import Value
from ..layers import Unknown
from .draft import Draft
from .reader import Reader


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
    """Scale or shift a tensor by a number, or by trained values."""
    shape = draft.shape(value)
    key = {"mul": "scale", "div": "scale", "add": "shift", "sub": "shift"}.get(call.name)
    if isinstance(other, Weight) and other.value is not None and not other.trained:
        other = other.value
    if isinstance(other, (int, float)) and not isinstance(other, bool):
        by = {"div": lambda n: 1 / n, "sub": lambda n: -n, "rsub": lambda n: n}.get(call.name)
        if key is None:
            raise Unknown(f"no operator is {call.name} with a number")
        y = draft.layers.add(
            key, {"by": float(by(other) if by else other)}, [value.node], draft.path(call, key)
        )
        return Value(y.node, value.order)
    if not isinstance(other, Weight) or key is None or not other.trained:
        raise Unknown("it computes with a constant")
    ones = (1,) * (len(value.order) - len(other.sizes)) + tuple(other.sizes)
    held = [value.order[n] for n, size in enumerate(ones[-len(value.order) :]) if size != 1]
    if len(ones) > len(value.order) and ones[0] != 1 or call.name in ("div", "sub"):
        raise Unknown("it computes with parameters of another shape")
    spatial = tuple(range(1, len(shape)))
    kinds = {
        (): "one",
        (0,): "per_channel",
        spatial: "per_position",
        (0, *spatial): "per_value",
    }
    trained = kinds.get(tuple(sorted(axis or 0 for axis in held)))
    if trained is None:
        raise Unknown("its parameters differ along some axes only")
    if shape[0] == 1 and prod(other.sizes) == 1 and call.name == "mul":
        trained = "one"
    start = 1.0 if key == "scale" else 0.0
    y = draft.layers.add(
        key, {"by": start, "trained": trained}, [value.node], draft.path(call, key)
    )
    return Value(y.node, value.order)


READERS = {
    "addcmul": Reader(_addcmul, "`scale` and `shift`, if two of its tensors are parameters"),
}
