"""For people: each finding with the line it is about, the equation and the help."""

from __future__ import annotations

from ...checking.finding import Checked, Finding
from ..diagnostics import render as as_text
from .tally import all_findings, summary, whose


def render(checked: list[Checked], colour: bool = False) -> str:
    """Write the findings, an empty line after each, and the sums."""
    parts = [_text(file, finding, colour) for file, finding in all_findings(checked)]
    return "\n".join([*parts, summary(checked)])


def _text(file: Checked, finding: Finding, colour: bool) -> str:
    lines = [as_text(finding.diagnostic, {file.file: file.text}, colour)]
    if variants := whose(file, finding):
        lines.append(f"in {variants}")
    if finding.later:
        lines.append("found once the errors before it are mended")
    if finding.hides:
        lines.append("what depends on this is not checked")
    return "\n   = ".join(lines) + "\n"
