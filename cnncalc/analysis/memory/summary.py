"""Reads a timeline: how many bytes a run takes, when it takes most of them, and what they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...at_least import AtLeast, at_least
from ...graph import Graph
from ..undeclared import undeclared
from .run import Run
from .tensors import Event, Held, Step
from .timeline import Timeline
from .unknown import lacks_parameters, lacks_saved, unknown_memory

# How the parts of a peak are called, by the reason why a tensor is there.
PARTS = {
    "parameter": "params",
    "buffer": "buffers",
    "parameter gradient": "gradients",
    "optimizer state": "optimizer",
    "input": "inputs",
    "output": "outputs",
    "gradient": "activation_gradients",
    "cast": "casts",
}


class Alive(NamedTuple):
    """A tensor in memory at the peak; `saved` says that backward holds it."""

    what: str
    layer: int | None
    bytes: int
    saved: bool


class LayerBytes(NamedTuple):
    """The most bytes in memory while a layer runs; `backward` is None at inference."""

    layer: int
    forward: int
    backward: int | None


class Summary(NamedTuple):
    """What the timeline of one run says, in bytes for its batch.

    Attributes:
        run: the run.
        peak: the most bytes in memory at once.
        at: the step in which the peak is.
        alive: the tensors in memory at the peak, largest first.
        outputs: the input and every output, each distinct tensor once.
        kept: what backward holds at the end of forward, by the first layer that keeps it.
        steps: the most bytes in memory during each step, in order.
        layers: the bytes in memory while each layer runs, in order.
        unknown_parts: the parts of which layers do not declare all.
    """

    run: Run
    peak: int
    at: Step
    alive: list[Alive]
    outputs: int
    kept: dict[int, int]
    steps: dict[Step, int]
    layers: list[LayerBytes]
    unknown_parts: tuple[str, ...] = ()

    @property
    def saved(self) -> int:
        """What backward holds at the end of forward; 0 at inference."""
        return sum(self.kept.values())

    @property
    def parameters(self) -> int:
        """The parameters, which are in memory all the time."""
        return self.parts["params"]

    @property
    def parts(self) -> dict[str, int]:
        """The bytes at the peak by what they are; what backward holds is `saved` alone."""
        found = dict.fromkeys(("params", "buffers", "gradients", "optimizer", "saved"), 0)
        for tensor in self.alive:
            name = "saved" if tensor.saved else part_of(tensor.what)
            found[name] = found.get(name, 0) + tensor.bytes
        return found | {name: AtLeast(found.get(name, 0)) for name in self.unknown_parts}


def part_of(reason: str) -> str:
    """Return what a tensor is a part of, by the reason why it is in memory."""
    return PARTS.get(reason, reason)


class Followed(NamedTuple):
    """A run that was followed to its end: its timeline, and all that happened."""

    run: Run
    timeline: Timeline
    events: list[Event]


def followed(graph: Graph, run: Run) -> Followed:
    """Follow a run to its end."""
    timeline = Timeline(graph, run)
    return Followed(run, timeline, list(timeline))


def summary(graph: Graph, run: Run) -> Summary:
    """Read the timeline of a run."""
    return summary_of(graph, followed(graph, run))


def summary_of(graph: Graph, known: Followed) -> Summary:
    """Read the timeline of a run that was followed already."""
    run, timeline, events = known
    held = {id(tensor) for kept in timeline.saved.values() for tensor in kept}
    peak, at, last = _peak(events, run.batch)
    most, after = _by_step(events, run.batch)
    found = Summary(
        run=run,
        peak=peak,
        at=at,
        alive=_alive(events[: last + 1], run.batch, held),
        outputs=_outputs(events, run.batch),
        kept={n: sum(t.size.at(run.batch) for t in kept) for n, kept in timeline.saved.items()},
        steps=most,
        layers=_by_layer(graph, run, most, after),
    )
    return _partly_unknown(graph, found) if undeclared(graph) else found


def _partly_unknown(graph: Graph, found: Summary) -> Summary:
    """Mark the figures that contain what layers do not declare."""
    kept = dict(found.kept)
    if found.run.training:
        numbers = [n for n in range(len(graph.nodes)) if lacks_saved(graph, n)]
        kept.update({n: AtLeast(kept.get(n, 0)) for n in numbers})
    found = found._replace(kept=kept, alive=[_marked(graph, tensor) for tensor in found.alive])
    if not unknown_memory(graph, found.run):
        return found
    what = undeclared(graph).paths
    parts = ["params"] * ("params" in what)
    if found.run.training:
        parts += ["gradients", "optimizer"] * ("params" in what)
        parts += ["saved"] * ("saved" in what)
    return found._replace(
        unknown_parts=tuple(parts),
        peak=AtLeast(found.peak),
        steps={at: AtLeast(size) for at, size in found.steps.items()},
        layers=[
            LayerBytes(n, AtLeast(forward), None if backward is None else AtLeast(backward))
            for n, forward, backward in found.layers
        ],
    )


def _marked(graph: Graph, tensor: Alive) -> Alive:
    """Mark a tensor whose size its layer does not declare."""
    if tensor.layer is None or tensor.bytes:
        return tensor
    if tensor.what == "saved":
        lacking = lacks_saved(graph, tensor.layer)
    else:
        lacking = lacks_parameters(graph, tensor.layer)
    return tensor._replace(bytes=at_least(0, lacking))


def _peak(events: Sequence[Event], batch: int) -> tuple[int, Step, int]:
    """The bytes of the peak, its step, and the number of the event that reaches it."""
    now = peak = last = 0
    at = Step("start")
    for n, event in enumerate(events):
        size = event.tensor.size.at(batch)
        now += -size if event.freed else size
        if now > peak:
            peak, at, last = now, event.step, n
    return peak, at, last


def _outputs(events: Sequence[Event], batch: int) -> int:
    """The bytes of the input and of every output together."""
    made = (event.tensor for event in events if not event.freed)
    return sum(t.size.at(batch) for t in made if t.reason in ("input", "output"))


def _alive(events: Sequence[Event], batch: int, saved: set[int]) -> list[Alive]:
    """The tensors in memory after these events, largest first."""
    found: dict[int, Held] = {}
    for event in events:
        if event.freed:
            del found[id(event.tensor)]
        else:
            found[id(event.tensor)] = event.tensor
    alive = [
        Alive(tensor.reason, tensor.layer, tensor.size.at(batch), key in saved)
        for key, tensor in found.items()
    ]
    return sorted(alive, key=lambda tensor: -tensor.bytes)


def _by_step(events: Sequence[Event], batch: int) -> tuple[dict[Step, int], dict[Step, int]]:
    """The most bytes in memory during each step, and those after it."""
    most: dict[Step, int] = {}
    after: dict[Step, int] = {}
    now = 0
    for event in events:
        step, size = event.step, event.tensor.size.at(batch)
        before, now = now, now - size if event.freed else now + size
        most[step] = max(most.get(step, before), now)
        after[step] = now
    return most, after


def _by_layer(
    graph: Graph, run: Run, most: dict[Step, int], after: dict[Step, int]
) -> list[LayerBytes]:
    """The most bytes in memory while each layer runs; a view takes what is there before it."""
    start = after.get(Step("start"), 0)
    layers = [n for n, node in enumerate(graph.nodes) if node.op is not None]
    forward = _along("forward", layers, start, most, after)
    if not run.training:
        return [LayerBytes(n, forward[n], None) for n in layers]
    end = after.get(Step("forward", layers[-1]), start) if layers else start
    backward = _along("backward", layers[::-1], end, most, after)
    return [LayerBytes(n, forward[n], backward[n]) for n in layers]


def _along(
    phase: str, layers: Sequence[int], now: int, most: dict[Step, int], after: dict[Step, int]
) -> dict[int, int]:
    """The most bytes while each of these layers runs, in this order, from `now` on."""
    found = {}
    for n in layers:
        step = Step(phase, n)
        found[n] = most.get(step, now)
        now = after.get(step, now)
    return found
