"""The bytes in memory over time, by what they are: what a plot of a run shows."""

from __future__ import annotations

from typing import NamedTuple

from ...graph import Graph
from .run import Run
from .summary import part_of
from .tensors import Held, Step
from .timeline import Timeline


class Moment(NamedTuple):
    """The moment of a step at which most is in memory: the bytes, by what they are."""

    step: Step
    parts: dict[str, int]

    @property
    def bytes(self) -> int:
        """All that is in memory."""
        return sum(self.parts.values())


def course(graph: Graph, run: Run) -> list[Moment]:
    """Return the highest moment of every step of a run, in order.

    What backward holds counts as saved from the moment at which it is allocated.
    """
    timeline = Timeline(graph, run)
    events = list(timeline)
    saved = {id(tensor) for kept in timeline.saved.values() for tensor in kept}
    found: list[Moment] = []
    now: dict[str, int] = {}
    total = most = 0
    for event in events:
        name, size = _part(event.tensor, saved), event.tensor.size.at(run.batch)
        change = -size if event.freed else size
        if not found or event.step != found[-1].step:
            found.append(Moment(event.step, dict(now)))
            most = total
        now[name] = now.get(name, 0) + change
        total += change
        if total > most:
            found[-1], most = Moment(event.step, dict(now)), total
    return found


def _part(tensor: Held, saved: set[int]) -> str:
    return "saved" if id(tensor) in saved else part_of(tensor.reason)
