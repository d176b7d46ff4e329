"""Which layers are not followed to the byte, so that their figures are only near torch's."""

from __future__ import annotations

from ...graph import Graph
from .run import Run
from .widths import Widths


def not_followed(graph: Graph, run: Run) -> list[str]:
    """Return the paths of layers in which the bytes at a busy moment are not exact."""
    widths = Widths(graph, run)
    found = []
    for node, types in zip(graph.nodes, widths.types):
        if node.op is None:
            continue
        how = {"mixed": run.amp is not None, "training": run.training}
        if not node.op.is_followed(*graph.shapes_into(node), given=types.given, **how):
            found.append(node.path)
    return found


def kept_nearly(graph: Graph, run: Run) -> dict[str, str]:
    """Return why what backward keeps is not exact, by the paths of the layers where it is not."""
    found = {}
    mixed = run.amp is not None
    for node in graph.nodes:
        if node.op is not None and run.training:
            xs = graph.shapes_into(node)
            reason = node.op.kept_nearly(*xs, mixed=mixed, batch=run.batch, device=run.device)
            if reason is not None:
                found[node.path] = reason
    return found
