"""Measures time on a device, and summarizes repeated measurements."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median, quantiles
from typing import Any, NamedTuple

import torch

WARM = (
    0.3  # seconds that a card computes before it is timed: the clock of an idle card rises slowly
)
_CYCLES = 2e9  # clock cycles per second of the fastest cards, so that no card waits too briefly
_LONGEST = 0.5  # seconds that a card is held back at most


class Spread(NamedTuple):
    """Seconds of repeated runs: the median, the quartiles around it, and the shortest."""

    median: float
    q1: float
    q3: float
    least: float
    runs: int

    @staticmethod
    def of(seconds: Sequence[float]) -> Spread:
        """Summarize the seconds of one or more runs."""
        q1 = q3 = seconds[0]
        if len(seconds) > 1:
            q1, _, q3 = quantiles(seconds, n=4, method="inclusive")
        return Spread(median=median(seconds), q1=q1, q3=q3, least=min(seconds), runs=len(seconds))


class Clock:
    """Measures time as the device itself counts it.

    The time that a GPU waits for its next kernel counts too. So the cost of launching kernels shows
    at small batches.
    """

    def __init__(self, device: torch.device):
        self.device = device
        self.gpu = device.type == "cuda"

    def mark(self) -> Any:
        """Return a mark of the point in time that the device has reached."""
        if not self.gpu:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self.device))
        return event

    def wait(self) -> None:
        """Wait until the device has finished all its work."""
        if self.gpu:
            torch.cuda.synchronize(self.device)

    def warm_up(
        self, step: Callable[[], None], runs: int, tick: Callable[[], None] = lambda: None
    ) -> None:
        """Run a step a few times before it is timed. On a card, run for at least `WARM` seconds."""
        start = time.perf_counter()
        done = 0
        while done < runs or runs and self.gpu and time.perf_counter() - start < WARM:
            step()
            self.wait()
            done += 1
            if done <= runs:
                tick()

    def hold_back(self, seconds: float) -> None:
        """Make a card wait, so that the kernels launched in the meantime then run without gaps."""
        if self.gpu:
            torch.cuda._sleep(int(min(seconds, _LONGEST) * _CYCLES))

    def seconds(self, start: Any, end: Any) -> float:
        """Return the seconds between two marks. The device must have reached both."""
        return float(start.elapsed_time(end)) / 1000 if self.gpu else float(end - start)
