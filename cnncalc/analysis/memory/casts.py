"""The copies in another type that autocast makes of what a layer reads, and their gradients."""

from __future__ import annotations

from collections.abc import Container

from ...graph import Graph
from ...ops.autocast import HALF
from ...ops.shapes import values
from .storage import own_bytes
from .tensors import Bytes, Tensors
from .widths import Widths

COMPUTED = "parametrizations."  # begins the names of what a weight is computed from


class Casts:
    """The copies of a forward pass.

    A copy of a parameter that is trained serves all layers that share it, until autocast ends.
    Other copies are made anew for each layer.
    """

    def __init__(self, graph: Graph, widths: Widths, tensors: Tensors):
        self._graph, self._widths, self._tensors = graph, widths, tensors
        self._cached: dict[int, dict[str, int]] = {}

    def of_inputs(self, n: int) -> dict[int, int]:
        """Copy the inputs of a layer that have another type, and return them by input."""
        found = {}
        for m, size in self._sizes(n).items():
            found[m] = self._tensors.new("cast", n, size)
        return found

    def dropped(self, n: int, kept: Container[int]) -> Bytes:
        """Return the bytes of the copies of those inputs that backward does not keep."""
        total = Bytes(0)
        for m, size in self._sizes(n).items():
            total = total if m in kept else total.plus(size)
        return total

    def _sizes(self, n: int) -> dict[int, Bytes]:
        """Return the bytes of the copies of a layer's inputs, by input."""
        node, types = self._graph.nodes[n], self._widths.types[n]
        return {
            m: Bytes(0, values(self._graph.nodes[node.inputs[m]].shape) * read)
            for m, (given, read) in enumerate(zip(types.given, types.read))
            if given != read
        }

    def of_parameters(self, n: int) -> dict[str, int]:
        """Copy a layer's parameters, unless there are copies, and return them by name."""
        if not self._widths.types[n].casts_parameters:
            return {}
        node = self._graph.nodes[n]
        owner = n if node.shares is None else node.shares
        if owner in self._cached:
            return {name: self._tensors.hold(key) for name, key in self._cached[owner].items()}
        found = {  # torch copies its arguments from the last to the first
            name: self._tensors.new("cast", n, Bytes(size))
            for name, size in reversed(cast_bytes(self._graph, owner).items())
        }
        if self._graph.trains(self._graph.nodes[owner]):
            self._cached[owner] = found
            for key in found.values():
                self._tensors.hold(key)
        return found

    def forget(self) -> None:
        """Autocast ends: only backward holds copies any longer."""
        for found in self._cached.values():
            self._tensors.drop(*found.values())
        self._cached.clear()


def cast_bytes(graph: Graph, owner: int) -> dict[str, int]:
    """Return the bytes of the copies of a layer's own parameters and fixed filters, by name."""
    parameters, buffers = own_bytes(graph, graph.nodes[owner], HALF)
    read = parameters | buffers
    return {name: size for name, size in read.items() if not name.startswith(COMPUTED)}
