"""Lays out the layers of a network for a screen: columns, bars and a tree of blocks that fit.

A number is never cut. Where there is no room, bars go first, then the last columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..analysis.blocks import Branch, tree
from ..analysis.result import Report, Row
from ..wording import DASH, value_text
from .columns import BARRED, Column, input_values, totals
from .formats.table import BOLD, DIM, LayerTable, bar, ending

if TYPE_CHECKING:
    from rich.segment import Segments

WIDE = 110  # columns of a screen that has room for long bars
LONG_BAR, SHORT_BAR = 6, 1  # cells
LONGEST_PATH = 30  # columns; with a longer one, blocks become headings
WANTED = 24  # columns that paths get, if they are so long, before other columns
_INDENT = "  "


class Layers(NamedTuple):
    """The table of the layers, and the columns that it has no room for."""

    table: Segments
    left_out: list[Column]


def laid_out(
    report: Report, rows: list[Row], columns: list[Column], width: int, as_tree: bool = False
) -> Layers:
    """Lay out a line per layer, the inputs above, the sums below; counts have bars.

    Blocks are headings with their sums if `as_tree`, or if paths are long.
    """
    branches = [Branch(level=0, name=row.path, row=row) for row in rows]
    found = _table(report, branches, columns)
    if columns[0].key == "path" and (as_tree or _is_long(rows, found, width)):
        branches = tree(report, rows)
        found = _table(report, branches, columns)
    spare = max(found.widths[0] - WANTED, 0) if columns[0].key == "path" else 0
    found.keep(_fitting(found, width + spare))
    shown = columns[: len(found.titles)]
    lengths = (LONG_BAR, SHORT_BAR) if width >= WIDE else (SHORT_BAR,)
    fitting = [length for length in lengths if found.width(length) <= width + spare]
    if fitting and branches:
        found.bar = fitting[0]
        found.bars = _bars(report, branches, shown, found.bar)
    else:
        found.barred = [False] * len(shown)
    _shorten(found, width)
    return Layers(found.render(), columns[len(shown) :])


def cell(value: Any) -> str:
    """Write a value; nothing for None."""
    return "" if value is None else value_text(value)


def _is_long(rows: list[Row], found: LayerTable, width: int) -> bool:
    """Return whether paths are too long for the lines of their layers."""
    longest = max((len(row.path) for row in rows if "." in row.path), default=0)
    return longest > LONGEST_PATH or found.width(SHORT_BAR) > width and longest > 0


def _fitting(found: LayerTable, width: int) -> int:
    """Return how many columns fit without bars, but at least one."""
    count, needed = 0, 0
    for each in found.widths:
        needed += each + 1
        if needed > width:
            break
        count += 1
    return max(count, 1)


def _table(report: Report, branches: list[Branch], columns: list[Column]) -> LayerTable:
    barred = [column.key in BARRED for column in columns]
    ends = list(map(cell, totals(report, columns)))
    if not report.complete or not any(ends[1:]):
        ends = [""] * len(columns)
    return LayerTable(
        titles=[column.title for column in columns],
        above=[list(map(cell, line)) for line in input_values(report, columns)],
        body=[[_cell(branch, column, report) for column in columns] for branch in branches],
        ends=ends,
        numeric=[column.numeric for column in columns],
        barred=barred,
        styles=list(map(_style, branches)),
    )


def _style(branch: Branch) -> str | None:
    """Return the style of a line; sums of blocks inside blocks do not stand out."""
    if not branch.heading:
        return None
    return DIM if branch.level else BOLD


def _cell(branch: Branch, column: Column, report: Report) -> str:
    if column.key == "path":
        return _INDENT * branch.level + branch.name
    value = column.value(branch.row, report)
    return DASH if column.key in BARRED and value == 0 else value_text(value)


def _bars(
    report: Report, branches: list[Branch], columns: list[Column], cells: int
) -> list[list[str]]:
    """Return the bars of each layer, proportional to the largest value of their column.

    Headings have none: their sums are those of the lines below.
    """
    drawn = [column for column in columns if column.key in BARRED]
    counts = [[_drawn(column, branch.row, report) for column in drawn] for branch in branches]
    below = [line for line, branch in zip(counts, branches) if not branch.heading]
    peaks = list(map(max, zip(*below)))
    found = []
    for line, branch in zip(counts, branches):
        pairs = [] if branch.heading else zip(line, peaks)
        found.append([bar(count, peak, cells) for count, peak in pairs])
    return found


def _drawn(column: Column, row: Row, report: Report) -> int:
    """Return what a bar shows: the part of a figure that is known."""
    value = column.value(row, report)
    return 0 if value is None else int(value)


def _shorten(found: LayerTable, width: int) -> None:
    """Cut the beginnings of paths off that are longer than the room that is left for them."""
    room = max(width - (found.width(found.bar) - found.widths[0]), 1)
    for line in (*found.above, *found.body):
        line[0] = ending(line[0], room)
