"""Writes findings for programs: with place, variants, fix and fingerprint."""

from __future__ import annotations

from typing import Any

from ...checking.finding import Checked, Finding
from ..formats.json import Json, diagnostic_data, document
from .tally import all_findings


def render(checked: list[Checked]) -> Json:
    """Write the files with their counts, and the findings."""
    return document(
        {
            "files": [_file_data(file) for file in checked],
            "findings": [_finding_data(finding) for _, finding in all_findings(checked)],
        }
    )


def _file_data(file: Checked) -> dict[str, Any]:
    return {
        "file": file.file,
        "networks": file.networks,
        "errors": file.count("error"),
        "warnings": file.count("warning"),
        "notes": file.count("note"),
        "ignored": file.ignored,
        "hidden": file.hidden,
        "in_baseline": file.known,
        "fixed": file.fixed,
    }


def _finding_data(finding: Finding) -> dict[str, Any]:
    """Return the data of a diagnostic, and what the check adds to it."""
    d = finding.diagnostic
    fix = d.fix and {
        "title": d.fix.title,
        "certain": d.fix.certain,
        "edits": [edit._asdict() for edit in d.fix.edits],
    }
    return {
        **diagnostic_data(d),
        "end_column": d.position and d.position.column + d.position.length,
        "variants": finding.variants,
        "later": finding.later,
        "hides": finding.hides,
        "fails": finding.fails,
        "fingerprint": finding.fingerprint,
        "fix": fix,
    }
