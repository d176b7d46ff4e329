"""A line for each finding, ``file:line:column: severity[code]: message``, and the sums."""

from __future__ import annotations

from ...checking.finding import Checked
from .tally import all_findings, summary


def render(checked: list[Checked]) -> str:
    """Write a line for each finding, and the sums."""
    lines = [str(finding.diagnostic) for _, finding in all_findings(checked)]
    return "\n".join([*lines, summary(checked)])
