"""Writes how far a calibrated device is off on networks that were left out of its fit."""

from __future__ import annotations

from math import exp, expm1
from typing import TYPE_CHECKING, Any

from ..analysis.latency.calibrate import Calibration
from ..analysis.latency.model import UNITS, Coefficients
from ..wording import duration_text
from .formats.csv import Csv
from .formats.json import Json, document
from .formats.markdown import Page
from .formats.table import facts, grid, stacked

if TYPE_CHECKING:
    from rich.console import Group

TITLES = ("network", "batch", "measured", "predicted", "error")


def table(found: Calibration, width: int) -> Group:
    """Write each measurement beside its prediction, the errors, and the coefficients."""
    rows = grid(*TITLES, left=("network",))
    for cells in _lines(found):
        rows.add_row(*cells)
    return stacked(rows, facts(_facts(found)))


def csv(found: Calibration) -> Csv:
    """Write a line for each measurement, with seconds as plain numbers."""
    rows: list[tuple[Any, ...]] = [TITLES]
    for profile, error in zip(found.profiles, found.errors):
        one = profile.measured
        predicted = one.seconds * exp(error)
        rows.append((one.name, one.batch, one.seconds, predicted, round(expm1(error), 4)))
    return Csv(*rows)


def markdown(found: Calibration) -> Page:
    """Write the measurements as a table."""
    page = Page()
    page.table(TITLES, [False, True, True, True, True], [list(line) for line in _lines(found)])
    return page


def json(found: Calibration) -> Json:
    """Write every measurement, and the fit."""
    rows = []
    for profile, error in zip(found.profiles, found.errors):
        one = profile.measured
        rows.append(
            {
                "network": one.name,
                "batch": one.batch,
                "seconds": one.seconds,
                "predicted": one.seconds * exp(error),
                "error": expm1(error),
            }
        )
    return document(
        {"device": found.device.name, "measurements": rows, "fit": dict(found.device.fits[0])}
    )


def _lines(found: Calibration) -> list[tuple[str, ...]]:
    """Return the cells of each measurement; a prediction is by a fit without its network."""
    lines: list[tuple[str, ...]] = []
    for profile, error in zip(found.profiles, found.errors):
        one = profile.measured
        predicted = duration_text(one.seconds * exp(error))
        measured = duration_text(one.seconds)
        lines.append((one.name, f"{one.batch:,}", measured, predicted, f"{expm1(error):+.1%}"))
    return lines


def _facts(found: Calibration) -> list[tuple[str, str]]:
    fit = found.device.fits[0]
    off = fit["left_out"]
    speed = found.device.speed
    peaks = ", ".join(f"{value:g} TFLOP/s {name}" for name, value in speed.tflops.items())
    rows = [
        ("left out", f"mean error {off['mean']:.1%}, median {off['median']:.1%}"),
        ("peaks", f"{peaks}, {speed.gb_per_s:g} GB/s: {speed.source}"),
    ]
    for name, value in Coefficients(**fit["coefficients"])._asdict().items():
        rows.append((name, f"{value:.3g} {UNITS.get(name, 'of the peak')}"))
    return rows
