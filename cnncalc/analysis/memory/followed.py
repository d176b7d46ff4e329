"""Which layers are not followed to the byte, so that a peak in one of them is only near torch's."""

from __future__ import annotations

from ...graph import Graph
from .run import Run
from .widths import Widths


def not_followed(graph: Graph, run: Run) -> list[str]:
    """Return the paths of layers in which the bytes at a busy moment are not exact.

    What backward keeps of them is exact.
    """
    widths = Widths(graph, run)
    found = []
    for node, types in zip(graph.nodes, widths.types):
        if node.op is None:
            continue
        how = {"mixed": run.amp is not None, "training": run.training}
        if not node.op.is_followed(*graph.shapes_into(node), given=types.given, **how):
            found.append(node.path)
    return found
