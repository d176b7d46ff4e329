"""Writes the memory of a network in Markdown."""

from __future__ import annotations

from ...analysis.memory.overview import Overview, run_text
from ...analysis.result import Report
from ...at_least import AtLeast
from ...wording import DASH
from ..analyze import UNKNOWN_FIGURES
from ..formats.markdown import Page
from .allocator import TITLES, allocator_cells, allocator_note
from .words import (
    LARGEST,
    approximate,
    arithmetic,
    checkpoint_facts,
    megabytes,
    mode_rows,
    parameters,
    remarks,
    sizes,
    summit,
    tensor_cells,
    way_cells,
    ways_title,
)


def render(report: Report, found: Overview) -> Page:
    """Write the figures, the largest tensors, and the batches that fit."""
    page = Page()
    page.heading(f"{report.name}, batch {report.batch:,}, {report.dtype}")
    page.paragraph(f"{run_text(found.run)}, on {found.run.device}: {summit(found)}")
    if report.undeclared:
        page.paragraph(f"{UNKNOWN_FIGURES.capitalize()}: {report.undeclared}")
    rows = [(label, *_both(size), note) for label, size, note in sizes(found)]
    page.table(["figure", "MB", "MiB", ""], [False, True, True, False], rows)
    for _, counts in parameters(found):
        page.paragraph(f"Parameters: {counts}")
    for _, layers in approximate(found):
        page.paragraph(f"Not exact: {layers}.")
    tensors = [tensor_cells(found, tensor) for tensor in found.chosen.alive[:LARGEST]]
    page.table(["layer", "tensor at the peak", "MB", "share"], [False, False, True, True], tensors)
    if found.checkpoints:
        page.table(["checkpoints", ""], [False, False], list(checkpoint_facts(found)))
    if found.fits:
        page.table(["fit", ""], [False, False], arithmetic(found))
        if found.ways:
            ways = list(map(way_cells, found.ways))
            page.table([ways_title(found), "peak", "cost"], [False] * 3, ways)
        page.paragraph(remarks(found, True))
        titles, *lines = mode_rows(found.fits, True)
        page.table(titles, [False] + [True] * (len(titles) - 1), lines)
    if found.reserved:
        page.table(TITLES, [False] + [True] * 4, list(map(allocator_cells, found.reserved)))
        page.paragraph(allocator_note(found.reserved))
    return page


def _both(size: int | None) -> tuple[str, str]:
    if size is None:
        return DASH, DASH
    at_least = "≥ " if isinstance(size, AtLeast) else ""
    return megabytes(size, size), f"{at_least}{size / 2**20:,.1f}"
