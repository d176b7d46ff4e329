"""For programs: every finding with its place, its variants, its fix and a fingerprint."""

from __future__ import annotations

from typing import Any

from ...checking.finding import Checked, Finding
from ..json import SCHEMA_VERSION, diagnostic_data, dumps
from .tally import all_findings


def render(checked: list[Checked]) -> str:
    """The object of `data`, as text."""
    return dumps(data(checked))


def data(checked: list[Checked]) -> dict[str, Any]:
    """The object that `check --format json` prints."""
    return {
        "schema_version": SCHEMA_VERSION,
        "files": [
            {
                "file": file.file,
                "networks": list(file.networks),
                "errors": file.count("error"),
                "warnings": file.count("warning"),
                "notes": file.count("note"),
                "ignored": file.ignored,
                "in_baseline": file.known,
                "fixed": file.fixed,
            }
            for file in checked
        ],
        "findings": [finding_data(finding) for _, finding in all_findings(checked)],
    }


def finding_data(finding: Finding) -> dict[str, Any]:
    """A diagnostic's own data, and what the check adds to it."""
    d = finding.diagnostic
    fix = d.fix and {
        "title": d.fix.title,
        "certain": d.fix.certain,
        "edits": [edit._asdict() for edit in d.fix.edits],
    }
    end = d.position and d.position.column + d.position.length
    return {
        **diagnostic_data(d),
        "end_column": end,
        "variants": list(finding.variants),
        "later": finding.later,
        "hides": finding.hides,
        "fails": finding.fails,
        "fingerprint": finding.fingerprint,
        "fix": fix,
    }
