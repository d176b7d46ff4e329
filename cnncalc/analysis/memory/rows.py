"""What the network of a report takes of memory, and each of its layers, for those who ask."""

from __future__ import annotations

from dataclasses import replace

from ..result import BYTES, Report
from .overview import at_inference, in_training, trainable
from .run import Run
from .summary import Summary, summary


def with_memory(report: Report) -> Report:
    """Return a report whose rows have `saved` and `peak`, in bytes for the batch.

    `saved` is what backward keeps and no layer before keeps already. It stays None for a type of
    number that has no gradients, and both do in a network with errors.
    """
    if not report.complete:
        return report
    inference, training = _runs(report)
    peaks = {layer.layer: layer.forward for layer in inference.layers}
    rows = []
    for n, row in enumerate(report.rows, len(report.inputs)):
        saved = None if training is None else training.kept.get(n, 0)
        rows.append(row._replace(saved=saved, peak=peaks[n]))
    return replace(report, rows=rows)


def memory_figures(report: Report) -> dict[str, int | None]:
    """Return the peaks and what is saved; in training, by plain gradient descent."""
    inference, training = _runs(report)
    return {
        "inference_peak": inference.peak,
        "saved": training and training.saved,
        "training_peak": training and training.peak,
    }


def _runs(report: Report) -> tuple[Summary, Summary | None]:
    """Follow a network at inference and in training, unless its numbers have no gradients."""
    run = Run(batch=report.batch, width=BYTES[report.dtype])
    inference = summary(report.graph, at_inference(run))
    trains = trainable(report.dtype)
    return inference, summary(report.graph, in_training(run)) if trains else None
