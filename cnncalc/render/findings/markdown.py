"""A summary in Markdown, for a step of a workflow or a comment."""

from __future__ import annotations

from ...checking.finding import Checked, Finding
from .tally import all_findings, summary, whose

SIGNS = {"error": "❌", "warning": "⚠️", "note": "💡"}


def render(checked: list[Checked]) -> str:
    """The sums, and a table of the findings."""
    lines = ["### cnncalc", "", summary(checked)]
    rows = [row(file, finding) for file, finding in all_findings(checked)]
    if rows:
        lines += ["", "| | where | what | help |", "|---|---|---|---|", *rows]
    return "\n".join(lines)


def row(file: Checked, finding: Finding) -> str:
    d = finding.diagnostic
    where = f"{d.position.file}:{d.position.line}" if d.position else file.file
    variants = whose(file, finding)
    what = (
        d.message
        + (f" ({d.equation})" if d.equation else "")
        + (f", in {variants}" if variants else "")
    )
    return f"| {SIGNS[d.severity]} {d.code} | {cell(where)} | {cell(what)} | {cell(d.help or '')} |"


def cell(text: str) -> str:
    """A text within a cell; what is set in backticks stays as it is."""
    parts = text.replace("|", "\\|").replace("\r", " ").replace("\n", " ").split("`")
    return "`".join(part if n % 2 else part.replace("<", "&lt;") for n, part in enumerate(parts))
