"""GitLab's code quality report."""

from __future__ import annotations

from ...checking.finding import Checked
from ..json import dumps
from .tally import all_findings

SEVERITIES = {"error": "major", "warning": "minor", "note": "info"}


def render(checked: list[Checked]) -> str:
    """A list of findings."""
    return dumps(
        [
            {
                "description": finding.diagnostic.message
                + (f" ({finding.diagnostic.help})" if finding.diagnostic.help else ""),
                "check_name": finding.diagnostic.code,
                "fingerprint": finding.fingerprint,
                "severity": SEVERITIES[finding.diagnostic.severity],
                "location": {
                    "path": file.file.removeprefix("./"),
                    "lines": {
                        "begin": finding.diagnostic.position.line
                        if finding.diagnostic.position
                        else 1
                    },
                },
            }
            for file, finding in all_findings(checked)
        ]
    )
