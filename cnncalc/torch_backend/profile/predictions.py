"""Predicts what a step takes from a report alone: bytes of memory, bytes to move, and FLOPs."""

from __future__ import annotations

from ...analysis.memory.run import Run
from ...analysis.memory.storage import buffer_bytes
from ...analysis.memory.summary import summary
from ...analysis.result import BYTES, Report
from ...analysis.traffic import values_moved
from .settings import Settings


def held_bytes(report: Report, training: bool, width: int) -> int:
    """Return the bytes of parameters and buffers and, in training, of gradients.

    `width` is the number of bytes of a weight.
    """
    copies = 2 if training else 1
    return report.totals.params * width * copies + buffer_bytes(report.graph, width)


def fewest_bytes(report: Report, settings: Settings) -> int:
    """Return the fewest bytes that a step can take besides the network itself.

    Where the peak is not predicted, they are the largest layer's input and output at inference,
    and all activations in training.
    """
    peak = predicted_peak(report, settings)
    if peak is not None:
        return peak - held_bytes(report, False, settings.stored.itemsize)
    if settings.training:
        return report.totals.activation_bytes
    width = BYTES[report.dtype]
    return max((values_moved(row) * report.batch * width for row in report.rows), default=0)


def predicted_peak(report: Report, settings: Settings) -> int | None:
    """Return the most bytes that a step has in memory at once, by its timeline.

    What a call of torch takes and gives back inside itself is not in it. The peak of a compiled
    network and of one under autocast is not predicted.
    """
    if settings.compile or settings.by == "autocast":
        return None
    run = Run(
        mode=settings.mode,
        batch=report.batch,
        width=settings.stored.itemsize,
        device="cuda" if settings.device.startswith("cuda") else "cpu",
    )
    return summary(report.graph, run).peak


def step_flops(report: Report, training: bool) -> list[int]:
    """Return 2·MAC of each layer for one step.

    The backward pass takes the same again for the weights. It takes the same once more for the
    input if a trained layer comes before.
    """
    trained: dict[str, bool] = dict.fromkeys(report.inputs, False)
    flops = []
    for row in report.rows:
        before = any(trained[path] for path in row.inputs)
        trained[row.path] = before or bool(row.params) or row.shared_with is not None
        passes = 1
        if training:
            passes = 3 if before else 2
        flops.append(2 * row.macs * passes)
    return flops
