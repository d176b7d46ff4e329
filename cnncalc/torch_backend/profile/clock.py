"""Time on a device, and how repeated measurements spread."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median, quantiles
from typing import Any, NamedTuple

import torch

WARM = 0.3  # seconds that a card computes before it is timed: from idle its clocks rise slowly
_CYCLES = 2e9  # of a card's clock in a second, at most: it waits no shorter than it is asked to
_LONGEST = 0.5  # seconds that a card is held back


class Spread(NamedTuple):
    """Seconds of repeated runs: the median, the quartiles around it, and the least."""

    median: float
    q1: float
    q3: float
    least: float
    runs: int

    @staticmethod
    def of(seconds: Sequence[float]) -> Spread:
        """Summarize some runs, at least one."""
        q1 = q3 = seconds[0]
        if len(seconds) > 1:
            q1, _, q3 = quantiles(seconds, n=4, method="inclusive")
        return Spread(median=median(seconds), q1=q1, q3=q3, least=min(seconds), runs=len(seconds))


class Clock:
    """Marks on a device's own time line.

    A GPU that waits for its next kernel counts the waiting: launches show at small batches.
    """

    def __init__(self, device: torch.device):
        self.device = device
        self.gpu = device.type == "cuda"

    def mark(self) -> Any:
        """Return a point in time."""
        if not self.gpu:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self.device))
        return event

    def wait(self) -> None:
        """Wait until the device has done all that it was asked for."""
        if self.gpu:
            torch.cuda.synchronize(self.device)

    def warm_up(
        self, step: Callable[[], None], runs: int, tick: Callable[[], None] = lambda: None
    ) -> None:
        """Run a step a few times before it is timed; on a card for at least `WARM` seconds."""
        start = time.perf_counter()
        done = 0
        while done < runs or runs and self.gpu and time.perf_counter() - start < WARM:
            step()
            self.wait()
            done += 1
            if done <= runs:
                tick()

    def hold_back(self, seconds: float) -> None:
        """Let a card wait, so that what is launched meanwhile runs without gaps afterwards."""
        if self.gpu:
            torch.cuda._sleep(int(min(seconds, _LONGEST) * _CYCLES))

    def seconds(self, start: Any, end: Any) -> float:
        """Return the seconds between two marks; the device must have reached both."""
        return float(start.elapsed_time(end)) / 1000 if self.gpu else float(end - start)
