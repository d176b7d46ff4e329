"""Compares graphs that move values by different layers: views that are written in another order.

Each value has a number. A layer that only moves values moves the numbers; any other layer gives its
output new ones. So two graphs are alike if the same layers read the same numbers. An elementwise
layer may see its values in any order, and its outputs are numbered by what they are made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import numpy as np
import torch

from cnncalc.graph import Graph, Node
from cnncalc.ops.reshape import Rearrangement


def differences_beyond_moves(found: Graph, wanted: Graph) -> Iterator[str]:
    """Yield how graphs differ apart from the layers that only move values."""
    ours, theirs = _numbered(found), _numbered(wanted)
    for (path, a), (other, b) in zip(ours, theirs):
        if a != b:
            keys = [key for key in b if a.get(key) != b[key]]
            yield f"{path} and {other}: {', '.join(f'{k}: {a.get(k)} and {b[k]}' for k in keys)}"
    if len(ours) != len(theirs):
        yield f"{len(ours)} layers that compute and {len(theirs)}"


def _numbered(graph: Graph) -> list[tuple[str, dict[str, Any]]]:
    """Return what is known of each layer that computes, and of the outputs."""
    numbers: dict[int, np.ndarray] = {}
    last = {m: n for n, node in enumerate(graph.nodes) for m in node.inputs}
    facts: list[tuple[str, dict[str, Any]]] = []
    places: dict[int, int] = {}
    for n, node in enumerate(graph.nodes):
        xs = [numbers[m] for m in node.inputs]
        if _returns_input(node):
            numbers[n] = xs[0]
        elif isinstance(node.op, Rearrangement):
            numbers[n] = _moved(graph, node, xs[0])
        else:
            places[n] = len(facts)
            read, order = _read(node, xs)
            numbers[n] = _new(node, len(facts), order)
            known = _facts(graph, node, places)
            if order is not None and "axis" in known["fields"]:
                known["fields"]["axis"] = _along(xs[0], known["fields"]["axis"], order)
            facts.append((node.path, {**known, "reads": read}))
        for m in {m for m in node.inputs if last[m] == n} - {*graph.outputs}:
            del numbers[m]
    outputs = [_digest(numbers[n]) for n in graph.outputs]
    return [*facts, ("the outputs", {"read": outputs})]


def _returns_input(node: Node) -> bool:
    """Return whether a layer computes nothing: the identity, or a join of one layer."""
    if node.op is None:
        return False
    return node.op.key == "identity" or len(node.inputs) == 1 and node.op.key in ("add", "concat")


def _facts(graph: Graph, node: Node, places: dict[int, int]) -> dict[str, Any]:
    op = node.op
    if op is None:
        return {"operator": None, "shape": tuple(node.shape)}
    settings = op.settings(*graph.shapes_into(node))
    shares = None if node.shares is None else places[node.shares]
    named = {key: value for key, value in settings.items() if key not in op.layers_named}
    return {"operator": op.key, "fields": named, "shares": shares}


def _moved(graph: Graph, node: Node, x: np.ndarray) -> np.ndarray:
    assert node.op is not None
    module: Any = node.op.torch(*graph.shapes_into(node)).build()
    y: np.ndarray = module(torch.from_numpy(x)[None])[0].numpy()
    return y


def _read(node: Node, xs: list[np.ndarray]) -> tuple[list[str], np.ndarray | None]:
    """Return what a layer reads, and in which order an elementwise one numbers its values."""
    alike = all(x.shape == tuple(node.shape) for x in xs)
    if node.op is None or not node.op.elementwise or not alike or not xs:
        return [_digest(x) for x in xs], None
    rows = [x.ravel() for x in xs]
    is_sorted = bool((rows[0][1:] > rows[0][:-1]).all())
    order = np.arange(len(rows[0])) if is_sorted else np.argsort(rows[0], kind="stable")
    return [_digest(row[order]) for row in rows], order


def _along(x: np.ndarray, axis: int, order: np.ndarray) -> str:
    """Return which values lie together along an axis: for each, the first of them."""
    first = np.broadcast_to(x.min(axis, keepdims=True), x.shape)
    return _digest(first.ravel()[order])


def _new(node: Node, place: int, order: np.ndarray | None) -> np.ndarray:
    count = int(np.prod(node.shape, dtype=np.int64))
    found = np.arange(count, dtype=np.int64) + (place << 32)
    if order is not None:
        found[order] = found.copy()
    return found.reshape(tuple(node.shape))


def _digest(x: np.ndarray) -> str:
    return sha256(str(x.shape).encode() + np.ascontiguousarray(x).tobytes()).hexdigest()[:12]
