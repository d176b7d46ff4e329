"""Writes findings as a code quality report for GitLab."""

from __future__ import annotations

from typing import Any

from ...checking.finding import Checked, Finding
from ..formats.json import Json
from .tally import all_findings, remarks

SEVERITIES = {"error": "major", "warning": "minor", "note": "info"}


def render(checked: list[Checked]) -> Json:
    """Write a list of findings."""
    return Json([_finding_data(file, finding) for file, finding in all_findings(checked)])


def _finding_data(file: Checked, finding: Finding) -> dict[str, Any]:
    d = finding.diagnostic
    what = "; ".join((d.message, *remarks(file, finding)))
    return {
        "description": f"{what} ({d.help})" if d.help else what,
        "check_name": d.code,
        "fingerprint": finding.fingerprint,
        "severity": SEVERITIES[d.severity],
        "location": {
            "path": file.file.removeprefix("./"),
            "lines": {"begin": d.position.line if d.position else 1},
        },
    }
