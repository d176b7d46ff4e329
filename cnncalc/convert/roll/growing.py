"""Writes concatenations of all that came before as ones that grow, as in DenseNet.

The values are the same: (a, b, c) is (a, b) and c. Then each of many equal layers reads one value.
"""

from __future__ import annotations

from ...graph import Graph

_FEWEST = 3


def with_growing_concats(graph: Graph) -> tuple[Graph, int]:
    """Return a graph with concatenations of earlier ones, and their number.

    If there are few, the graph is the same.
    """
    made: dict[tuple[int, ...], int] = {}  # the concatenations, by what they join
    new: dict[int, tuple[int, ...]] = {}
    for n, node in enumerate(graph.nodes):
        if node.op is None or node.op.key != "concat":
            continue
        for length in range(len(node.inputs) - 1, 0, -1):
            earlier = made.get(node.inputs[:length])
            if earlier is not None:
                new[n] = (earlier, *node.inputs[length:])
                break
        made.setdefault(node.inputs, n)
    if len(new) < _FEWEST:
        return graph, 0
    found = graph.copy()
    for n, inputs in new.items():
        found.nodes[n].inputs, found.nodes[n].read = inputs, None
    return found, len(new)
