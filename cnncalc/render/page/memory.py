"""The memory of a run as data: every tensor with the events that make and free it."""

from __future__ import annotations

from typing import Any

from ...analysis.memory.order import peak
from ...analysis.memory.overview import at_inference, in_training, trainable
from ...analysis.memory.run import Run
from ...analysis.memory.summary import part_of
from ...analysis.memory.tensors import Event, Step
from ...analysis.memory.timeline import Timeline
from ...analysis.result import BYTES, Report
from .tables import Table


def memory_data(report: Report) -> dict[str, Any] | None:
    """Return the runs at inference and in training by plain gradient descent.

    None for a network with errors. Training is left out for numbers that have no gradients.
    """
    if not report.complete:
        return None
    run = Run(batch=report.batch, width=BYTES[report.dtype])
    found = {"inference": run_data(report, at_inference(run))}
    if trainable(report.dtype):
        found["training"] = run_data(report, in_training(run))
    return found


def run_data(report: Report, run: Run) -> dict[str, Any]:
    """Return the tensors and the steps of one run.

    `tensors` holds, column by column: the number of the event that makes each, that of the one that
    frees it (null: none), its bytes, its part, the layer that it belongs to, and 1 if backward
    holds it. `steps` holds: phase, layer, and how many events have happened at the busiest moment.
    """
    timeline = Timeline(report.graph, run)
    events = list(timeline)
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
        "peak": peak(events, run.batch),
        "saved": sum(t.size.at(run.batch) for kept in timeline.saved.values() for t in kept),
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
