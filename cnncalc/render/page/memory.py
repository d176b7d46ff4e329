"""The memory of a run as data: every tensor with the events that make and free it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...analysis.memory.runs import Runs
from ...analysis.memory.summary import Followed, Summary, part_of
from ...analysis.memory.tensors import Event, Step
from .layers import known_parts, unknown_of
from .packed import differences, packed
from .tables import Table


def memory_data(runs: Runs) -> dict[str, Any]:
    """Return the runs at inference and in training by plain gradient descent.

    Training is left out for numbers that have no gradients.
    """
    found = {"inference": _run_data(runs.at_inference, runs.inference_summary)}
    if runs.trains:
        found["training"] = _run_data(runs.in_training, runs.training_summary)
    return found


def _run_data(known: Followed, summary: Summary) -> dict[str, Any]:
    """Return the tensors and the steps of one run.

    `tensors` holds, column by column: the number of the event that makes each, after how many
    events it is freed (null: never), its bytes, its part, the layer that it belongs to, and 1 if
    backward holds it. `steps` holds: phase, layer, and how many events have happened at the busiest
    moment. Columns are packed; those of events that have happened, and of layers, as differences.
    """
    run, timeline, events = known
    saved = {id(tensor) for kept in timeline.saved.values() for tensor in kept}
    parts = Table()
    made: list[list[Any]] = [[], [], [], [], [], []]
    alive: dict[int, int] = {}
    for n, event in enumerate(events):
        tensor = event.tensor
        if event.freed:
            first = alive.pop(id(tensor))
            made[1][first] = n - made[0][first]
            continue
        alive[id(tensor)] = len(made[0])
        kept = id(tensor) in saved
        part = parts.number("saved" if kept else part_of(tensor.reason))
        values = (n, None, int(tensor.size.at(run.batch)), part, tensor.layer, int(kept))
        for column, value in zip(made, values):
            column.append(value)
    figures = {"peak": summary.peak, "saved": summary.saved}
    return {
        "optimizer": run.optimizer,
        **known_parts(figures),
        "unknown": unknown_of(figures),
        "parts": parts.values,
        "tensors": _packed(made, rising=(0, 4)),
        "steps": _steps(events, run.batch),
    }


def _steps(events: list[Event], batch: int) -> list[list[Any]]:
    """Return each step with the number of events that have happened at its busiest moment."""
    found: list[tuple[Step, int]] = []
    total = most = 0
    for n, event in enumerate(events):
        if not found or event.step != found[-1][0]:
            found.append((event.step, n))
            most = total
        size = event.tensor.size.at(batch)
        total += -size if event.freed else size
        if total > most:
            found[-1] = event.step, n + 1
            most = total
    columns = [(step.phase, step.layer, after) for step, after in found]
    return _packed(list(zip(*columns)), rising=(1, 2))


def _packed(columns: Sequence[Sequence[Any]], rising: Sequence[int]) -> list[list[Any]]:
    """Write columns, and some of them as differences."""
    return [
        packed(differences(column) if n in rising else column) for n, column in enumerate(columns)
    ]
