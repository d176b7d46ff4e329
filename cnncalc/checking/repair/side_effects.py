"""Finds what else a repair changes in a network: sizes of other layers, shared blocks."""

from __future__ import annotations

from collections.abc import Iterator

from ...graph import Graph
from ...language.scope import Expansion, Scope
from ...language.steps import Step
from .case import Case
from .edited_text import EditedText


def side_effect(case: Case, repaired: Expansion, edited: EditedText) -> str | None:
    """Say what a repair changes besides the layer of the finding and layers that only it reads.

    None if this is nothing: every other known layer keeps its size, and no block changes that is
    also used elsewhere.
    """
    graph, path = repaired.graph, case.fault.path
    own = {n for n, node in enumerate(graph.nodes) if _is_within(node.path, path)}
    alone = _leading_alone(graph, own)
    expected = alone | _following(graph, own)
    before = {node.path: node for node in case.graph.nodes}
    for n, node in enumerate(graph.nodes):
        if n not in expected and before.get(node.path, node).shape != node.shape:
            return f"other layers read `{node.path}` too"
    for n in _edited(repaired, edited):
        written, was = repaired.written[n], before.get(graph.nodes[n].path)
        same = was is not None and was.op == graph.nodes[n].op
        if n not in alone and not same and written is not None:
            block = written[1].block
            if block is not None and block.step is not None:
                return f"it changes every use of block `{block.step.key}`"
            return f"other layers read `{graph.nodes[n].path}` too"
    return None


def _is_within(path: str, outer: str) -> bool:
    return path == outer or path.startswith(outer + ".")


def _leading_alone(graph: Graph, own: set[int]) -> set[int]:
    """Return these nodes, and the nodes that only they read, directly or through others."""
    readers: list[list[int]] = [[] for _ in graph.nodes]
    for n, node in enumerate(graph.nodes):
        for source in node.inputs:
            readers[source].append(n)
    alone = set(own)
    for n in range(len(graph.nodes) - 1, -1, -1):
        only = len(readers[n]) == 1 and readers[n][0] in alone
        if only and n not in graph.outputs:
            alone.add(n)
    return alone


def _following(graph: Graph, own: set[int]) -> set[int]:
    """Return these nodes, and those that are computed from them and may change with them."""
    found = set(own)
    for n, node in enumerate(graph.nodes):
        if not found.isdisjoint(node.inputs):
            found.add(n)
    return found


def _edited(expansion: Expansion, edited: EditedText) -> Iterator[int]:
    """Yield the nodes whose text an edit changes; for joins, the nodes in the branches."""
    inside: dict[int, bool] = {}  # by the identity of the step: one layer may have many nodes
    for n, written in enumerate(expansion.written):
        if written is None or written[0].branches:
            continue
        key = id(written[0])
        if key not in inside:
            inside[key] = edited.touches(written[0].marks)
        if inside[key]:
            yield n


def layers_around(step: Step, scope: Scope) -> Iterator[Step]:
    """Yield a layer, and the uses of the blocks around it, innermost first."""
    yield step
    block = scope.block
    while block is not None and block.step is not None:
        yield block.step
        block = block.parent and block.parent.block
