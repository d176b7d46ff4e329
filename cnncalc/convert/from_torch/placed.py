"""Layers that read at places: pools with their maxima's, pools undone, and moved convolutions."""

from __future__ import annotations

from typing import Any

from ...ops.pool import MaxPool
from ...ops.shapes import alike
from ...trace import Call, Ref, Weight
from ..axes import Value
from ..layers import Unknown
from .draft import Draft
from .operators import called
from .reader import Reader


def _pool(draft: Draft, call: Call) -> Any:
    """Return the maxima; their places are nothing but what `maxunpool` reads."""
    values = called(draft, call)
    return [values, None] if len(call.sizes) > 1 else values


def _fractional_pool(draft: Draft, call: Call) -> Any:
    """Return the maxima of windows at random places: the random numbers are the layer's own."""
    given = call.arguments
    if isinstance(given["random_samples"], Ref):
        raise Unknown("its random numbers come from the network's inputs")
    body = {"kernel": alike(given["kernel_size"]), "size": alike(given["output_size"])}
    node = draft.plain(draft.of(given["self"]), call)
    path = draft.path(call, "fractional_maxpool")
    return [draft.layers.add("fractional_maxpool", body, [node], path, call.sizes[0][1:]), None]


def _unpool(draft: Draft, call: Call) -> Value:
    """Put values back where a pool of the network found its maxima."""
    places = call.arguments["indices"]
    if not isinstance(places, Ref) or places.part != 1:
        raise Unknown("its places are not those of the maxima of a pool")
    found = draft.values.get(Ref(places.call))
    pooled = found[0] if isinstance(found, list) else found
    nodes = draft.layers.graph.nodes
    if not isinstance(pooled, Value) or not isinstance(nodes[pooled.node].op, MaxPool):
        raise Unknown("its places are not those of the maxima of a pool")
    node = draft.plain(draft.of(call.arguments["self"]), call)
    pool = nodes[pooled.node]
    inputs = [node, pooled.node, pool.inputs[0]]
    path, y = draft.path(call, "maxunpool"), call.sizes[0][1:]
    return draft.layers.add("maxunpool", {"indices": pool.path}, inputs, path, y)


def _deformed(draft: Draft, call: Call) -> Value:
    """Convolve values at places that another layer moves.

    torchvision makes a mask of 0, and biases, where there are none.
    """
    given = call.arguments
    weight, bias = given["weight"], given["bias"]
    if not isinstance(weight, Weight) or not isinstance(bias, Weight):
        raise Unknown("its weights depend on the network's inputs")
    read = [given["input"], given["offset"], *[given["mask"]] * bool(given["use_mask"])]
    if not all(isinstance(ref, Ref) for ref in read):
        raise Unknown("its input, places or factors do not depend on the network's inputs")
    inputs = [draft.plain(draft.of(ref), call) for ref in read]
    out, _, *kernel = weight.sizes
    pairs = {
        name: alike([given[f"{short}_h"], given[f"{short}_w"]])
        for name, short in (("stride", "stride"), ("padding", "pad"), ("dilation", "dilation"))
    }
    own = [w for w in (weight, bias) if w.names]
    body = {
        "out": out,
        "kernel": alike(kernel),
        "groups": given["groups"],
        "bias": bool(bias.names),
        **pairs,
        **{name: draft.layers.graph.nodes[n].path for name, n in zip(_NAMED, inputs[1:])},
    }
    held = {f"weight{n}": tuple(w.sizes) for n, w in enumerate(own)}
    path, y = draft.path(call, "deform_conv"), call.sizes[0][1:]
    return draft.owned(call, draft.layers.add_with("deform_conv", body, inputs, path, y, held))


_NAMED = ("offset", "mask")
READERS = {
    **dict.fromkeys(("max_pool1d", "max_pool2d", "max_pool3d"), Reader(_pool)),
    **dict.fromkeys(("fractional_max_pool2d", "fractional_max_pool3d"), Reader(_fractional_pool)),
    **dict.fromkeys(("max_unpool2d", "max_unpool3d"), Reader(_unpool)),
    "deform_conv2d": Reader(_deformed),
}
