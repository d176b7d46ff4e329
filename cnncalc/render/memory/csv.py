"""Writes the largest batches, or the bytes in memory while each layer runs, as CSV."""

from __future__ import annotations

from typing import Any

from ...analysis.memory.fit import Fit
from ...analysis.memory.overview import Overview
from ...analysis.result import Report
from ..formats.csv import Csv

FITS = (
    "mode",
    "optimizer",
    "amp",
    "way",
    "max_batch",
    "fixed_bytes",
    "image_bytes",
    "peak_bytes",
    "next_bytes",
    "path",
    "phase",
)


def render(report: Report, found: Overview) -> Csv:
    """Write the largest batches if a limit is given, or else the bytes while each layer runs."""
    if found.fits:
        return Csv(FITS, *(_fit(found, fit) for fit in found.fits))
    rows = ([found.place(n), forward, backward] for n, forward, backward in found.chosen.layers)
    return Csv(["path", "forward_bytes", "backward_bytes"], *rows)


def _fit(found: Overview, fit: Fit) -> list[Any]:
    """Return the largest batch of a way to run, and the moment that decides about it."""
    run, path, size = fit.run, found.place(fit.at.layer), fit.line
    how = [run.mode, run.optimizer, run.amp, fit.way or None, fit.max_batch]
    return [*how, size.fixed, size.per_image, fit.peak, fit.beyond, path, fit.at.phase]
