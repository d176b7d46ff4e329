"""Compares the network that a text describes with the one that it should describe."""

from __future__ import annotations

from ...graph import Graph, Node


def is_same(found: Graph, wanted: Graph) -> bool:
    """Return whether two graphs have the same layers in the same order, but for their paths."""
    return (
        len(found.nodes) == len(wanted.nodes)
        and found.outputs == wanted.outputs
        and [node.path for node in found.inputs] == [node.path for node in wanted.inputs]
        and _checkpoints(found) == _checkpoints(wanted)
        and all(_is_same_node(found, n, wanted, m) for n, m in zip(found.nodes, wanted.nodes))
    )


def _checkpoints(graph: Graph) -> set[tuple[int, int]]:
    return {(numbers.start, numbers.stop) for numbers in graph.checkpoints}


def _is_same_node(found: Graph, n: Node, wanted: Graph, m: Node) -> bool:
    if n.inputs != m.inputs or n.shape != m.shape or n.shares != m.shares:
        return False
    if found.owner(n).frozen != wanted.owner(m).frozen:
        return False
    if n.op is None or m.op is None:
        return n.op is m.op
    if type(n.op) is not type(m.op):
        return False
    named = n.op.layers_named
    fields = [key for key in n.op.fields() if key not in named]
    carriers = all((getattr(n.op, k) is None) == (getattr(m.op, k) is None) for k in named)
    return carriers and all(getattr(n.op, key) == getattr(m.op, key) for key in fields)
