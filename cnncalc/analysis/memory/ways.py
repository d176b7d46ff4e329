"""Tries what makes a batch fit: AMP, parts of the batch, checkpoints, frozen layers, and pairs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from ...graph import Graph
from ...ops.autocast import FLOAT32
from .fit import Fit, fit
from .order import peak
from .run import Run
from .segments import Choice, cheapest, checkpointed_graph, lowest
from .timeline import Timeline

MANY = 2000  # layers; of a network with more, no checkpoints are tried unless they are asked for
AMP: Final = "float16"
CHECKPOINTS = "checkpoints"


class Way(NamedTuple):
    """A way to train with a batch in less memory.

    Attributes:
        name: what is changed.
        option: the option of `cnncalc memory` that shows it.
        peak: the peak with it, in bytes.
        fits: whether that is at most what there is room for.
        cost: what it costs.
        checkpoints: the layers of each checkpoint, if those are what is changed.
    """

    name: str
    option: str
    peak: int
    fits: bool
    cost: str
    checkpoints: tuple[range, ...] = ()

    def with_(self, other: Way) -> Way:
        """Both together, where `other` was tried in a network that this way has changed."""
        return other._replace(
            name=f"{self.name}, {other.name}",
            option=f"{self.option} {other.option}",
            cost=f"{self.cost}; {other.cost}",
        )


def ways(graph: Graph, run: Run, room: int) -> list[Way]:
    """Return the ways to train with the batch of a run; the cheapest is the first.

    `room` are the bytes for tensors. Where no way is enough, pairs of them follow: those that fit,
    or else the one with the lowest peak.
    """
    frozen = head_only(graph)
    amp = list(_amp(graph, run, room))
    parts = list(_parts(graph, run, room))
    again = list(_checkpoints(graph, run, room))
    head = list(_head(frozen, run, room))
    single = [*amp, *parts, *again, *head]
    if any(way.fits for way in single):
        return single
    pairs: list[Way] = []
    for way in amp:
        halves = run._replace(amp=AMP)
        pairs += [way.with_(other) for other in _parts(graph, halves, room)]
        pairs += [way.with_(other) for other in _checkpoints(graph, halves, room)]
    pairs += _parts_and_checkpoints(graph, run, room)
    for way in head:
        for kind in (_amp, _parts, _checkpoints):
            pairs += [way.with_(other) for other in kind(frozen[1], run, room)] if frozen else []
    fitting = [pair for pair in pairs if pair.fits]
    return [*single, *(fitting or sorted(pairs, key=lambda pair: pair.peak)[:1])]


def checkpoints_tried(graph: Graph) -> bool:
    """Return whether checkpoints are tried that nobody asked for."""
    return len(graph.nodes) <= MANY


def _amp(graph: Graph, run: Run, room: int) -> Iterator[Way]:
    if run.amp is None and run.width == FLOAT32:
        most = peak(Timeline(graph, run._replace(amp=AMP)), run.batch)
        cost = "convolutions and linear layers compute in 16 bits"
        yield Way(f"AMP {AMP}", f"--amp {AMP}", most, most <= room, cost)


def _parts(graph: Graph, run: Run, room: int) -> Iterator[Way]:
    """The batch in parts as equal as can be, whose gradients are added up."""
    added = run._replace(kept_gradients=True)
    largest = fit(graph, added, room, 0).max_batch
    if run.batch < 2 or largest >= run.batch:
        return
    size = _part(run, largest)
    most = peak(Timeline(graph, added._replace(batch=size)), size)
    yield _in_parts(graph, run, size, most, room)


def _part(run: Run, largest: int) -> int:
    """The images of a part, if the parts are as few and as equal as can be."""
    count = -(-run.batch // max(largest, 1))
    return -(-run.batch // count)


def _in_parts(graph: Graph, run: Run, size: int, most: int, room: int) -> Way:
    cost = "the same MACs"
    if any(node.op is not None and node.op.key == "batchnorm" for node in graph.nodes):
        cost += f"; batch normalization sees {size:,} at once"
    name = f"{-(-run.batch // size):,} parts of {size:,}"
    return Way(name, f"--accumulate --batch {size}", most, most <= room, cost)


def _checkpoints(graph: Graph, run: Run, room: int) -> Iterator[Way]:
    if not checkpoints_tried(graph):
        return
    found = cheapest(graph, run, room)
    if found.segments:
        share = found.macs / max(forward_macs(graph, run.batch), 1)
        yield Way(
            name=CHECKPOINTS,
            option="--checkpoint auto",
            peak=found.peak,
            fits=found.peak <= room,
            cost=f"{share:.0%} of the MACs of the forward pass run twice",
            checkpoints=found.segments,
        )


def _parts_and_checkpoints(graph: Graph, run: Run, room: int) -> Iterator[Way]:
    """As few parts as can be, and then the checkpoints that recompute the fewest MACs."""
    if not checkpoints_tried(graph) or run.batch < 2:
        return
    added = run._replace(kept_gradients=True)
    changed = checkpointed_graph(graph, lowest(graph, added).segments)
    size = _part(run, fit(changed, added, room, 0).max_batch)
    for again in _checkpoints(graph, added._replace(batch=size), room):
        yield _in_parts(graph, run, size, again.peak, room).with_(again)


def _head(frozen: tuple[str, Graph] | None, run: Run, room: int) -> Iterator[Way]:
    if frozen is not None:
        path, graph = frozen
        most = peak(Timeline(graph, run), run.batch)
        cost = "all other layers stay as they are"
        yield Way(f"only {path}", f"--train-only {path}", most, most <= room, cost)


def head_only(graph: Graph) -> tuple[str, Graph] | None:
    """Return the last layer with parameters, and the network with all others frozen.

    None where no other layer is trained anyway.
    """
    trained = [n for n, node in enumerate(graph.nodes) if graph.trains(node)]
    if len(trained) < 2:
        return None
    frozen = graph.copy()
    frozen.freeze(trained[:-1])
    node = frozen.nodes[trained[-1]]
    return (node.path, frozen) if frozen.trains(node) else None


def forward_macs(graph: Graph, batch: int) -> int:
    """Return the multiply–accumulates of a forward pass."""
    total = 0
    for node in graph.nodes:
        if node.op is not None:
            total += node.op.cost(*graph.shapes_into(node), y=node.shape).mac
    return total * batch


def changed_fits(graph: Graph, run: Run, limit: int, context: int, plain: int) -> Iterator[Fit]:
    """Yield the largest batch with checkpoints, and the one with only the last layer trained.

    `plain` is the largest batch without them.
    """
    if checkpoints_tried(graph):
        found = most_images(graph, run, plain)
        if found.segments:
            changed = checkpointed_graph(graph, found.segments)
            yield fit(changed, run, limit, context)._replace(way=CHECKPOINTS)
    head = head_only(graph)
    if head is not None:
        path, frozen = head
        yield fit(frozen, run, limit, context)._replace(way=f"only {path}")


def most_images(graph: Graph, run: Run, plain: int) -> Choice:
    """Return the checkpoints with the lowest peak for twice the batch that fits without them."""
    return lowest(graph, run._replace(batch=max(2, 2 * plain)))
