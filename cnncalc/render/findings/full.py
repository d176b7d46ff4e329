"""For people: each finding with the line it is about, the equation and the help."""

from __future__ import annotations

from collections.abc import Iterator

from ...checking.finding import Checked, Finding
from ..diagnostics import lines_of
from ..formats.lines import Line, Lines
from .tally import all_findings, summary, whose


def render(checked: list[Checked]) -> Lines:
    """Write the findings, an empty line after each, and the sums."""
    lines: list[Line] = []
    for file, finding in all_findings(checked):
        lines += [*_lines(file, finding), ""]
    return Lines(*lines, summary(checked))


def _lines(file: Checked, finding: Finding) -> Iterator[Line]:
    yield from lines_of(finding.diagnostic, {file.file: file.text})
    if variants := whose(file, finding):
        yield f"   = in {variants}"
    if finding.later:
        yield "   = found once the errors before it are mended"
    if finding.hides:
        yield "   = what depends on this is not checked"
