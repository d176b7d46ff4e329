"""For people: each finding with the line it speaks of, the equation and the help."""

from __future__ import annotations

from ...checking.finding import Checked
from ..diagnostics import render as as_text
from .tally import all_findings, summary, whose


def render(checked: list[Checked], colour: bool = False) -> str:
    """Findings, an empty line after each, and the sums."""
    parts = []
    for file, finding in all_findings(checked):
        text = as_text(finding.diagnostic, {file.file: file.text}, colour)
        variants = whose(file, finding)
        more = (
            [f"in {variants}"] * bool(variants)
            + ["found once the errors before it are mended"] * finding.later
            + ["what depends on this is not checked"] * finding.hides
        )
        parts.append("\n   = ".join([text, *more]) + "\n")
    return "\n".join([*parts, summary(checked)])
