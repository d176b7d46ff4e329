"""Calls that are operators of their own, found by their names."""

from __future__ import annotations

from typing import Any

from ...num import Shape
from ...ops import BY_KEY
from ...ops.called import Called
from ...ops.field_types import each_side
from ...ops.shapes import alike
from ...trace import SKIPPING, Call, Ref, Weight
from ..axes import Value, positive
from ..layers import Unknown
from .draft import Draft, data_of, only_data, path_of
from .parametrized import parametrization
from .reader import Reader

_UNUSED = {
    "cudnn_enabled", "training", "train", "dtype", "memory_format", "scales_h", "scales_w",
    "scales", "half_to_float", "input_shape",
}  # fmt: skip
_ROUNDED = ("eps", "momentum")


def called(draft: Draft, call: Call) -> Value:
    """Add the layer that is an operator of its own."""
    values = [draft.of(ref) for ref in data_of(call)]
    elementwise = (
        len(values) == 1
        and not _weights_of(call)
        and call.sizes[0] == draft.sizes(data_of(call)[0])
        and (not call.key or BY_KEY[call.key].elementwise)
    )
    settings = _settings_of(call)
    if elementwise and not draft.is_plain(values[0]) and not draft.is_flat(values[0]):
        return _in_place_of(draft, call, draft.of_few_axes(values[0], call), settings)
    nodes = [draft.plain(value, call) for value in values]
    xs = tuple(draft.layers.graph.nodes[n].shape for n in nodes)
    y = call.sizes[0][1:]
    described = Called(
        name=call.name,
        settings=settings | _parametrized(call),
        defaults=call.defaults,
        weights=_weights_of(call),
        xs=xs,
        y=y,
        buffers=_buffers_of(call),
        trained=_trained_of(call),
        key=call.key,
    )
    found = draft.layers.called(described, nodes, lambda key: draft.path(call, key))
    return draft.owned(call, found)


def _in_place_of(
    draft: Draft, call: Call, value: Value, settings: dict[str, Any], y: Shape | None = None
) -> Value:
    """Add a layer on the axes as they are; the tensor keeps the order of its axes."""
    shape = tuple(draft.shape(value))
    weights = _weights_of(call)
    described = Called(
        name=call.name,
        settings=settings,
        defaults=frozenset(),
        weights=weights,
        xs=(shape,),
        y=y or shape,
        buffers=_buffers_of(call),
        key=call.key,
    )
    found = draft.layers.called(described, [value.node], lambda key: draft.path(call, key))
    return draft.owned(call, Value(found.node, value.dims))


def _layer_norm(draft: Draft, call: Call) -> Value:
    ref = only_data(call)
    normed = range(len(call.sizes[0]) - len(call.arguments["normalized_shape"]), len(call.sizes[0]))
    value = draft.of(ref)
    if _weights_of(call):
        value = draft.separate(value, normed, call)
    value = draft.of_few_axes(value, call)
    axes = sorted(axis for dim in normed for axis in value.dims[dim])
    settings = {"axes": tuple(axes), "eps": call.arguments["eps"]}
    return _in_place_of(draft, call, value, settings)


def _batch_norm(draft: Draft, call: Call) -> Value:
    """Normalise the second dimension, which becomes the channels; all others are positions."""
    ref = only_data(call)
    value = draft.of(ref)
    if value.batch_first:
        return called(draft, call)
    first = [1, *(dim for dim in range(len(value.dims)) if dim != 1)]
    value = draft.arranged(value.permuted(first), [0], call)
    y = _in_place_of(draft, call, value, _settings_of(call))
    return y.permuted([first.index(dim) for dim in range(len(first))])


def _softmax(draft: Draft, call: Call) -> Value:
    ref = only_data(call)
    dim = positive(call.arguments["dim"], len(call.sizes[0]))
    return softmax_over(draft, call, draft.of(ref), dim)


