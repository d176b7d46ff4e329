"""Writes a report where the library shows it: as text for `print`, as HTML for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..wording import DASH
from . import analyze
from .columns import chosen, input_values, totals
from .diagnostics import lines_of
from .formats.entries import FILE_WIDTH
from .formats.html import Html
from .formats.lines import joined
from .formats.table import Screen, console
from .layers import cell

if TYPE_CHECKING:
    from rich.text import Text

    from ..analysis.result import Report


def text(report: Report) -> str:
    """Return the table of `cnncalc analyze`, and what was found."""
    screen = console()
    if not screen.is_terminal:
        screen.width = FILE_WIDTH
    table = analyze.table(report, report.rows, None, width=screen.width)
    found = joined(["", *lines_of(diagnostic)] for diagnostic in report.diagnostics)
    return "\n".join([Screen(table, screen).written(), *_if_any(found.written())])


def html(report: Report) -> str:
    """Return a table of the layers, their totals, and what was found."""
    page, columns = Html(), chosen(report, None)
    page.heading(report.name)
    lines = [list(map(cell, values)) for values in input_values(report, columns)]
    for row in report.rows:
        values = ((column, column.value(row, report)) for column in columns)
        lines.append([DASH if column.total and not v else cell(v) for column, v in values])
    ends = list(map(cell, totals(report, columns))) if report.complete else None
    titles = [column.title for column in columns]
    page.table(titles, [column.numeric for column in columns], lines, ends)
    if report.complete:
        page.facts((label, _words(said)) for label, said in analyze.summary(report))
    else:
        page.paragraph(analyze.UNFINISHED)
    for diagnostic in report.diagnostics:
        page.lines(joined([lines_of(diagnostic)]).written())
    return page.written()


def _words(said: str | Text) -> str:
    return said if isinstance(said, str) else said.plain


def _if_any(text: str) -> list[str]:
    return [text] if text else []
