"""Time on a device, and how repeated measurements spread."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
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
        q1, _, q3 = (
            quantiles(seconds, n=4, method="inclusive") if len(seconds) > 1 else [*seconds] * 3
        )
        return Spread(median(seconds), q1, q3, min(seconds), len(seconds))


WARM = 0.3  # seconds that a card computes before it is timed: from idle its clocks rise slowly
CYCLES = 2e9  # of a card's clock in a second, at most: it waits no shorter than it is asked to
LONGEST = 0.5  # seconds that a card is held back


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

    def warm_up(
        self, step: Callable[[], None], runs: int, tick: Callable[[], None] = lambda: None
    ) -> None:
        """Runs a step a few times before it is timed; on a card for a third of a second at least."""
        start = time.perf_counter()
        done = 0
        while done < runs or runs and self.gpu and time.perf_counter() - start < WARM:
            step()
            self.wait()
            done += 1
            if done <= runs:
                tick()

    def hold_back(self, seconds: float) -> None:
        """Lets a card wait, so that what is launched meanwhile runs without gaps afterwards."""
        if self.gpu:
            torch.cuda._sleep(int(min(seconds, LONGEST) * CYCLES))

    def seconds(self, start: Any, end: Any) -> float:
        """Between two marks; the device must have reached both."""
        return start.elapsed_time(end) / 1000 if self.gpu else end - start
