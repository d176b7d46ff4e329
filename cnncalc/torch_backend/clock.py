"""Time on a device, and how repeated measurements spread."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median, quantiles
from typing import Any, NamedTuple

import torch


class Spread(NamedTuple):
    """Seconds of repeated runs: the median, the quartiles around it, and the least."""

    median: float
    q1: float
    q3: float
    least: float
    runs: int

    @staticmethod
    def of(seconds: Sequence[float]) -> Spread:
        q1, _, q3 = quantiles(seconds, n=4, method="inclusive") if len(seconds) > 1 else [*seconds] * 3
        return Spread(median(seconds), q1, q3, min(seconds), len(seconds))


class Clock:
    """Marks on a device's own time line. A GPU that waits for its next kernel counts the waiting: launches show at small batches."""

    def __init__(self, device: torch.device):
        self.device = device
        self.gpu = device.type == "cuda"

    def mark(self) -> Any:
        """A point in time."""
        if not self.gpu:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self.device))
        return event

    def wait(self) -> None:
        """Until the device has done all it was asked to."""
        if self.gpu:
            torch.cuda.synchronize(self.device)

    def seconds(self, start: Any, end: Any) -> float:
        """Between two marks; the device must have reached both."""
        return start.elapsed_time(end) / 1000 if self.gpu else end - start
