"""Solves for the largest batch that fits into some memory, from lines: nothing is searched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...graph import Graph
from .lines import Line, Lines
from .run import Run
from .tensors import Bytes, Step


class Fit(NamedTuple):
    """The largest batch of a run that fits, and the moment that decides about it.

    At that moment, `line` bytes are in memory as a function of the batch. `room` is the limit
    without the context. `max_batch` is 0 where not even one image fits. `way` says in which way
    the network differs from the one that was asked for, if it does.
    """

    run: Run
    limit: int
    context: int
    max_batch: int
    line: Bytes
    at: Step
    peak: int  # at the largest batch, or at 1 where none fits
    beyond: int  # the peak at the next batch
    way: str = ""

    @property
    def room(self) -> int:
        """Bytes for tensors."""
        return self.limit - self.context


def fit(graph: Graph, run: Run, limit: int, context: int, lines: Lines | None = None) -> Fit:
    """Return the largest batch of which the peak is at most the limit without the context.

    With one image, what is a copy otherwise may be a view, so a batch of 1 has lines of its own.
    `lines` are those of the graph, where several runs share them.
    """
    room = limit - context
    lines = lines or Lines(graph)
    found = beyond = lines.of(run._replace(batch=2))
    solved = _largest(found, room)
    if solved < 2:
        found = lines.of(run._replace(batch=1))
        solved = int(_highest(found, 1).at(1) <= room)
        beyond = beyond if solved else found
    binding = max(beyond, key=lambda line: line.size.at(solved + 1))
    return Fit(
        run=run,
        limit=limit,
        context=context,
        max_batch=solved,
        line=binding.size,
        at=binding.step,
        peak=_highest(found, max(solved, 1)).at(max(solved, 1)),
        beyond=binding.size.at(solved + 1),
    )


def _largest(found: Sequence[Line], room: int) -> int:
    """The largest batch at which no line is above the room; 0 if there is none."""
    rising = [line.size for line in found if line.size.per_image > 0]
    largest = min((room - size.fixed) // size.per_image for size in rising)
    fits = largest > 0 and _highest(found, largest).at(largest) <= room
    return largest if fits else 0


def _highest(found: Sequence[Line], batch: int) -> Bytes:
    """The line that is highest at a batch."""
    return max((line.size for line in found), key=lambda size: size.at(batch))
