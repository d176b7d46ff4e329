"""Folds normalizations into the filters before them, as deployment does."""

from __future__ import annotations

from ..graph import Graph, Group
from ..ops.base import Op
from ..ops.weighted import Weighted
from .memory.order import moved


def folded(graph: Graph, norms_only: bool = False) -> Graph:
    """Return the network without the normalizations that filters before them take in.

    These filters then have a bias. Layers that share weights neither take in nor are taken in: the
    others would change too. Weights that are computed from others are stored as computed. With
    `norms_only`, only normalizations of a batch are folded, and no other scales.
    """
    readers = graph.readers()
    sharing = {node.shares for node in graph.nodes}
    found = Graph(graph.diagnostics)
    place: dict[int, int] = {}
    able: set[int] = set()  # the filters that may take in what follows
    for n, node in enumerate(graph.nodes):
        op = node.op
        alone = node.shares is None and n not in sharing
        if op is not None and _folds(op, norms_only) and alone and readers[node.inputs[0]] == 1:
            before = place[node.inputs[0]]
            filters = found.nodes[before].op
            if isinstance(filters, Weighted) and before in able:
                bias = filters.bias or op.folds == "scale and shift"
                found.nodes[before].op = filters.changed(bias=bias)
                place[n] = before
                continue
        place[n] = len(found.nodes)
        found.nodes.append(moved(node, place))
        if isinstance(op, Weighted):
            if op.parametrize:
                found.nodes[-1].op = op.changed(parametrize=None)
            if alone:
                able.add(place[n])
    found.outputs = tuple(place[n] for n in graph.outputs)
    found.groups = {path: _group(graph, place, *group) for path, group in graph.groups.items()}
    return found


def _folds(op: Op, norms_only: bool) -> bool:
    return bool(op.folds) and (op.centers_channels or not norms_only)


def _group(graph: Graph, place: dict[int, int], first: int, end: int, result: int) -> Group:
    """Return what nodes of a group have become: those that are left, and its result."""
    kept = sorted({place[n] for n in range(first, end)})
    if not kept:
        start = place[result]
        return start, start, start
    return kept[0], kept[-1] + 1, place[result]
