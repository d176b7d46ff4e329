"""Writes a report where the library shows it: as text for `print`, as HTML for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..analysis.blocks import folded, readable_depth
from ..wording import DASH
from . import analyze
from .columns import BARRED, chosen, input_values, totals
from .diagnostics import lines_of
from .formats.entries import FILE_WIDTH
from .formats.html import Html
from .formats.lines import joined
from .formats.table import Screen, console
from .layers import cell

if TYPE_CHECKING:
    from rich.text import Text

    from ..analysis.result import Report, Row


def text(report: Report) -> str:
    """Return the table of `cnncalc analyze`, and what was found."""
    screen = console()
    if not screen.is_terminal:
        screen.width = FILE_WIDTH
    table = analyze.table(report, report.rows, None, width=screen.width)
    found = joined(["", *lines_of(diagnostic)] for diagnostic in report.diagnostics)
    return "\n".join([Screen(table, screen).written(), *_if_any(found.written())])


def html(report: Report) -> str:
    """Return a table of the layers with bars, their totals, and what was found.

    A long network is folded by its blocks, with all its layers below.
    """
    page = Html()
    page.heading(report.name)
    depth = readable_depth(report)
    if depth is None:
        _layers(page, report, report.rows)
    else:
        _layers(page, report, folded(report, depth))
        every = Html()
        _layers(every, report, report.rows)
        page.hidden(f"All {len(report.rows):,} layers", every)
    if report.complete:
        page.facts((label, _words(said)) for label, said in analyze.summary(report))
    else:
        page.paragraph(analyze.UNFINISHED)
    for diagnostic in report.diagnostics:
        page.lines(joined([lines_of(diagnostic)]).written())
    return page.written()


def _layers(page: Html, report: Report, rows: list[Row]) -> None:
    """Add a table of rows."""
    columns = chosen(report, None)
    lines = [list(map(cell, values)) for values in input_values(report, columns)]
    bars = [[0.0] * len(columns) for _ in lines]
    barred = [column for column in columns if column.key in BARRED]
    most = {c.key: max((c.value(row, report) or 0 for row in rows), default=0) for c in barred}
    for row in rows:
        values = [column.value(row, report) for column in columns]
        pairs = list(zip(columns, values))
        lines.append([DASH if column.total and not v else cell(v) for column, v in pairs])
        bars.append([v / most[c.key] if v and most.get(c.key) else 0.0 for c, v in pairs])
    ends = list(map(cell, totals(report, columns))) if report.complete else None
    numeric = [column.numeric for column in columns]
    page.table([column.title for column in columns], numeric, lines, ends, bars)


def _words(said: str | Text) -> str:
    return said if isinstance(said, str) else said.plain


def _if_any(text: str) -> list[str]:
    return [text] if text else []
