"""How many bytes each number of a network takes, also where autocast changes its type."""

from __future__ import annotations

from collections.abc import Iterable

from ...graph import Graph
from ...ops.autocast import FLOAT32, Types
from ...ops.kept import Extra
from ...ops.shapes import values
from .run import Run
from .tensors import Bytes

BYTES = {"indices": 8, "mask": 1, "declared": 1}  # of a number, whatever the layer computes with

_OF_ONE_DEVICE = {"scores": "cpu", "sums": "cuda"}  # kinds that other devices do not keep


class Widths:
    """The bytes of a number, by node: of its `outputs`, and the `types` in its layer."""

    def __init__(self, graph: Graph, run: Run):
        self.run, self._graph = run, graph
        self.outputs: list[int] = []
        self.types: list[Types] = []
        autocast = run.autocast
        for node in graph.nodes:
            given = tuple(self.outputs[m] for m in node.reads)
            if autocast is None or node.op is None:
                types = Types(given, given, given, *(node.width(run.width),) * 3, False)
            else:
                types = node.op.autocast(*graph.shapes_into(node), by=autocast).types(given)
            self.types.append(types)
            self.outputs.append(types.returns)

    def gradient(self, n: int, input: int) -> Bytes:
        """The bytes of the gradient of an input of layer n, as the layer makes it."""
        source = self._graph.nodes[n].inputs[input]
        return Bytes(0, values(self._graph.nodes[source].shape) * self.types[n].back[input])

    def output(self, n: int) -> Bytes:
        """The bytes of a node's output."""
        return Bytes(0, values(self._graph.nodes[n].shape) * self.outputs[n])

    def total(self, extras: Iterable[Extra], n: int) -> Bytes:
        """The bytes of tensors of a layer together."""
        total = Bytes(0)
        for extra in extras:
            total = total.plus(self.of(extra, n))
        return total

    def of(self, extra: Extra, n: int) -> Bytes:
        """The bytes of a tensor of a layer."""
        size = int(extra.count) * self._width(extra, n)
        return Bytes(size) if extra.once else Bytes(0, size)

    def _width(self, extra: Extra, n: int) -> int:
        """Bytes of a number that a layer keeps beside its inputs and output."""
        run, types = self.run, self.types[n]
        if extra.kind in BYTES:
            return BYTES[extra.kind]
        if extra.kind == "noise" and run.device == "cuda":
            return 1
        if extra.kind == "buffer" and run.device == "cuda":
            return 0
        if extra.kind in _OF_ONE_DEVICE and run.device != _OF_ONE_DEVICE[extra.kind]:
            return 0
        own = types.computes
        if extra.among:
            own = max(types.read[: extra.among])
        if extra.kind == "uncast means":
            return types.read[0] if types.read[0] != types.means else 0
        if extra.kind == "uncast":
            before = own if extra.among else run.width
            return before if before != types.computes else 0
        if extra.kind == "means":
            return types.means
        if extra.kind == "parameters":
            return run.width
        if extra.kind in ("lengths", *_OF_ONE_DEVICE):
            return max(own, FLOAT32)
        if extra.kind == "upcast":
            return max(own, FLOAT32) if run.device == "cpu" else own
        if extra.kind in ("statistics", "bare statistics"):
            mixed = run.amp is not None and extra.kind == "statistics"
            return max(own, FLOAT32) if mixed or run.device == "cuda" else own
        return own
