"""Sizes of `upsample` by a scale are those that torch computes in float64, for many scales."""

from __future__ import annotations

import random
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cnncalc import analyze, loads
from cnncalc.many.array import Many
from cnncalc.num import NoFormula, scaled
from cnncalc.poly import Poly

from .settings import CASES


def scales(rng: random.Random) -> Fraction:
    """Return a scale as people write it: with one to three decimals, or as a ratio."""
    return rng.choice(
        [
            Fraction(rng.randint(1, 40), 10),
            Fraction(rng.randint(1, 999), 100),
            Fraction(rng.randint(1, 9999), 1000),
            Fraction(rng.randint(1, 30), rng.randint(1, 30)),
        ]
    )


def size_in(text: str) -> int:
    """Return the size of the output of an analyzed spec."""
    found = analyze(loads(text))
    assert found.ok, found.diagnostics
    return int(found.rows[-1].output_shape[-1])


def test_a_scale_that_no_float_holds_gives_the_size_of_torch() -> None:
    assert size_in("input: [3, 90, 90]\nlayers:\n  - upsample: 0.7\n") == 62
    assert size_in("input: [3, 80, 80]\nlayers:\n  - upsample: 0.7\n") == 56
    assert size_in("input: [3, 90, 90]\nlayers:\n  - upsample: 7 / 10\n") == 62


@pytest.mark.parametrize("mode", ["nearest", "linear", "area"])
def test_sizes_are_those_of_torch(mode: str) -> None:
    torch = pytest.importorskip("torch")
    rng = random.Random(f"upsample {mode}")
    inexact = 0
    for _ in range(20 * CASES):
        scale, n = scales(rng), rng.randint(1, 400)
        if scaled(n, scale) < 1:
            continue
        inexact += floor(n * scale) != scaled(n, scale)
        resized = torch.nn.functional.interpolate(
            torch.empty(1, 1, n), scale_factor=float(scale), mode=mode
        )
        assert scaled(n, scale) == resized.shape[-1], (n, scale)
    assert inexact  # some cases were not exact in float64


SCALES = st.one_of(
    st.fractions(Fraction(1, 50), 50, max_denominator=10**4),
    st.floats(0.02, 50).map(Fraction),
    st.floats(1 / 64, 50, width=32).map(Fraction),  # as ONNX has them
    st.builds(  # floats beside a simple ratio, which products nearly reach
        lambda ratio, steps: Fraction(float(ratio) * (1 + steps * 2.0**-52)),
        st.fractions(Fraction(1, 50), 50, max_denominator=99),
        st.integers(-2, 2),
    ),
)


@settings(max_examples=CASES, deadline=None)
@given(SCALES, st.integers(1, 10**5), st.integers(1, 99))
@example(Fraction(0.7), 1, 10)  # the float is below 7/10, and ten times it is rounded up to 7
@example(Fraction(0.1), 1, 10)
def test_arrays_and_symbols_scale_as_ints_or_say_that_they_cannot(
    scale: Fraction, times: int, n: int
) -> None:
    sizes = [n, times, min(n * times, 10**7), n * scale.limit_denominator(99).denominator]
    expected = [scaled(size, scale) for size in sizes]
    assert scaled(np.array(sizes), scale).tolist() == expected
    assert Many(np.array(sizes)).floored(float(scale)).values.tolist() == expected
    try:
        formula = scaled(Poly.symbol("n"), scale)
    except NoFormula:
        return
    assert [formula.at(n=size) for size in sizes] == expected


def test_a_scale_has_a_formula_unless_rounding_decides() -> None:
    """Of floats below a ratio of small numbers, some products are rounded up to a whole number."""
    rng = random.Random("scaled")
    refused = 0
    for _ in range(2000):
        scale = scales(rng)
        rounded_down = Fraction(float(scale)) < scale
        refused += rounded_down
        try:
            scaled(Poly.symbol("n"), Fraction(float(scale)))
        except NoFormula:
            assert rounded_down, scale
        else:
            assert not rounded_down, scale
    assert 0 < refused < 1000
