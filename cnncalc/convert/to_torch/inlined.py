"""Finds the uses of blocks that have no class: more than their results is used outside."""

from __future__ import annotations

from ...graph import Graph
from .uses import Use


class Inlined:
    """The uses of blocks whose layers are written in the class around them."""

    def __init__(self, graph: Graph):
        self._graph = graph
        self._last: dict[int, int] = {}  # the last layer that reads a node
        for n, node in enumerate(graph.nodes):
            self._last |= dict.fromkeys(node.inputs, n)
        self._last |= dict.fromkeys(graph.outputs, len(graph.nodes))

    def has(self, use: Use) -> bool:
        """Return whether a use of a block is one of them."""
        return self._is_read_inside(use) or self._borrows(use)

    def _is_read_inside(self, use: Use) -> bool:
        inside, places = use.numbers, self._graph.places
        if use.result not in inside:
            return True
        if any(self._last.get(n, 0) >= inside.stop for n in inside if n != use.result):
            return True
        return any(pool in inside and reader not in inside for pool, reader in places.items())

    def _borrows(self, use: Use) -> bool:
        """Return whether layers of a block use what is outside, and do not just read it."""
        graph, inside = self._graph, use.numbers
        if use.is_borrowed:
            return False
        for n in inside:
            node = graph.nodes[n]
            reads_places = node.op is not None and node.op.reads_places
            if reads_places and node.inputs[1] not in inside:
                return True
            if node.shares is not None and node.shares not in inside:
                return True
        return False
