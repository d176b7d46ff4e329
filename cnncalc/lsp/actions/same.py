"""Says whether two specs are the same networks, whatever they call their layers."""

from __future__ import annotations

from typing import Any

from ...graph import Graph
from ...language.spec import Spec


def same_network(old: Spec, new: Spec) -> bool:
    """Return whether every variant has the same layers with the same inputs and shapes.

    Two specs that are wrong alike are the same too, as far as their networks go.
    """
    if old.members != new.members or (old.ok and not new.ok):
        return False
    return all(_layers(old.graph(name)) == _layers(new.graph(name)) for name in old.members)


def _layers(graph: Graph) -> list[Any]:
    nodes: list[Any] = [
        (node.op, node.inputs, tuple(node.shape), node.shares, node.frozen) for node in graph.nodes
    ]
    return [*nodes, graph.outputs, [d.code for d in graph.diagnostics if d.severity == "error"]]
