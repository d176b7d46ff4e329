"""A summary in Markdown, for a step of a workflow or a comment."""

from __future__ import annotations

from ...checking.finding import Checked, Finding
from ..formats.markdown import markdown_table
from .tally import all_findings, summary, whose

SIGNS = {"error": "❌", "warning": "⚠️", "note": "💡"}
TITLES = ("", "where", "what", "help")


def render(checked: list[Checked]) -> str:
    """Write the sums, and a table of the findings."""
    lines = ["### cnncalc", "", summary(checked)]
    rows = [_row(file, finding) for file, finding in all_findings(checked)]
    if rows:
        lines += ["", *markdown_table(TITLES, [False] * len(TITLES), rows, compact=True)]
    return "\n".join(lines)


def _row(file: Checked, finding: Finding) -> list[str]:
    d = finding.diagnostic
    where = f"{d.position.file}:{d.position.line}" if d.position else file.file
    what = f"{d.message} ({d.equation})" if d.equation else d.message
    if variants := whose(file, finding):
        what += f", in {variants}"
    return [f"{SIGNS[d.severity]} {d.code}", _cell(where), _cell(what), _cell(d.help or "")]


def _cell(text: str) -> str:
    """Write a text in one line; in backticks, < is left as it is."""
    parts = text.replace("\r", " ").replace("\n", " ").split("`")
    parts[::2] = [part.replace("<", "&lt;") for part in parts[::2]]
    return "`".join(parts)
