"""Which layers gradients pass through on their way to the parameters."""

from __future__ import annotations

from ...graph import Graph, Node
from ...ops.kept import Backward


class Gradients:
    """For each node, whether its output needs a gradient, and whether backward goes through it.

    `accumulated` are the layers whose parameters have their gradients. `training` is the mode of
    the network.
    """

    def __init__(self, graph: Graph, training: bool = True):
        self.graph, self.training = graph, training
        self.needed: list[bool] = []
        self.accumulated: set[int] = set()
        for node in graph.nodes:
            above = any(self.needed[m] for m in node.reads)
            self.needed.append(above or graph.trains(node))
        self.passes = self.needed

    def of(self, node: Node) -> Backward:
        """How backward goes through a layer."""
        gradients = tuple(self.needed[m] for m in node.inputs)
        return Backward(self.training, gradients, self.graph.trains(node))
