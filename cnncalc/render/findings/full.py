"""Writes findings for people: with the line that they are about, the equation and the help."""

from __future__ import annotations

from ...checking.finding import Checked, Finding
from ..diagnostics import lines_of, lines_of_others, notes_alike
from ..formats.lines import Line, Lines
from ..formats.wrapped import wrapped
from .tally import remarks, summary


def render(checked: list[Checked], width: int | None = None) -> Lines:
    """Write the findings, an empty line after each, and the sums; a log has no width."""
    lines: list[Line] = []
    for file in checked:
        alike = notes_alike([finding.diagnostic for finding in file.findings])
        for finding in file.findings:
            same = alike.get(finding.diagnostic.code, [finding.diagnostic])
            if finding.diagnostic is not same[0]:
                continue
            lines += lines_of_finding(file, finding, width)
            lines += lines_of_others(same, width)
            lines.append("")
    return Lines(*lines, *wrapped(summary(checked), width))


def lines_of_finding(file: Checked, finding: Finding, width: int | None = None) -> list[Line]:
    """Return the lines of one finding."""
    diagnosed = lines_of(finding.diagnostic, {file.file: file.text}, width)
    for remark in remarks(file, finding):
        diagnosed += wrapped(remark, width, "   = ", "     ")
    return diagnosed
