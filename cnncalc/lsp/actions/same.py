"""Says whether a change of a spec leaves its networks as they are, whatever it calls layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...diagnostic import Mistake
from ...graph import Graph
from ...language.load import from_text
from ...language.spec import Spec


def is_same_network(old: Spec, graph: Callable[[str | None], Graph], text: str) -> bool:
    """Return whether every variant of a text has the layers, inputs and shapes of the old one.

    `graph` gives the old networks. Two specs that are wrong alike are the same too, as far as
    their networks go.
    """
    try:
        new = from_text(text, old.file)
    except Mistake:
        return False
    if old.members != new.members or (old.ok and not new.ok):
        return False
    return all(_layers(graph(name)) == _layers(new.graph(name)) for name in old.members)


def _layers(graph: Graph) -> list[Any]:
    nodes: list[Any] = [
        (node.op, node.inputs, tuple(node.shape), node.shares, node.frozen) for node in graph.nodes
    ]
    return [*nodes, graph.outputs, [d.code for d in graph.diagnostics if d.severity == "error"]]
