"""Specs with mistakes give the findings and status in their first lines, and the texts on file.

CNNCALC_UPDATE=1 writes the texts. The first lines are written by hand: ``# CNN204 5:5 exit 1``,
then ``# and CNN503 4:5`` for each other finding.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cnncalc.checking.finding import Finding
from cnncalc.checking.fix import apply_fixes
from cnncalc.checking.repair.search import examine
from cnncalc.diagnostic import Diagnostic
from cnncalc.rules import rules

from .command import ROOT, run
from .mistakes import FILES, FOLDER, stated
from .settings import UPDATE

# Codes of the command line or the lock, not of a file; see test_cli.py, test_check.py
# test_sizes.py and test_fit.py.
ELSEWHERE = {"CNN002", "CNN111", "CNN210", "CNN211", "CNN305", "CNN306", "CNN307", "CNN309"}
ELSEWHERE |= {"CNN901"}
ELSEWHERE |= {"CNN428"}  # of the language server; see test_lsp.py
# Codes that need torch; see test_verify.py, test_contract.py and test_profile.py.
TORCH = {
    "CNN401",
    "CNN402",
    "CNN403",
    "CNN404",
    "CNN405",
    "CNN406",
    "CNN407",
    "CNN408",
    "CNN409",
    "CNN410",
    "CNN411",
    "CNN412",
    "CNN413",
    "CNN414",
    "CNN415",
}
REPORTED = re.compile(
    r"^(?:error|warning|note)\[(CNN\d{3})\].*\n  --> [^:]+:(\d+):(\d+)", re.MULTILINE
)


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_bad_file_gives_the_findings_it_states(path: Path) -> None:
    findings, status = stated(path)
    done = run("check", path.name, "--all-notes", folder=FOLDER)
    assert done.returncode == status, done.stdout + done.stderr
    assert done.stderr == ""
    reported = REPORTED.findall(done.stdout)
    places = {(code, int(line), int(column)) for code, line, column in reported}
    assert places == findings, done.stdout
    beside = path.with_suffix(".txt")
    if UPDATE:
        beside.write_text(done.stdout, "utf-8")
    assert done.stdout == beside.read_text("utf-8")


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_every_fix_makes_its_finding_go_away(path: Path) -> None:
    """Apply each fix alone, and leave the other errors in the text."""
    text = path.read_text("utf-8")
    found = examine(text, path.name).findings
    for finding in found:
        d = finding.diagnostic
        if d.fix is None or finding.later:
            continue
        repaired = apply_fixes(text, [d.fix])
        after = examine(repaired, path.name).findings
        left, before = count_of_errors(after), count_of_errors(found)
        remaining = [marked(f.diagnostic, repaired) for f in after]
        assert marked(d, text) not in remaining or left < before
        assert left < before if d.severity == "error" else left <= before


def marked(diagnostic: Diagnostic, text: str) -> tuple[str, str]:
    """Return the code, and the text of the line that it is about."""
    if diagnostic.position is None:
        return diagnostic.code, ""
    return diagnostic.code, text.splitlines()[diagnostic.position.line - 1].strip()


def count_of_errors(findings: list[Finding]) -> int:
    return sum(finding.diagnostic.severity == "error" for finding in findings)


def test_every_code_has_a_file() -> None:
    assert {path.name[:6] for path in FILES} == set(rules()) - ELSEWHERE - TORCH


def test_every_code_is_used_and_known() -> None:
    """The catalogue has exactly the codes that the source uses."""
    used: set[str] = set()
    for path in (ROOT / "cnncalc").rglob("*.py"):
        used.update(re.findall(r"\bCNN\d{3}\b", path.read_text("utf-8")))
    assert used == set(rules())


@pytest.mark.parametrize("rule", rules().values(), ids=list(rules()))
def test_a_rule_has_an_example_that_gives_its_code(rule) -> None:  # type: ignore[no-untyped-def]
    """Its examples give their codes, at the severity that it states."""
    assert rule.title and rule.fix
    if rule.example:
        done = run("check", "-", "--all-notes", "--format", "json", stdin=rule.example)
        found = json.loads(done.stdout)["findings"]
        assert rule.severity in [f["severity"] for f in found if f["code"] == rule.code]
    else:
        assert rule.code in ELSEWHERE | TORCH
