"""Turns a flat graph into a spec with blocks, parameters, repeats and conditions.

The result is checked always: its network has the layers of the graph, one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ...diagnostic import Mistake
from ...graph import Graph
from ...language.load import from_text
from ...language.write import flat_spec
from .checking import is_same
from .growing import with_growing_concats
from .rolling import NO_KINDS, rolled
from .writing import text_of


class Rolled(NamedTuple):
    """A spec, and where its layers come from."""

    text: str
    paths: dict[str, str]  # by the path of each layer in the spec, its path in the given graph
    grown: int  # the concatenations that join an earlier one in place of all that it joined


def rolled_spec(
    graph: Graph, name: str, kinds: Mapping[str, str] = NO_KINDS, grow: bool = False
) -> Rolled:
    r"""Write a graph as a spec with blocks, where these make it shorter.

    `kinds` are the names of the classes of its modules, by path; blocks are named after them. With
    `grow`, a concatenation of what an earlier one has, and more, may be written as one of both. It
    has the same values, but the graph is another one then.

    Errors: a LookupError for a graph that no spec describes.

    >>> import cnncalc
    >>> graph = cnncalc.load("unet").graph()
    >>> len(graph.nodes), rolled_spec(graph, "unet").text.count("\n") < 40
    (54, True)
    """
    grown = 0
    if grow:
        graph, grown = with_growing_concats(graph)
    for text in _texts(graph, name, kinds, grown > 0):
        found = _network(text)
        if found is not None and is_same(found, graph):
            pairs = zip(found.nodes, graph.nodes)
            return Rolled(text, {node.path: other.path for node, other in pairs}, grown)
    raise LookupError(f"no spec describes the layers of {name}")


def _texts(graph: Graph, name: str, kinds: Mapping[str, str], grown: bool) -> Iterator[str]:
    """Yield the graph as a spec, flatter each time."""
    found = rolled(graph, kinds, grown=grown)
    best = text_of(found, graph, name)
    plain = text_of(rolled(graph, kinds, flat=True), graph, name)
    if _lines(best) < _lines(plain) or found.shares_blocks:
        yield best
        yield text_of(rolled(graph, kinds, grown=grown, merging=False), graph, name)
    yield plain
    yield flat_spec(graph, name)


def _lines(text: str) -> int:
    return sum(1 for line in text.splitlines() if line)


def _network(text: str) -> Graph | None:
    """Return the network that a text describes; None if there are mistakes in it."""
    try:
        spec = from_text(text)
    except Mistake:
        return None
    return spec.graph() if spec.ok else None
