"""Devices for the roofline: their peaks, and how long each layer takes as `latency` predicts it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ...analysis.latency.device_file import NUMBERS, Device
from ...analysis.latency.devices import device
from ...analysis.latency.predict import BOUNDS, Asked, Prediction, predict
from ...analysis.result import Report
from ...at_least import AtLeast
from ...diagnostic import Mistake
from .packed import packed

# From the data centre to the desk, the pocket and the CPU.
USUAL = ("RTX4090", "A100-SXM-80", "T4", "Orin-Nano-Super", "i7-12700H", "RPi5")
_DIGITS = 4  # of a time


def devices_data(report: Report, devices: Sequence[Device] | None) -> list[dict[str, Any]]:
    """Return the times of a network at its batch on each device.

    None stands for the default devices. There are no times if it does no work, or if a part of its
    work is unknown.

    Errors: a Mistake (CNN425) for a device that has no peak for the type of the report.
    """
    if isinstance(report.totals.macs, AtLeast):
        return []
    if devices is None:
        devices = _usual(report.dtype)
    return [_data(report, prediction) for prediction in _predictions(report, devices)]


def _usual(dtype: str) -> list[Device]:
    """Return the usual devices that have a peak for the type."""
    number = NUMBERS.get(dtype)
    return [one for one in map(device, USUAL) if number in one.speed.tflops]


def _predictions(report: Report, devices: Sequence[Device]) -> Iterator[Prediction]:
    asked = Asked(dtype=report.dtype)
    for one in devices:
        try:
            yield from predict(report.graph, one, [report.batch], asked)
        except Mistake as mistake:
            if mistake.diagnostics[0].code != "CNN111":
                raise


def _data(report: Report, found: Prediction) -> dict[str, Any]:
    """Return what a page shows of a device; `layers` has a value for each node of the graph."""
    seconds: list[float | None] = [None] * len(report.graph.nodes)
    bounds: list[int | None] = [None] * len(report.graph.nodes)
    for layer in found.layers:
        seconds[layer.layer] = _rounded(layer.seconds)
        bounds[layer.layer] = BOUNDS.index(layer.bound)
    peaks = found.model.peaks
    return {
        "name": found.model.device,
        "operations": peaks.operations,
        "bandwidth": peaks.bandwidth,
        "seconds": _rounded(found.seconds),
        "interval": list(map(_rounded, found.interval)),
        "shares": [round(found.bounds[bound] / found.seconds, 3) for bound in BOUNDS],
        "basis": "; ".join([found.model.basis, *found.notes]),
        "layers": {"seconds": packed(seconds), "bound": packed(bounds)},
    }


def _rounded(seconds: float) -> float:
    return float(f"{seconds:.{_DIGITS}g}")
