"""The figure `latency`: nanoseconds of a batch on a device, for one network or for many at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ...diagnostic import Diagnostic, Mistake
from ...graph import Graph
from ...num import Num, choose
from ..result import Report
from .devices import Model, device, model
from .kernels import Way
from .model import channels_first, traits
from .predict import Asked, Prediction, all_kernels, each, predictions

NANO = 1e-9


class Timing(NamedTuple):
    """A device and how networks run on it: what the figure `latency` needs."""

    model: Model
    asked: Asked
    is_cpu: bool = False

    @classmethod
    def on(cls, name: str, asked: Asked) -> Timing:
        """Return the timing on a device.

        Errors: a Mistake for an unknown device (CNN424), or one without a peak for the type
        (CNN425).
        """
        found = device(name)
        cpu = found.speed.is_cpu
        way = asked.way._replace(device="cpu" if cpu else "cuda")
        return cls(model(found, way, asked.dtype), asked, cpu)

    @property
    def way(self) -> Way:
        """What decides about the kernels."""
        return self.asked.way._replace(device="cpu" if self.is_cpu else "cuda")

    def predicted(self, graph: Graph, batch: int) -> Prediction:
        """Return the time of one network, by layer."""
        return predictions(graph, self.model, [batch], self.asked, self.way)[0]

    def nanoseconds(self, graph: Graph, batch: int) -> int:
        """Return the time of one network, rounded."""
        parts = all_kernels(graph, self.asked, self.way)
        found = self.model
        all_times = each(parts, found.coefficients, found.peaks, self.way, batch)
        seconds: float = sum(time.total() for time in all_times)
        return round(seconds / NANO)

    def of_many(self, graph: Graph, batch: Num, there: Mapping[int, Any]) -> Num:
        """Return the times of all variants of a graph whose sizes are arrays.

        `there` is, by the number of a node, the condition that its layer is there.

        Errors: Split if that decides which layers a compiler joins, or where gradients go.
        """
        from ...many.split import Split  # these import numpy
        from .many import total_seconds

        way = self.way
        if there and (way.compile or self.asked.mode == "training"):
            raise Split(next(iter(there.values())))
        parts = all_kernels(graph, self.asked, way)
        first = channels_first(parts, way)
        times: dict[object, Num] = {}
        rows = {}
        for kernel in parts:
            key = kernel.shared
            rows[key] = kernel
            times[key] = times.get(key, 0) + choose(there.get(kernel.layer, True), 1, 0)
        listed = [(traits(kernel, way, first), times[key]) for key, kernel in rows.items()]
        return total_seconds(listed, self.model.coefficients, self.model.peaks, batch, NANO)


def with_latency(report: Report, timing: Timing) -> Report:
    """Return a report whose rows have the seconds that they take on a device, and their bound."""
    if not report.complete:
        return report
    found = {layer.path: layer for layer in timing.predicted(report.graph, report.batch).layers}
    rows = []
    for row in report.rows:
        layer = found.get(row.path)
        seconds, bound = (layer.seconds, layer.bound) if layer else (0.0, None)
        rows.append(row._replace(latency=seconds, bound=bound))
    return replace(report, rows=rows)


def timing_on(name: str | Timing | None, asked: Asked) -> Timing | None:
    """Return the timing on a device; None without one, and a timing as it is.

    Errors: as of `Timing.on`.
    """
    if name is None or isinstance(name, Timing):
        return name
    return Timing.on(name, asked)


def refuse_no_device(timing: Timing | None) -> None:
    """Raise a Mistake (CNN424) if a time is asked for without a device."""
    if timing is None:
        help = "name one: --device rtx4090"
        raise Mistake(Diagnostic("CNN424", "`latency` needs a device", help=help))
