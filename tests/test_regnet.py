"""RegNet's stages follow from its rule; and the square root that the rule needs is exact."""

from __future__ import annotations

import random
from fractions import Fraction
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cnncalc
from cnncalc.analysis.sweep.sweep import sweep
from cnncalc.diagnostic import Mistake
from cnncalc.language.expression import Expression
from cnncalc.many.array import Many

ROOT = Expression("ceil_sqrt(x)")


def stages(d: int, w0: int, wa: float, wm: float) -> tuple[list[int], list[int]]:
    """Return widths and depths of the stages, by logarithms as in the paper.

    Source: Radosavovic et al. 2020, equations 2 to 4.
    """
    powers = [round(log((w0 + wa * j) / w0) / log(wm)) for j in range(d)]
    if {*powers} != {0, 1, 2, 3}:
        return [], []
    widths = [8 * round(w0 * wm**power / 8) for power in powers]
    return sorted(set(widths)), [widths.count(width) for width in sorted(set(widths))]


def test_stages_are_those_of_the_paper() -> None:
    rng = random.Random(0)
    spec = cnncalc.load("regnet")
    compared = refused = 0
    for _ in range(300):
        chosen = {
            "d": rng.randint(12, 28),
            "w0": 8 * rng.randint(3, 40),
            "wa": Fraction(rng.randint(800, 20000), 100),
            "wm": Fraction(rng.randint(200, 300), 100),
        }
        widths, depths = stages(*(float(n) if n != int(n) else int(n) for n in chosen.values()))
        if not widths:  # the paper has networks of four stages only
            continue
        try:
            values = spec.parameter_values(set=chosen)
        except Mistake as mistake:  # its last block is nearly one of a fifth stage
            assert "division by zero" in str(mistake)
            refused += 1
            continue
        assert (list(values["rounded"]), list(values["depths"])) == (widths, depths), chosen
        compared += 1
    assert compared > 50 and refused < 3


def test_more_than_four_stages_are_refused() -> None:
    with pytest.raises(Mistake, match="division by zero"):
        cnncalc.load("regnet").parameter_values(set={"wa": 400})


def test_a_sweep_over_the_rule_is_what_single_networks_are() -> None:
    over = {"wa": [Fraction(2789, 100), 24], "wm": [2, Fraction(209, 100)], "w0": [48, 56]}
    found = list(sweep("regnet", {**over, "d": [14, 16]}, show=["params", "macs"]))
    assert len(found) == 16
    spec = cnncalc.load("regnet")
    for row in found:
        given = {name: row[name] for name in (*over, "d")}
        totals = cnncalc.analyze(spec, set=given).totals
        assert (row["params"], row["macs"]) == (totals.params, totals.macs), given


@settings(max_examples=200, deadline=None)
@given(st.fractions(-50, 10**17, max_denominator=1000))
def test_a_square_root_is_rounded_up_exactly(x: Fraction) -> None:
    n = ROOT.value({"x": x})
    assert n >= 0 and n * n >= x and (n == 0 or (n - 1) ** 2 < x)


def test_square_roots_of_arrays() -> None:
    near = [n * n + d for n in (1, 2, 3, 94_906_267, 2_000_000_011) for d in (-1, 0, 1)]
    values = np.array([-3, 0, *near], np.int64)
    found = ROOT.value({"x": Many(values)})
    assert found.values.tolist() == [ROOT.value({"x": n}) for n in values.tolist()]
