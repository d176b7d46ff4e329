"""Counts the figures of a graph on any Num: ints, arrays of many variants, or symbols.

Layers of the same operator on the very same sizes are counted once, and nothing is counted that
nobody asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set
from typing import Any, NamedTuple

from ..cost import FREE
from ..graph import Graph, Node
from ..num import Num, Open, Shape, choose, product, total
from .figures import TOTALS
from .held import Either, held
from .memory.storage import storages
from .rows import own_values

_OF_PARAMETERS = frozenset(
    ("params", "weights", "biases", "affine", "trainable_params", "frozen_params", "buffers")
)
_OF_COST = frozenset(("macs", "flops"))
_BYTES = {"param_bytes": "params", "activation_bytes": "activations"}
COUNTED = frozenset(TOTALS)


class _Layer(NamedTuple):
    """Equal layers on equal sizes, and how many there are."""

    node: Node
    xs: list[Shape]
    times: Num
    held: Num  # of how many the output has memory of its own


def count(
    graph: Graph,
    figures: Collection[str],
    batch: Num = 1,
    width: Num = 4,
    there: Mapping[int, Any] | None = None,
    either: Mapping[int, Either] | None = None,
) -> dict[str, Num]:
    """Return totals of a network, as `analyze` has them, for the batch.

    Accepts:
        graph: the network; its sizes and the fields of its operators may be open.
        figures: names of totals, such as ``params``, ``macs`` and ``activations``.
        batch: the number of images.
        width: the bytes of one value.
        there: by the number of a node, the condition that its layer is there; without one, it is.
        either: nodes that stand for one of two others, depending on the variant.

    Returns:
        Each figure by its name.

    Errors:
        Where sizes are open, a decision that they do not agree about.
    """
    asked = {_BYTES.get(name, name) for name in figures}
    holds: list[Any] = []
    if "activations" in asked and either:
        holds = held(graph, there or {}, either)
    elif "activations" in asked:
        holds = [int(n == home) for n, home in enumerate(storages(graph, batch))]
    parts: dict[str, list[Num]] = {name: [] for name in asked}
    for layer in _distinct(graph, holds, there or {}):
        for name, value in _values(layer, asked).items():
            if type(value) is not int or value:
                parts[name].append(value * (layer.held if name == "activations" else layer.times))
    if "activations" in asked:
        parts["activations"] += [product(node.shape) for node in graph.inputs]
    found = {name: total(values) for name, values in parts.items()}
    for name in asked - _OF_PARAMETERS:
        found[name] = found[name] * batch
    for name in figures:
        if name in _BYTES:
            found[name] = found[_BYTES[name]] * width
    if "activation_bytes" in found:
        wider = [product(n.shape) * (n.width(width) - width) for n in graph.inputs if n.integers]
        found["activation_bytes"] += total(wider) * batch
    return {name: found[name] for name in figures}


def by_node(graph: Graph, figures: Collection[str], homes: list[int]) -> list[dict[str, Num]]:
    """Return the figures of each node, for one image; of an input, only its activations.

    Accepts:
        graph: the network; its sizes and the fields of its operators may be open.
        figures: names of figures that are summed over layers.
        homes: for each node, the node whose memory holds its values.
    """
    asked = set(figures)
    known: dict[Any, dict[str, Num]] = {}
    found: list[dict[str, Num]] = []
    for n, node in enumerate(graph.nodes):
        if node.op is None:
            found.append({"activations": product(node.shape)} if "activations" in asked else {})
            continue
        layer = _Layer(node, graph.shapes_into(node), 1, 1)
        key = _key(layer)
        if key not in known:
            known[key] = _values(layer, asked)
        values = known[key]
        if homes[n] != n:
            values = {name: value for name, value in values.items() if name != "activations"}
        found.append(values)
    return found


def _values(layer: _Layer, asked: Set[str]) -> dict[str, Num]:
    """Return the figures of one layer, for one image."""
    node, xs = layer.node, layer.xs
    op, y = node.op, node.shape
    assert op is not None
    found: dict[str, Num] = {}
    if node.shares is None and not _OF_PARAMETERS.isdisjoint(asked):
        weights, biases, affine, buffers = own_values(op, xs)
        params = weights + biases + affine
        found = {
            "params": params,
            "weights": weights,
            "biases": biases,
            "affine": affine,
            "trainable_params": 0 if node.frozen else params,
            "frozen_params": params if node.frozen else 0,
            "buffers": buffers,
        }
    has_macs = op.multiplies or op.declared
    if "flops" in asked or "macs" in asked and has_macs:
        cost = op.cost(*xs, y=y)
        if cost is not FREE:
            found["macs"] = cost.mac
            if "flops" in asked:
                found["flops"] = cost.flops
    if "activations" in asked:
        found["activations"] = product(y)
    if op.multiplies and "conv_activations" in asked:
        found["conv_activations"] = product(y)
    if found.keys() <= asked:
        return found
    return {name: value for name, value in found.items() if name in asked}


def _distinct(graph: Graph, holds: list[Any], there: Mapping[int, Any]) -> list[_Layer]:
    """Return the layers that differ in operator or sizes."""
    alike: dict[Any, list[int]] = {}
    sizes: dict[int, Any] = {}  # by the list of shapes, which copies of a block have in common
    for n, node in enumerate(graph.nodes):
        if node.op is None:
            continue
        xs = graph.shapes_into(node)
        read = sizes.get(id(xs))
        if read is None:
            read = sizes[id(xs)] = _sizes(xs)
        key = id(node.op), read, node.shares is None, node.frozen
        if key in alike:
            alike[key].append(n)
        else:
            alike[key] = [n]
    return [_together(graph, numbers, holds, there) for numbers in alike.values()]


def _together(
    graph: Graph, numbers: list[int], holds: list[Any], there: Mapping[int, Any]
) -> _Layer:
    """Return equal layers as one; `holds` has for each node whether its output has memory."""
    node = graph.nodes[numbers[0]]
    xs = graph.shapes_into(node)
    if not there:
        return _Layer(node, xs, len(numbers), total([holds[n] for n in numbers]) if holds else 0)
    owned = [choose(holds[n], there.get(n, 1), 0) for n in numbers] if holds else []
    times = total([there.get(n, 1) for n in numbers])
    return _Layer(node, xs, times, total(owned))


def _key(layer: _Layer) -> Any:
    """Return what is equal for layers that differ in nothing that is counted."""
    node = layer.node
    return id(node.op), _sizes(layer.xs), node.shares is None, node.frozen


def _sizes(xs: list[Shape]) -> Any:
    """Return what is equal for shapes of the same sizes."""
    return tuple([tuple(map(_size, x)) for x in xs])


def _size(n: Num) -> Any:
    return n if type(n) is int else same(n)


def same(value: Any) -> Any:
    """Return what is equal for one open object, or for equal plain values of the same type."""
    if isinstance(value, tuple):
        return tuple(map(same, value))
    if isinstance(value, dict):  # which no word of the language takes: an error comes
        return dict, repr(value)
    return id(value) if isinstance(value, Open) else (type(value), value)
