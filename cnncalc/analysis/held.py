"""Finds which layers' outputs have memory of their own where some variants lack layers.

It is `memory.storage.storages` for graphs of many variants: readers are counted, and layers run in
place, by conditions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..graph import Graph
from ..num import Num, choose


class Either(NamedTuple):
    """A node that stands for one node where a condition holds, and for another elsewhere."""

    condition: Any
    there: int
    otherwise: int


def held(graph: Graph, there: Mapping[int, Any], either: Mapping[int, Either]) -> list[Any]:
    """Return for each node the condition that its output has memory of its own.

    `there` says for which variants a layer is there. Layouts are not followed, so no layer may
    leave its output in another order than that of its sizes.
    """
    readers = _readers(graph, there, either)
    free: list[Any] = []  # whether a reader may write over the memory of this node
    found: list[Any] = []
    for n, node in enumerate(graph.nodes):
        op = node.op
        if n in either:
            one = either[n]
            free.append(choose(one.condition, free[one.there], free[one.otherwise]))
            readers[n] = choose(one.condition, readers[one.there], readers[one.otherwise])
            found.append(False)
            continue
        if op is None:
            free.append(False)
            found.append(True)
            continue
        source = node.inputs[0]
        xs = graph.shapes_into(node)
        alone = choose(readers[source] == 1, free[source], False)
        storage = op.storage(*xs)
        if op.storage_in_training(*xs) == "inplace":
            kept = op.keeps_output or op.keeps_written
            free.append(choose(alone, not kept, storage != "view" and not op.keeps_output))
            found.append(choose(alone, storage == "new", storage != "view"))
        else:
            free.append(alone if storage == "view" else not op.keeps_output)
            found.append(storage != "view")
    return found


def _readers(graph: Graph, there: Mapping[int, Any], either: Mapping[int, Either]) -> list[Num]:
    """Count the readers of each node; those of one that stands for two are theirs."""
    counts: list[Num] = [0] * len(graph.nodes)
    for output in graph.outputs:
        counts[output] = counts[output] + 1
    for n in range(len(graph.nodes) - 1, -1, -1):
        node = graph.nodes[n]
        if n in either:
            condition, a, b = either[n]
            counts[a] = counts[a] + choose(condition, counts[n], 0)
            counts[b] = counts[b] + choose(condition, 0, counts[n])
            continue
        for source in node.reads:
            counts[source] = counts[source] + there.get(n, 1)
    return counts