def softmax_over(draft: Draft, call: Call, value: Value, dim: int) -> Value:
    """Turn a dimension of a tensor into shares of 1."""
    value = draft.of_few_axes(draft.separate(value, [dim], call), call)
    shape = tuple(draft.shape(value))
    described = Called(call.name, {"axis": value.axis(dim)}, frozenset(), {}, (shape,), shape)
    found = draft.layers.called(described, [value.node], lambda key: draft.path(call, key))
    return Value(found.node, value.dims)


def _linear(draft: Draft, call: Call) -> Value:
    """Compute the last dimension anew."""
    ref = only_data(call)
    value = draft.of(ref)
    if len(value.dims) == 2 and value.batch_first:
        return called(draft, call)
    return _over_last(draft, call, value)


def multiplied_by_weight(draft: Draft, call: Call, value: Value | None = None) -> Value:
    """Return a product with a matrix of parameters: a linear layer, whose weight is transposed.

    It multiplies a tensor that the call reads, or another view of it.
    """
    names = ("self", "other") if "other" in call.arguments else ("self", "mat2")
    ref, weight = (call.arguments[name] for name in names)
    if not isinstance(ref, Ref) or not isinstance(weight, Weight) or len(weight.sizes) != 2:
        raise Unknown("it multiplies with a parameter")
    linear = call._replace(name="linear", arguments={"input": ref, "weight": _swapped(weight)})
    return _over_last(draft, linear, draft.of(ref) if value is None else value)


def _swapped(weight: Weight) -> Weight:
    return weight._replace(sizes=weight.sizes[::-1])


def _over_last(draft: Draft, call: Call, value: Value) -> Value:
    """Compute the last dimension of a tensor: the channels or the last axis of a layer's output."""
    last = len(call.sizes[0]) - 1
    value = draft.separate(value, [last], call)
    if value.axis(last) not in (0, len(draft.shape(value)) - 1) or len(draft.shape(value)) == 1:
        value = draft.arranged(value, range(1, last + 1), call)
    value = draft.of_few_axes(value, call)
    shape = draft.shape(value)
    axis = value.axis(last)
    y = list(shape)
    y[axis or 0] = call.sizes[0][-1]
    settings = {"over": "channels" if axis == 0 else "last"}
    return _in_place_of(draft, call, value, settings, tuple(y))


def _pad(draft: Draft, call: Call) -> Value:
    """Add values at the ends of some dimensions, which may be those of images in a larger batch."""
    ref = only_data(call)
    value, given = draft.of(ref), call.arguments
    if call.sizes[0] == draft.sizes(ref):
        return value
    if value.batch_first:
        return called(draft, call)
    listed = [*zip(given["pad"][::2], given["pad"][1::2])]
    around = dict(zip(range(len(value.dims) - 1, -1, -1), listed))
    padded = [dim for dim, ends in around.items() if any(ends)]
    value = draft.of_few_axes(draft.separate(value, padded, call), call)
    shape = draft.shape(value)
    ends = {value.axis(dim): around[dim] for dim in padded}
    if 0 in ends or min(n for both in listed for n in both) < 0:
        raise Unknown("it pads the first axis, or cuts off values")
    amounts = [ends.get(axis, (0, 0)) for axis in range(1, len(shape))]
    mode = "zeros" if given.get("mode") == "constant" else given.get("mode")
    body = {"amount": each_side(amounts), "mode": mode, "value": float(given.get("value") or 0)}
    y = (shape[0], *(n + low + high for n, (low, high) in zip(shape[1:], amounts)))
    node = draft.layers.add("pad", body, [value.node], draft.path(call, "pad"), y).node
    return Value(node, value.dims)


def _dropout(draft: Draft, call: Call) -> Value:
    """Set values to 0 at random, or never."""
    if call.arguments.get("p") == 0:
        return draft.of(data_of(call)[0], stretched=True)
    if call.module.rpartition(".")[2] in SKIPPING:
        value = draft.of_few_axes(draft.of(data_of(call)[0]), call)
        body = {"p": call.arguments["p"]}
        node = draft.layers.add("stochastic_depth", body, [value.node], path_of(call)).node
        return Value(node, value.dims)
    return called(draft, call)


