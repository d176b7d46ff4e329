"""Writes findings as workflow commands for GitHub Actions.

Errors come first, because GitHub shows only ten commands of a kind.
"""

from __future__ import annotations

from ...checking.finding import Checked, Finding
from ..formats.workflow import Command, Commands
from .tally import all_findings, remarks

COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def render(checked: list[Checked]) -> Commands:
    """Write a command for each finding."""
    order = list(COMMANDS)
    found = sorted(all_findings(checked), key=lambda pair: order.index(pair[1].diagnostic.severity))
    return Commands(*(_command(file, finding) for file, finding in found))


def _command(file: Checked, finding: Finding) -> Command:
    d = finding.diagnostic
    properties: dict[str, str | int] = {"file": file.file}
    if d.position:
        properties = {
            "file": d.position.file,
            "line": d.position.line,
            "col": d.position.column,
            "endColumn": d.position.column + d.position.length,
        }
    properties["title"] = f"cnncalc {d.code}"
    words = [d.message, d.equation, d.help and f"help: {d.help}", *remarks(file, finding)]
    return Command(COMMANDS[d.severity], properties, tuple(word for word in words if word))
