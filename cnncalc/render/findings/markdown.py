"""Writes findings in Markdown, for the summary of a workflow or a comment."""

from __future__ import annotations

from ...checking.finding import Checked, Finding
from ..formats.markdown import Page
from .tally import all_findings, remarks, summary

SIGNS = {"error": "❌", "warning": "⚠️", "note": "💡"}
TITLES = ("", "where", "what", "help")


def render(checked: list[Checked]) -> Page:
    """Write the sums, and a table of the findings."""
    page = Page()
    page.heading("cnncalc")
    page.paragraph(summary(checked))
    rows = [_row(file, finding) for file, finding in all_findings(checked)]
    if rows:
        page.table(TITLES, [False] * len(TITLES), rows, compact=True)
    return page


def _row(file: Checked, finding: Finding) -> list[str]:
    d = finding.diagnostic
    where = f"{d.position.file}:{d.position.line}" if d.position else file.file
    what = f"{d.message} ({d.equation})" if d.equation else d.message
    what = "; ".join((what, *remarks(file, finding)))
    return [f"{SIGNS[d.severity]} {d.code}", where, what, d.help or ""]
