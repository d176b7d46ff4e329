"""A line for each finding, ``file:line:column: severity[code]: message``, and the sums."""

from __future__ import annotations

from ...checking.finding import Checked
from ..formats.lines import Lines
from .tally import all_findings, summary


def render(checked: list[Checked]) -> Lines:
    """Write a line for each finding, and the sums."""
    lines = (str(finding.diagnostic) for _, finding in all_findings(checked))
    return Lines(*lines, summary(checked))
