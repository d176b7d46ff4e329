"""Writes the arithmetic of layers as text, in Markdown or in LaTeX."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..analysis.explain import explain, explain_group
from ..analysis.field_arithmetic import Quantity
from ..analysis.result import Report, Row
from .formats.entries import MARGIN, block
from .formats.latex import Latex
from .formats.lines import Line, Lines
from .formats.markdown import Page

_LABELS = 14  # columns before the arithmetic
_NARROWEST = 24  # columns that the arithmetic gets
_HEAD = ("quantity", "arithmetic")


class Explained(NamedTuple):
    """A layer or block with its arithmetic."""

    path: str
    row: Row | None  # None for a block
    lines: list[Quantity]

    @property
    def about(self) -> str:
        """Return what the layer is, and what it reads."""
        return f"{self.row.op} on {', '.join(self.row.inputs)}" if self.row else "a block"


def explained(report: Report, path: str, runs: bool = True) -> Explained | None:
    """Return the layer or block at a path with its arithmetic; None if there is none.

    With `runs`, memory includes what a layer takes in a run of the network.
    """
    lines = explain(report, path, runs)
    if lines:
        return Explained(path, report.row(path), lines)
    lines = explain_group(report, path)
    return Explained(path, None, lines) if lines else None


def text(found: Iterable[Explained], width: int) -> Lines:
    """Write a line about each layer or block, and the lines of its quantities below."""
    lines: list[Line] = []
    for each in found:
        first, *others = block(f"{each.path}: {each.about}", width, 0)
        name = first[: len(each.path)]
        lines += ([""] if lines else []) + [((name, "heading"), first[len(name) :]), *others]
        for what, how in each.lines:
            lines += _entry(what, how, width)
    return Lines(*lines)


def markdown(found: Iterable[Explained]) -> Page:
    """Write a heading and a table for each layer or block."""
    page = Page()
    for each in found:
        page.heading(f"{each.path}: {each.about}")
        page.table(_HEAD, [False, False], each.lines, compact=True)
    return page


def listed(found: Explained) -> Page:
    """Write a heading and a list, which editors that show no tables show well too."""
    page = Page()
    page.heading(f"{found.path}: {found.about}")
    page.entries(found.lines)
    return page


def latex(found: Iterable[Explained]) -> Latex:
    """Write a paragraph for each layer or block: a table with its formulas."""
    page = Latex()
    for each in found:
        page.heading(f"{each.path}: {each.about}")
        page.table(each.lines)
    return page


def _entry(what: str, how: str, width: int) -> list[str]:
    """Return a label with its arithmetic beside it; what does not fit is below."""
    first, *others = block(how, max(width, _LABELS + _NARROWEST), _LABELS)
    label = " " * MARGIN + what
    return [label.ljust(_LABELS) + first[_LABELS:], *others]
