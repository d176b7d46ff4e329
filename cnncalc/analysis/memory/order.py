"""Finds the order of the layers with which inference has the smallest peak of memory.

The search follows the sets of layers that may have run (`executed.py`), up to a stated number. The
memory is that of the timeline, which says what each layer adds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ...graph import Graph, Node
from .executed import Memory, Needs, bits, solved, stretches
from .run import Run
from .storage import storages
from .timeline import Event, Timeline

WIDTH = 1000  # sets of executed layers of one size that are followed at most


class Order(NamedTuple):
    """An order of the nodes of a graph, by number, and its peaks in bytes.

    `as_written` are the layers of stretches with more than `width` sets of a size: they run in the
    order written.
    """

    nodes: tuple[int, ...]
    peak: int
    peak_as_written: int
    width: int
    as_written: tuple[int, ...]

    @property
    def exact(self) -> bool:
        """Whether it is certain that no order has a smaller peak."""
        return not self.as_written

    @property
    def saved(self) -> int:
        """Bytes by which the order lowers the peak."""
        return self.peak_as_written - self.peak


def best_order(graph: Graph, needs: Needs | None = None, width: int = WIDTH) -> Order:
    """Find the order with the smallest peak; if none is better, that is the order written.

    `needs` says what the peak counts: by default, all that one image needs in torch.
    """
    needs = needs or in_torch(graph)
    memory = Memory(graph, needs)
    order = [n for n, node in enumerate(graph.nodes) if node.op is None]
    kept: list[int] = []
    done = bits(order)
    for stretch in stretches(graph):
        found = solved(memory, done, stretch, width)
        if found is None:
            kept += stretch
        order += found or stretch
        done |= bits(stretch)
    as_written = list(range(len(graph.nodes)))
    written = best = needs.peak(graph)
    if order != as_written:
        best = needs.peak(reordered(graph, order))
    if best >= written:
        best, order = written, as_written
    return Order(
        nodes=tuple(order),
        peak=best,
        peak_as_written=written,
        width=width,
        as_written=tuple(kept),
    )


def in_torch(graph: Graph, run: Run = Run()) -> Needs:
    """What inference needs in torch, where the caller holds the inputs to the end."""
    run = run._replace(mode="inference")
    output, left, rise = ([0] * len(graph.nodes) for _ in range(3))
    layer, now = None, 0
    for event in Timeline(graph, run):
        n, size = event.step.layer, event.tensor.size.at(run.batch)
        if event.step.phase != "forward" or n is None:
            continue
        if n != layer:
            layer, now = n, 0
        now += -size if event.freed else size
        rise[n] = max(rise[n], now)
        if event.tensor.reason != "output":
            left[n] += -size if event.freed else size
        elif not event.freed:
            output[n] = size
    return Needs(
        homes=storages(graph, run.batch),
        output=output,
        left=[max(0, size) for size in left],  # the last layer also frees what others left
        rise=rise,
        peak=lambda graph: peak(Timeline(graph, run), run.batch),
    )


def peak(timeline: Iterable[Event], batch: int) -> int:
    """Return the most bytes that are in memory at once."""
    most = now = 0
    for event in timeline:
        size = event.tensor.size.at(batch)
        now += -size if event.freed else size
        most = max(most, now)
    return most


def reordered(graph: Graph, order: Sequence[int]) -> Graph:
    """Return the same network with its nodes in another order.

    It has no groups: the layers of a block need not follow each other.
    """
    place = {n: k for k, n in enumerate(order)}
    found = Graph(graph.diagnostics)
    for n in order:
        found.nodes.append(moved(graph.nodes[n], place))
    found.outputs = tuple(place[n] for n in graph.outputs)
    return found


def moved(node: Node, place: dict[int, int]) -> Node:
    """Return a node of a graph in which each node that it names has another number."""
    inputs = tuple(place[m] for m in node.inputs)
    made = Node(node.path, node.op, inputs, node.shape, node.position, node.context)
    made.shares = None if node.shares is None else place[node.shares]
    made.integers = node.integers
    return made
