"""The memory of a run as data: every tensor with the events that make and free it."""

from __future__ import annotations

from typing import Any

from ...analysis.memory.runs import Runs
from ...analysis.memory.summary import Followed, Summary, part_of
from ...analysis.memory.tensors import Event, Step
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

    `tensors` holds, column by column: the number of the event that makes each, that of the one that
    frees it (null: none), its bytes, its part, the layer that it belongs to, and 1 if backward
    holds it. `steps` holds: phase, layer, and how many events have happened at the busiest moment.
    """
    run, timeline, events = known
    saved = {id(tensor) for kept in timeline.saved.values() for tensor in kept}
    parts = Table()
    made: list[list[Any]] = [[], [], [], [], [], []]
    alive: dict[int, int] = {}
    for n, event in enumerate(events):
        tensor = event.tensor
        if event.freed:
            made[1][alive.pop(id(tensor))] = n
            continue
        alive[id(tensor)] = len(made[0])
        kept = id(tensor) in saved
        part = parts.number("saved" if kept else part_of(tensor.reason))
        values = (n, None, tensor.size.at(run.batch), part, tensor.layer, int(kept))
        for column, value in zip(made, values):
            column.append(value)
    return {
        "optimizer": run.optimizer,
        "peak": summary.peak,
        "saved": summary.saved,
        "parts": parts.values,
        "tensors": made,
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
    return [list(column) for column in zip(*columns)]
