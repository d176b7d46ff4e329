"""Writes ``file:line:column: severity[code]: message`` for each finding, and the sums."""

from __future__ import annotations

from ...checking.finding import Checked, Finding
from ..formats.lines import Lines
from .tally import all_findings, remarks, summary


def render(checked: list[Checked]) -> Lines:
    """Write a line for each finding, and the sums."""
    lines = (_line(file, finding) for file, finding in all_findings(checked))
    return Lines(*lines, summary(checked))


def _line(file: Checked, finding: Finding) -> str:
    return "; ".join((str(finding.diagnostic), *remarks(file, finding)))
