"""Workflow commands of GitHub Actions, which it shows beside the changed lines: errors first, for it shows ten of a kind."""

from __future__ import annotations

from ...checking.finding import Checked
from .tally import all_findings, whose

COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def render(checked: list[Checked]) -> str:
    """A command for each finding."""
    lines = []
    for file, finding in all_findings(checked):
        d = finding.diagnostic
        place = (
            {
                "file": d.position.file,
                "line": d.position.line,
                "col": d.position.column,
                "endColumn": d.position.column + d.position.length,
            }
            if d.position
            else {"file": file.file}
        )
        words = [
            d.message,
            d.equation,
            f"help: {d.help}" if d.help else None,
            f"in {whose(file, finding)}" if whose(file, finding) else None,
        ]
        properties = ",".join(
            f"{key}={escaped(str(value), True)}"
            for key, value in {**place, "title": f"cnncalc {d.code}"}.items()
        )
        lines.append(
            (
                list(COMMANDS).index(d.severity),
                f"::{COMMANDS[d.severity]} {properties}::{escaped(chr(10).join(w for w in words if w))}",
            )
        )
    return "\n".join(line for _, line in sorted(lines, key=lambda line: line[0]))


def escaped(text: str, property: bool = False) -> str:
    """A text as GitHub reads it: % and line ends always, : and , in properties too."""
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if property else text
