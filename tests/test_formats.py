"""Findings in every format suit the tools that read them.

They are checked with SARIF's schema, an XML parser, GitHub's escaping rules and GitLab's fields.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis.strategies import (
    booleans,
    dictionaries,
    floats,
    fractions,
    integers,
    lists,
    none,
    recursive,
    text,
    tuples,
)
from sarif_pydantic import Sarif

from cnncalc.checking.config import Config
from cnncalc.checking.run import Checked, Job, check_text
from cnncalc.cli.check import Findings
from cnncalc.render.findings import github, junit, markdown, sarif
from cnncalc.render.formats.json import Json, _fraction, escaped

from .command import run
from .mistakes import FILES, stated
from .samples import BUNDLED

NASTY = r"""cnncalc: 1
input: [3, 8, 8]
layers:
  - "100%: a,b\r\n<]]>\u0007|`x` 你": 1
"""
GITHUB = re.compile(
    r"::(error|warning|notice) file=([^,:]+),line=(\d+),col=(\d+),endColumn=(\d+),"
    r"title=cnncalc (CNN\d{3})::(.+)"
)
CONCISE = re.compile(r"([^:]+):(\d+):\d+: \w+\[(CNN\d+)\]: ")


def printed(kind: str) -> str:
    """Return the output of `check tests/bad` in a format, from the root of the repository."""
    done = run("check", "tests/bad", "--all-notes", "--format", kind)
    assert done.returncode == 1, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def due() -> set[tuple[str, str, int]]:
    """Return (code, file, line) of all findings in bad files whose first key makes them specs."""
    found = set()
    for path in FILES:
        if re.search(r"^cnncalc:", path.read_text("utf-8"), re.M):
            found |= {(code, f"tests/bad/{path.name}", line) for code, line, _ in stated(path)[0]}
    return found


def test_sarif_is_valid_and_has_all_findings(due: set) -> None:
    text = printed("sarif")
    data = json.loads(text)
    Sarif.model_validate(data)
    # We may not keep a copy of the file of OASIS here.
    if file := os.environ.get("SARIF_SCHEMA"):
        schema = json.loads(Path(file).read_text("utf-8-sig"))
        jsonschema.Draft202012Validator(schema).validate(data)
    (run,) = data["runs"]
    results = run["results"]
    assert {place_in_sarif(result) for result in results} == due
    assert all(run["tool"]["driver"]["rules"][r["ruleIndex"]]["id"] == r["ruleId"] for r in results)
    assert len({r["partialFingerprints"]["cnncalc/v1"] for r in results}) == len(results)
    broken = json.loads(text)
    broken["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(ValueError):
        Sarif.model_validate(broken)


def place_in_sarif(result: Any) -> tuple[str, str, int]:
    """Return (code, file, line) of a result."""
    place = result["locations"][0]["physicalLocation"]
    return result["ruleId"], place["artifactLocation"]["uri"], place["region"]["startLine"]


def test_github_has_all_findings_errors_first(due: set) -> None:
    lines = printed("github").splitlines()
    read = [GITHUB.fullmatch(line) for line in lines]
    assert all(read), [line for line, match in zip(lines, read) if not match]
    assert {(m[6], m[2], int(m[3])) for m in read if m} == due
    kinds = [m[1] for m in read if m]
    # GitHub shows the first ten of a kind.
    assert kinds == sorted(kinds, key=["error", "warning", "notice"].index)


def test_junit_has_a_failure_for_each_error(due: set) -> None:
    root = ET.fromstring(printed("junit"))
    failed = set()
    for case in root.iter("testcase"):
        failure = case.find("failure")
        if failure is not None:
            failed.add((failure.get("type"), case.get("classname")))
    errors = {
        (path.name[:6], f"tests/bad/{path.name}")
        for path in FILES
        if stated(path)[1] == 1 and any(path.name in file for _, file, _ in due)
    }
    assert failed == errors
    for suite in root:
        failures = [case for case in suite if case.find("failure") is not None]
        assert int(suite.get("tests", -1)) == len(suite)
        assert int(suite.get("failures", -1)) == len(failures)


def test_junit_has_a_test_case_for_each_network() -> None:
    done = run("check", "specs", "--format", "junit")
    cases = list(ET.fromstring(done.stdout).iter("testcase"))
    assert len(cases) == len(BUNDLED)
    assert not any(case.find("failure") is not None for case in cases)
    names = {(case.get("classname"), case.get("name")) for case in cases}
    assert ("specs/resnet.yaml", "resnet50") in names


def test_gitlab_has_all_findings(due: set) -> None:
    entries = json.loads(printed("gitlab"))
    assert {
        (e["check_name"], e["location"]["path"], e["location"]["lines"]["begin"]) for e in entries
    } == due
    assert {e["severity"] for e in entries} <= {"info", "minor", "major", "critical", "blocker"}
    assert len({e["fingerprint"] for e in entries}) == len(entries)


def test_json_and_concise_have_all_findings(due: set) -> None:
    data = json.loads(printed("json"))
    assert {(f["code"], f["file"], f["line"]) for f in data["findings"]} == due
    read = map(CONCISE.match, printed("concise").splitlines()[:-1])
    assert {(m[3], m[1], int(m[2])) for m in read if m} == due


@pytest.fixture(scope="module")
def nasty() -> list[Checked]:
    """Return a finding whose text has every character that some format must escape."""
    checked = check_text(NASTY, "a,b:c%.yaml", None, Job(Config()))
    assert "100%: a,b\r\n<]]>\x07|" in checked.findings[0].diagnostic.message
    return [checked]


def test_special_characters_are_escaped(nasty: list[Checked]) -> None:
    (line,) = github.render(nasty).written().splitlines()
    assert line.startswith("::error file=a%2Cb%3Ac%25.yaml,line=4,")
    assert "100%25: a,b\\r\\n<]]>\\x07" in line
    root = ET.fromstring(junit.render(nasty).written())
    assert "<]]>\\x07|" in root[0][0][0].get("message", "")
    (result,) = json.loads(sarif.render(nasty).written())["runs"][0]["results"]
    assert place_in_sarif(result)[1] == "a%2Cb%3Ac%25.yaml"
    (row,) = [line for line in markdown.render(nasty).written().splitlines() if "CNN104" in line]
    assert len(re.findall(r"(?<!\\)\|", row)) == 5  # four cells, whatever is in them


def test_every_format_has_a_renderer_that_takes_nothing() -> None:
    from importlib import import_module

    for kind in Findings:
        import_module(f"cnncalc.render.findings.{kind.value}").render([]).written()


@settings(max_examples=200, deadline=None)
@given(
    recursive(
        none() | booleans() | integers() | floats(allow_nan=False) | text() | fractions(),
        lambda inner: lists(inner) | dictionaries(text(), inner) | tuples(inner, inner),
        max_leaves=20,
    )
)
def test_json_has_the_layout_of_pythons_own(value: Any) -> None:
    expected = json.dumps(value, ensure_ascii=False, indent=1, default=_fraction)
    assert Json(value).written() == escaped(expected)
