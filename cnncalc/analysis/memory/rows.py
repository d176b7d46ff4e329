"""What the network of a report takes of memory, and each of its layers, for those who ask."""

from __future__ import annotations

from dataclasses import replace

from ..result import Report
from .runs import Runs
from .summary import Summary


def with_memory(report: Report, runs: Runs | None = None) -> Report:
    """Return a report whose rows have `saved` and `peak`, in bytes for the batch.

    `saved` is what backward keeps and no layer before keeps already. It stays None for a type of
    number that has no gradients, and both do in a network with errors. `runs` are those of this
    network, if they were followed already.
    """
    if not report.complete:
        return report
    inference, training = _summaries(runs or Runs(report))
    peaks = {layer.layer: layer.forward for layer in inference.layers}
    rows = []
    for n, row in enumerate(report.rows, len(report.inputs)):
        saved = None if training is None else training.kept.get(n, 0)
        rows.append(row._replace(saved=saved, peak=peaks[n]))
    return replace(report, rows=rows)


def memory_figures(report: Report) -> dict[str, int | None]:
    """Return the peaks and what is saved; in training, by plain gradient descent."""
    inference, training = _summaries(Runs(report))
    return {
        "inference_peak": inference.peak,
        "saved": training and training.saved,
        "training_peak": training and training.peak,
    }


def _summaries(runs: Runs) -> tuple[Summary, Summary | None]:
    """Return both runs, or inference alone if the numbers have no gradients."""
    return runs.inference_summary, runs.training_summary if runs.trains else None
