"""Writes predicted memory beside measured memory, as a table and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..diagnostic import Diagnostic
from ..wording import DASH, value_text
from .analyze import heading
from .formats.table import DIM, GREEN, RED, LayerTable, captioned, facts, grid, stacked, text
from .verify import json as json
from .verify import marked

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table
    from rich.text import Text

    from ..torch_backend.verify.result import Check, CheckedLayer, Verification
    from .verify import Found

COLUMNS = {
    "saved": "saved",
    "inference_peak": "inference",
    "forward_peak": "forward",
    "backward_peak": "backward",
}
FIGURES = {
    "parameters": "parameters",
    "saved": "saved for backward",
    "inference_peak": "inference peak",
    "inference_peak_at": "place of it",
    "training_peak": "training peak",
    "training_peak_at": "place of it",
}
MARKS = {True: "✓", False: "✗", None: ""}


def table(
    found: Found, diagnostics: Sequence[Diagnostic], seconds: float, width: int
) -> RenderableType:
    """Write one network layer by layer, or a line for each of several networks."""
    first = found[0][1]
    if len(found) == 1 and first is not None:
        return _network(first, width)
    return _overview(found, seconds)


def _network(found: Verification, width: int) -> Group:
    """Write a line for each layer, the figures of the network, and how they were measured."""
    env = found.environment
    device = f"{env['device_name']} ({env['device']})" if env["cuda"] else env["device"]
    title = heading(found.report, f"in bytes, on {device} with torch {env['torch']}")
    body = [[layer.row.path, *_cells(layer)] for layer in found.layers]
    layers = LayerTable(
        titles=["layer", *COLUMNS.values()],
        body=body,
        ends=[""] * (1 + len(COLUMNS)),
        numeric=[False] + [True] * len(COLUMNS),
        barred=[False] * (1 + len(COLUMNS)),
        styles=[None if layer.ok else RED for layer in found.layers],
    )
    room = width - sum(layers.widths[1:]) - len(layers.widths)
    return stacked(title, layers.render(room), _figures(found), facts(_summary(found)))


def _cells(layer: CheckedLayer) -> Iterator[str]:
    checks = {check.what: check for check in layer.checks}
    for what in COLUMNS:
        yield marked(checks[what], False) if what in checks else DASH


def _figures(found: Verification) -> Table:
    """Lay out the figures of the network."""
    table = grid("figure", "predicted", "measured", "", left=("figure",), gap=2)
    for check in found.totals:
        style = RED if check.ok is False else None
        measured = DASH if check.measured is None else value_text(check.measured)
        cells = FIGURES[check.what], value_text(check.predicted), measured, MARKS[check.ok]
        table.add_row(*cells, style=style)
    return table


def _summary(found: Verification) -> Iterator[tuple[str, Text]]:
    """Yield how many figures agree, and what measured them."""
    checks = [*found.totals, *(check for layer in found.layers for check in layer.checks)]
    marks = Counter(check.ok for check in checks)
    if marks[False]:
        yield "verified", text(f"{marks[False]:,} of {len(checks):,} figures differ ✗", style=RED)
    else:
        verdict = f"all {marks[True]:,} figures agree ✓"
        if marks[None]:
            verdict += f"; {marks[None]:,} could not be compared"
        yield "verified", text(verdict, style=GREEN)
    yield "columns", text("saved for backward, and in memory while the layer runs:", style=DIM)
    yield "", text("at inference, and in training forward and backward", style=DIM)
    yield "measured", text(", ".join(dict.fromkeys(check.by for check in checks)), style=DIM)
    notes = [f"{FIGURES[check.what]}: {check.note}" for check in found.totals if check.note]
    for n, note in enumerate([*found.notes, *notes]):
        yield "" if n else "notes", text(note, style=DIM)
    yield "time", text(f"{found.seconds:.1f} s", style=DIM)


def _overview(found: Found, seconds: float) -> Table:
    """Lay out a line for each of several networks, and the total time."""
    whats = ("saved", "inference_peak", "training_peak")
    titles = [FIGURES[what] for what in whats]
    table = grid("network", *titles, "s", "", left=("network",))
    for name, one in found:
        if one is None:
            table.add_row(name, *[""] * (len(whats) + 1), "✗", style=RED)
            continue
        totals: dict[str, Check] = {check.what: check for check in one.totals}
        cells = (marked(totals[what], False) for what in whats)
        mark, style = ("✓", None) if one.ok else ("✗", RED)
        table.add_row(name, *cells, f"{one.seconds:.1f}", mark, style=style)
    wrong = sum(one is None or not one.ok for _, one in found)
    verdict = f"{wrong} not confirmed ✗" if wrong else "every figure agrees ✓"
    return captioned(table, f"{len(found)} networks in {seconds:.1f} s: {verdict}")
