"""Every error of `analyze` is among the findings of `check`, whatever repairs were tried."""

from __future__ import annotations

import random
from collections import Counter

import pytest

import cnncalc
from cnncalc.checking.config import Config
from cnncalc.checking.run import Job, check_text
from cnncalc.diagnostic import Diagnostic

from . import graphs
from .mistakes import CASES
from .mutations import MUTATIONS, in_block, read, written
from .samples import BUNDLED, yaml
from .settings import BROKEN

Places = set[tuple[str, int, int]]


def places(diagnostics: list[Diagnostic]) -> Places:
    """Return the code, line and column of each error."""
    return {
        (d.code, d.position.line, d.position.column) if d.position else (d.code, 0, 0)
        for d in diagnostics
        if d.severity == "error"
    }


def of_analyze(text: str) -> Places:
    """Return the errors that `analyze` reports for the base of a text and for every variant."""
    try:
        spec = cnncalc.loads(text)
    except cnncalc.Mistake as mistake:
        return places(list(mistake.diagnostics))
    found = places(cnncalc.analyze(spec).diagnostics)
    for variant in spec.variants:
        found |= places(cnncalc.analyze(spec, variant).diagnostics)
    return found


def assert_none_lost(text: str) -> Places:
    """Assert that `check` reports the errors of `analyze`, and fails if there are any."""
    errors = of_analyze(text)
    checked = check_text(text, "<text>", None, Job(Config()))
    lost = errors - places([finding.diagnostic for finding in checked.findings])
    assert not lost, f"{lost}\n{text}"
    assert checked.fails or not errors, text
    return errors


def broken(rng: random.Random) -> str:
    """Return a random or bundled network with one to three mutations, perhaps with a block."""
    if rng.random() < 0.15:
        data = read(rng.choice(BUNDLED).spec.text)
    else:
        data = read(graphs.spec(rng))
        if rng.random() < 0.4:
            in_block(data, rng)
    for _ in range(rng.choice((1, 1, 2, 3))):
        rng.choice(MUTATIONS)(data, rng)
    return written(data)


def test_no_error_is_lost() -> None:
    rng, codes, count = random.Random(13), Counter[str](), 0
    while count < BROKEN:
        found = assert_none_lost(broken(rng))
        count += bool(found)
        codes.update({code for code, _, _ in found})
    assert len(codes) > 5, codes


@pytest.mark.parametrize("name", ["passes-broken", "loses-error-1", "loses-error-2"])
def test_an_error_is_kept_beside_what_its_repair_causes(name: str) -> None:
    found = assert_none_lost((CASES / f"check-{name}.yaml").read_text("utf-8"))
    assert {code for code, _, _ in found} == {"CNN206"}


def test_a_wrong_rank_is_kept_before_weights_that_cannot_be_shared() -> None:
    found = assert_none_lost((CASES / "check-loses-error-3.yaml").read_text("utf-8"))
    assert {code for code, _, _ in found} == {"CNN201"}


def test_a_repair_that_fails_adds_no_error() -> None:
    """`scale` together with `size` was once tried as a repair, and its own error was reported."""
    text = (CASES / "check-passes-broken.yaml").read_text("utf-8")
    findings = check_text(text, "<text>", None, Job(Config())).findings
    assert [f.diagnostic.code for f in findings] == ["CNN206"]


def test_the_base_is_checked_beside_a_variant_that_changes_nothing() -> None:
    text = yaml("""
        input: [3, 8, 8]
        params: {k: 3}
        variants:
          same: {expect: {conv1: [8, 6, 6]}}
          other: {params: {k: 1}, expect: {conv1: [8, 8, 8]}}
        layers:
          - conv: {out: 8, kernel: k}
            expect: [8, 5, 5]
    """)
    assert {code for code, _, _ in assert_none_lost(text)} == {"CNN301"}
    budget = text.replace("    expect: [8, 5, 5]\n", "budget: {params: < 10}\n")
    findings = check_text(budget, "<text>", None, Job(Config())).findings
    assert "CNN302" in {f.diagnostic.code for f in findings}
