"""Workflow commands of GitHub Actions, which it shows beside the changed lines.

Errors come first, because it shows ten of a kind.
"""

from __future__ import annotations

from ...checking.finding import Checked, Finding
from .tally import all_findings, whose

COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def render(checked: list[Checked]) -> str:
    """Write a command for each finding."""
    order = list(COMMANDS)
    found = sorted(all_findings(checked), key=lambda pair: order.index(pair[1].diagnostic.severity))
    return "\n".join(_command(file, finding) for file, finding in found)


def _command(file: Checked, finding: Finding) -> str:
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
    variants = whose(file, finding)
    words = [
        d.message,
        d.equation,
        d.help and f"help: {d.help}",
        variants and f"in {variants}",
    ]
    text = escaped("\n".join(word for word in words if word))
    settings = ",".join(f"{key}={escaped(str(v), True)}" for key, v in properties.items())
    return f"::{COMMANDS[d.severity]} {settings}::{text}"


def escaped(text: str, property: bool = False) -> str:
    """Escape a text as GitHub reads it: % and line ends; in properties : and , too."""
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if property else text
