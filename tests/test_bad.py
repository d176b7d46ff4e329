"""Specs with mistakes: code, line, column and exit status as their first lines say by hand, text as the file beside them.

CNNCALC_UPDATE=1 writes the texts; the first lines are written by people: ``# CNN204 5:5 exit 1``, then ``# and CNN503 4:5``
for whatever else is found.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from cnncalc.checking.repair.search import examine
from cnncalc.checking.run import applied
from cnncalc.rules import rules

from .command import ROOT, run

FOLDER = ROOT / "tests" / "bad"
FILES = sorted(FOLDER.glob("*.yaml"))
ELSEWHERE = {
    "CNN002",
    "CNN111",
    "CNN305",
    "CNN306",
    "CNN307",
    "CNN901",
}  # of the command line or the lock, not of a file: test_cli.py, test_check.py
TORCH = {
    "CNN401",
    "CNN402",
    "CNN403",
    "CNN404",
    "CNN405",
    "CNN406",
    "CNN407",
}  # of torch: test_verify.py, test_contract.py, test_profile.py
HEAD = re.compile(r"# (CNN\d{3}) (\d+):(\d+) exit (\d)\n")
ALSO = re.compile(r"# and (CNN\d{3}) (\d+):(\d+)\n")


def stated(path: Path) -> tuple[set[tuple[str, int, int]], int]:
    """What the first lines of a file say by hand: findings, and the exit status."""
    text = path.read_text("utf-8")
    head = HEAD.match(text)
    assert head, "the first line states code, line:column and exit status"
    assert path.name.startswith(head[1])
    found = [head.groups()[:3], *(match.groups() for match in ALSO.finditer(text))]
    return {(code, int(line), int(column)) for code, line, column in found}, int(head[4])


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_mistake(path: Path) -> None:
    findings, status = stated(path)
    done = run(FOLDER, "check", path.name)
    assert done.returncode == status, done.stdout + done.stderr
    assert done.stderr == ""
    said = re.findall(
        r"^(?:error|warning|note)\[(CNN\d{3})\].*\n  --> [^:]+:(\d+):(\d+)", done.stdout, re.M
    )
    assert {(code, int(line), int(column)) for code, line, column in said} == findings, done.stdout
    beside = path.with_suffix(".txt")
    if os.environ.get("CNNCALC_UPDATE"):
        beside.write_text(done.stdout, "utf-8")
    assert done.stdout == beside.read_text("utf-8")


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_every_fix_makes_its_finding_go_away(path: Path) -> None:
    """Each alone, in a text whose other errors are left as they are."""
    text = path.read_text("utf-8")
    for finding in examine(text, path.name).findings:
        d = finding.diagnostic
        if d.fix is None or finding.later:
            continue
        mended = applied(text, [d.fix])
        after = examine(mended, path.name).findings
        line = lambda p, t: t.splitlines()[p.line - 1].strip() if p else ""  # noqa: E731
        before = sum(f.diagnostic.severity == "error" for f in examine(text, path.name).findings)
        left = sum(f.diagnostic.severity == "error" for f in after)
        assert (d.code, line(d.position, text)) not in [
            (f.diagnostic.code, line(f.diagnostic.position, mended)) for f in after
        ] or left < before
        assert left < before if d.severity == "error" else left <= before


def test_every_code_has_a_file() -> None:
    assert {path.name[:6] for path in FILES} == set(rules()) - ELSEWHERE - TORCH


def test_no_code_is_dead_or_unknown() -> None:
    """Every code of the catalogue stands in the code, and every one in the code is in the catalogue."""
    used = {
        code
        for path in (ROOT / "cnncalc").rglob("*.py")
        for code in re.findall(r"\bCNN\d{3}\b", path.read_text("utf-8"))
    }
    assert used == set(rules())


@pytest.mark.parametrize("rule", rules().values(), ids=list(rules()))
def test_the_catalogue(rule) -> None:  # type: ignore[no-untyped-def]
    """Its examples give their codes, at the severity it states."""
    assert rule.title and rule.fix
    if rule.example:
        found = json.loads(run(ROOT, "check", "-", "--format", "json", input=rule.example).stdout)
        assert rule.severity in [f["severity"] for f in found["findings"] if f["code"] == rule.code]
    else:
        assert rule.code in ELSEWHERE | TORCH
