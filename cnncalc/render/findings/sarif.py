"""Writes findings as SARIF 2.1.0, for code scanning."""

from __future__ import annotations

import os
import re
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from ... import __version__
from ...checking.finding import Checked, Finding
from ...diagnostic import Edit, Fix, Position
from ...rules import Rule, rules
from ..formats.json import Json
from .tally import all_findings, remarks

_LINK = re.compile(r"\[(?=[^\[\]]*\]\()")
SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def render(checked: list[Checked]) -> Json:
    """Write one run, with the catalogue of rules."""
    known = list(rules())
    driver = {
        "name": "cnncalc",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [_rule_data(rule) for rule in rules().values()],
    }
    results = [_result(file, finding, known) for file, finding in all_findings(checked)]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return Json({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule_data(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why or rule.title},
        "help": {
            "text": f"{rule.why}\n\nFix: {rule.fix}".strip(),
            "markdown": rule.text.partition("\n")[2].strip(),
        },
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(file: Checked, finding: Finding, known: list[str]) -> dict[str, Any]:
    d = finding.diagnostic
    parts = (d.message, d.equation, d.help and f"help: {d.help}", *remarks(file, finding))
    place = _location(d.position.file if d.position else file.file)
    if d.position:
        place["region"] = _region(d.position)
    result: dict[str, Any] = {
        "ruleId": d.code,
        "ruleIndex": known.index(d.code),
        "level": d.severity,
        "message": {"text": _message("\n".join(part for part in parts if part))},
        "partialFingerprints": {"cnncalc/v1": finding.fingerprint},
        "locations": [{"physicalLocation": place}],
    }
    if d.fix:
        result["fixes"] = [_fix_data(d.fix, file.file)]
    return result


def _message(text: str) -> str:
    """Escape a message for SARIF, in which `[…](…)` would be a link."""
    return _LINK.sub(r"\\[", text)


def _region(position: Position) -> dict[str, Any]:
    return {
        "startLine": position.line,
        "startColumn": position.column,
        "endColumn": position.column + position.length,
    }


def _fix_data(fix: Fix, file: str) -> dict[str, Any]:
    change = {**_location(file), "replacements": [_replacement(edit) for edit in fix.edits]}
    return {"description": {"text": _message(fix.title)}, "artifactChanges": [change]}


def _replacement(edit: Edit) -> dict[str, Any]:
    region = {
        "startLine": edit.line,
        "startColumn": edit.column,
        "endLine": edit.end_line,
        "endColumn": edit.end_column,
    }
    return {"deletedRegion": region, "insertedContent": {"text": edit.text}}


def _location(file: str) -> dict[str, Any]:
    """Return a path as a relative reference, the only kind that code scanning accepts."""
    return {
        "artifactLocation": {"uri": quote(os.fsencode(PurePath(file).as_posix()), safe="/-._~")}
    }
