"""Writes findings for people: with the line that they are about, the equation and the help."""

from __future__ import annotations

from ...checking.finding import Checked, Finding
from ...wording import listed, plural
from ..diagnostics import lines_of
from ..formats.lines import Line, Lines
from ..formats.wrapped import wrapped
from .tally import remarks, summary

_MOST = 2  # notes of one code that are shown one by one
_LINES = 8  # lines that are named


def render(checked: list[Checked], width: int | None = None) -> Lines:
    """Write the findings, an empty line after each, and the sums; a log has no width."""
    lines: list[Line] = []
    for file in checked:
        alike = _repeated_notes(file)
        for finding in file.findings:
            same = alike.get(finding.diagnostic.code, [finding])
            if finding is not same[0]:
                continue
            lines += lines_of_finding(file, finding, width)
            if len(same) > 1:
                lines += wrapped(_elsewhere(same[1:]), width, "   = ", "     ")
            lines.append("")
    return Lines(*lines, *wrapped(summary(checked), width))


def _repeated_notes(file: Checked) -> dict[str, list[Finding]]:
    """Return the notes of each code that a file has so often that one of them is enough."""
    found: dict[str, list[Finding]] = {}
    for finding in file.findings:
        if finding.diagnostic.severity == "note":
            found.setdefault(finding.diagnostic.code, []).append(finding)
    return {code: same for code, same in found.items() if len(same) > _MOST}


def _elsewhere(findings: list[Finding]) -> str:
    """Say how often a note is repeated, and where: ``12 more notes like this, at lines 5, 6 …``."""
    lines = list(dict.fromkeys(finding.place[0] for finding in findings))
    shown = list(map(str, lines[:_LINES]))
    if len(lines) > _LINES:
        shown.append(f"{len(lines) - _LINES} more")
    where = f"at line{'s' if len(shown) > 1 else ''} {listed(shown)}"
    return f"{plural(len(findings), 'more note')} like this, {where}"


def lines_of_finding(file: Checked, finding: Finding, width: int | None = None) -> list[Line]:
    """Return the lines of one finding."""
    diagnosed = lines_of(finding.diagnostic, {file.file: file.text}, width)
    for remark in remarks(file, finding):
        diagnosed += wrapped(remark, width, "   = ", "     ")
    return diagnosed
