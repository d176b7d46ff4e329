"""The memory of networks in a run, for many batches and networks that may be equal."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from hashlib import blake2b

from ...at_least import at_least
from ...graph import Graph
from ..undeclared import undeclared
from .lines import Lines
from .overview import at_inference
from .run import Run
from .tensors import Bytes

_KEPT = 2**12  # networks whose lines are kept

_Lines = tuple[tuple[Bytes, ...], Bytes]  # of which the highest is the peak; and what is saved


class MemoryByBatch:
    """Finds peaks and what backward keeps; each timeline is made once, for all batches.

    Equal networks have one timeline, whatever they are called. One image has its own, since what is
    a view may differ between one image and several.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[bytes, bool, Run], _Lines] = OrderedDict()

    def figures(
        self,
        graph: Graph,
        batch: int,
        width: int,
        is_trained: bool,
        asked: Collection[str],
        optimizer: str = "sgd",
    ) -> dict[str, int | None]:
        """Return the figures that are asked for: inference_peak, saved and training_peak.

        Accepts:
            graph: the network.
            batch: the number of images.
            width: the bytes of one value.
            is_trained: whether there are gradients in this type of number.
            asked: names of figures.
            optimizer: the one of training.
        """
        run, name = Run(batch=batch, width=width), _fingerprint(graph)
        found: dict[str, int | None] = {}
        if "inference_peak" in asked:
            lines, _ = self._lines(graph, name, at_inference(run))
            found["inference_peak"] = _highest(lines, batch)
        if "saved" in asked or "training_peak" in asked:
            peak = saved = None
            if is_trained:
                lines, kept = self._lines(
                    graph, name, run._replace(mode="training", optimizer=optimizer)
                )
                peak, saved = _highest(lines, batch), kept.at(batch)
            found |= {"saved": saved, "training_peak": peak}
        lacking = undeclared(graph).reasons(asked)
        return {
            figure: None if (size := found[figure]) is None else at_least(size, figure in lacking)
            for figure in asked
        }

    def _lines(self, graph: Graph, name: bytes, run: Run) -> _Lines:
        key = (name, run.batch == 1, run._replace(batch=1))
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        lines = Lines(graph)
        found = _upper([line.size for line in lines.of(run)]), lines.saved(run)
        self._known[key] = found
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return found


def _upper(lines: list[Bytes]) -> tuple[Bytes, ...]:
    """Return the lines that no other one is above with every batch."""
    kept: list[Bytes] = []
    for line in sorted(set(lines), key=lambda line: (line.per_image, line.fixed), reverse=True):
        if not kept or line.fixed > kept[-1].fixed:
            kept.append(line)
    return tuple(kept)


def _highest(lines: tuple[Bytes, ...], batch: int) -> int:
    return max((line.at(batch) for line in lines), default=0)


def _fingerprint(graph: Graph) -> bytes:
    """Return what is the same for graphs that take the same memory."""
    nodes = [(n.op, n.inputs, tuple(n.shape), n.shares, n.frozen, n.integers) for n in graph.nodes]
    text = repr((nodes, graph.outputs, graph.checkpoints))
    return blake2b(text.encode(), digest_size=16).digest()
