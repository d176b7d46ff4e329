"""Says which figures of memory are unknown, because layers do not declare what they take."""

from __future__ import annotations

from ...graph import Graph
from ..undeclared import lacks, undeclared
from .run import Run


def unknown_memory(graph: Graph, run: Run) -> str | None:
    """Return why what a run takes is unknown; None if it is known.

    Accepts:
        graph: the network.
        run: how it runs.
    """
    return undeclared(graph).why("training_peak" if run.training else "inference_peak")


def lacks_parameters(graph: Graph, n: int) -> bool:
    """Return whether a layer, by its number, does not declare its own parameters."""
    return graph.nodes[n].shares is None and lacks(graph, n, "params")


def lacks_saved(graph: Graph, n: int) -> bool:
    """Return whether a layer, by its number, does not declare what backward keeps."""
    return lacks(graph, n, "saved")
