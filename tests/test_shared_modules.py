"""Modules that run more than once, and parameters that several hold, in specs that are imported."""

from __future__ import annotations

import pytest

import cnncalc
from cnncalc.convert.importing import imported, traced

pytest.importorskip("torch")

from cnncalc.torch_backend.hold.hold import hold

from .real import shared
from .same_weights import differences_with_same_weights

IMAGE = [(3, 32, 32)]


@pytest.mark.parametrize(
    ("name", "repeats", "shares"),
    [
        ("BlockTwice", 0, 1),
        ("Recurrent", 0, 3),
        ("Heads", 0, 2),
        ("InRepeats", 1, 1),
        ("AcrossRepeats", 0, 2),
        ("TwoSizes", 0, 4),
    ],
)
def test_a_module_that_runs_again_shares_its_weights(name: str, repeats: int, shares: int) -> None:
    make = getattr(shared, name)
    found = imported(traced(make(), IMAGE, name))
    assert found.verified and found.problems == []
    assert found.text.count("repeat:") == repeats
    assert found.text.count("share:") == shares, found.text
    spec = cnncalc.loads(found.text)
    assert hold(spec, make()).ok
    assert cnncalc.analyze(spec).totals.params == sum(p.numel() for p in make().parameters())
    assert differences_with_same_weights(make(), IMAGE) == []


def test_a_spec_with_weights_of_their_own_differs() -> None:
    text = imported(traced(shared.Recurrent(), IMAGE, "net")).text
    apart = cnncalc.loads(text.replace(", share: step", "", 1))
    held = hold(apart, shared.Recurrent(), device="meta")
    assert [d.code for d in held.diagnostics] == ["CNN405", "CNN405"]


@pytest.mark.parametrize(
    ("name", "lender", "params"),
    [("Tied", "first", 81 + 3 + 3), ("OtherStride", "conv1", 32 + 576)],
)
def test_weights_of_a_layer_that_differs_are_counted_once(
    name: str, lender: str, params: int
) -> None:
    found = imported(traced(getattr(shared, name)(), IMAGE, name))
    (problem,) = found.problems
    assert f"it has weights of `{lender}`, from which it differs" in problem.message
    assert "tests/real/shared.py:" in problem.message and not found.verified
    assert cnncalc.analyze(found.text).totals.params == params


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_parameter_of_two_modules_is_one_on_every_device(device: str) -> None:
    text = "input: [3, 8, 8]\nlayers: [&a {conv: {out: 3, kernel: 3, padding: 1}}, relu, *a]"
    held = hold(cnncalc.loads(text), shared.Tied(), device=device)
    counted = {check.what: (check.predicted, check.measured) for check in held.totals}
    assert counted["params"] == (2 * 84, 84 + 3) and not held.ok
