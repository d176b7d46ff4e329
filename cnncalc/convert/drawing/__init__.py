"""Draws networks as text that other tools lay out: Mermaid and DOT."""

from __future__ import annotations

from ...graph import Graph
from .boxes import drawing
from .dot import dot
from .mermaid import mermaid

_WRITERS = {"mermaid": mermaid, "dot": dot}


def drawn(language: str, graph: Graph, title: str, depth: int) -> str:
    """Return a drawing of a network in `mermaid` or `dot`, with the shapes on its arrows.

    Paths of more than `depth` parts share a box.
    """
    return _WRITERS[language](drawing(graph, title, depth)) + "\n"
