"""SARIF 2.1.0, for code scanning."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from ... import __version__
from ...checking.finding import Checked, Finding
from ...diagnostic import Edit, Fix
from ...rules import Rule, rules
from ..json import dumps
from .tally import all_findings, whose

HOME = "https://pypi.org/project/cnncalc"
SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def render(checked: list[Checked]) -> str:
    """One run, with the catalogue of rules."""
    known = list(rules())
    driver = {
        "name": "cnncalc",
        "version": __version__,
        "semanticVersion": __version__,
        "informationUri": HOME,
        "rules": [rule_data(rule) for rule in rules().values()],
    }
    results = [result(file, finding, known) for file, finding in all_findings(checked)]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def rule_data(rule: Rule) -> dict[str, Any]:
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


def result(file: Checked, finding: Finding, known: list[str]) -> dict[str, Any]:
    d = finding.diagnostic
    variants = whose(file, finding)
    text = "\n".join(
        part
        for part in (
            d.message,
            d.equation,
            d.help and f"help: {d.help}",
            variants and f"in {variants}",
        )
        if part
    )
    found: dict[str, Any] = {
        "ruleId": d.code,
        "ruleIndex": known.index(d.code),
        "level": d.severity,
        "message": {"text": text},
        "partialFingerprints": {"cnncalc/v1": finding.fingerprint},
    }
    physical: dict[str, Any] = {
        "artifactLocation": {"uri": uri(d.position.file if d.position else file.file)}
    }
    if d.position:
        physical["region"] = {
            "startLine": d.position.line,
            "startColumn": d.position.column,
            "endColumn": d.position.column + d.position.length,
        }
    found["locations"] = [{"physicalLocation": physical}]
    return {**found, "fixes": [fix_data(d.fix, file.file)]} if d.fix else found


def fix_data(fix: Fix, file: str) -> dict[str, Any]:
    return {
        "description": {"text": fix.title},
        "artifactChanges": [
            {
                "artifactLocation": {"uri": uri(file)},
                "replacements": [replacement(edit) for edit in fix.edits],
            }
        ],
    }


def replacement(edit: Edit) -> dict[str, Any]:
    region = {
        "startLine": edit.line,
        "startColumn": edit.column,
        "endLine": edit.end_line,
        "endColumn": edit.end_column,
    }
    return {"deletedRegion": region, "insertedContent": {"text": edit.text}}


def uri(file: str) -> str:
    """A path as a relative reference; code scanning knows no other."""
    return quote(PurePath(file).as_posix(), safe="/-._~")