def _lstm(draft: Draft, call: Call) -> list[Value]:
    """Return the outputs of a recurrent layer that begins with zeros; its states are others."""
    given = call.arguments
    ref, weights = given["input"], given["params"]
    if not given["batch_first"] or any(isinstance(h, Ref) for h in _listed(given["hx"])):
        raise Unknown("it begins with states of its own, or has the steps first")
    held = {f"weight{n}": tuple(weight.sizes) for n, weight in enumerate(weights)}
    hidden = weights[1].sizes[1]
    body = {
        "out": hidden,
        "layers": given["num_layers"],
        "bidirectional": bool(given["bidirectional"]),
        "bias": bool(given["has_biases"]),
        "dropout": float(given["dropout"]),
    }
    key = {"lstm": "lstm", "gru": "gru"}.get(call.name)
    if key is None or call.name == "lstm" and weights[0].sizes[0] != 4 * hidden:
        raise Unknown("its layers are projected")
    node = draft.plain(draft.of(ref), call)
    y = draft.layers.add_with(key, body, [node], draft.path(call, key), call.sizes[0][1:], held)
    return [draft.owned(call, y)]


def _settings_of(call: Call) -> dict[str, Any]:
    """Return the arguments that are no tensors, with one number for alike axes."""
    found: dict[str, Any] = {}
    for name, value in call.arguments.items():
        if name in _UNUSED or value is None or value == [] or _has_tensor(value):
            continue
        per_axis = isinstance(value, (list, tuple)) and not call.key
        found[name] = alike(value) if per_axis else value
        if name in _ROUNDED and isinstance(value, float):
            found[name] = float(f"{value:.6g}")  # 1 - 0.9997 is meant to be 0.0003
    return found


def _weights_of(call: Call) -> dict[str, Shape]:
    """Return the shapes of the parameters and buffers of a call.

    Errors: Unknown if one is a part of a tensor, or computed from several.
    """
    weights = {k: w for k, w in call.arguments.items() if isinstance(w, Weight)}
    if not all(weight.whole or parametrization(weight) for weight in weights.values()):
        raise Unknown("its weights are a part of a parameter, or computed from several")
    return {name: tuple(weight.sizes) for name, weight in weights.items()}


def _buffers_of(call: Call) -> frozenset[str]:
    weights = {k: w for k, w in call.arguments.items() if isinstance(w, Weight)}
    return frozenset(name for name, w in weights.items() if not w.is_parameter)


def _parametrized(call: Call) -> dict[str, str]:
    """Return how a layer computes its weight, if it does."""
    weight = call.arguments.get("weight")
    word = parametrization(weight) if isinstance(weight, Weight) else None
    return {"parametrize": word} if word else {}


def _trained_of(call: Call) -> tuple[Shape, ...]:
    """Return the shapes of what is trained instead of the weights of a call, if that is else."""
    if not _parametrized(call):
        return ()
    weights = [w for w in call.arguments.values() if isinstance(w, Weight)]
    return tuple(sizes for weight in weights for sizes in weight.parts)


def _has_tensor(value: Any) -> bool:
    if isinstance(value, (Ref, Weight)):
        return True
    return isinstance(value, (list, tuple)) and any(map(_has_tensor, value))


def _listed(value: Any) -> list[Any]:
    """Return a list as it is, and any other value in one."""
    return value if isinstance(value, list) else [value]


READERS = {
    "layer_norm": Reader(_layer_norm),
    "batch_norm": Reader(_batch_norm),
    **dict.fromkeys(("softmax", "log_softmax"), Reader(_softmax)),
    "linear": Reader(_linear),
    "pad": Reader(_pad),
    "dropout": Reader(_dropout, "`dropout`; no layer if its probability is 0"),
    "feature_dropout": Reader(_dropout, "`dropout2d`; no layer if its probability is 0"),
    **dict.fromkeys(("lstm", "gru"), Reader(_lstm)),
}
