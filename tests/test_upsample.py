"""Sizes of `upsample` by a scale are those that torch computes in float64, for many scales."""

from __future__ import annotations

import random
from fractions import Fraction
from math import floor

import numpy as np
import pytest

from cnncalc import analyze, loads
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


def test_arrays_and_symbols_scale_as_ints_or_say_that_they_cannot() -> None:
    rng = random.Random("scaled")
    refused = 0
    for _ in range(2000):
        scale, n = scales(rng), rng.randint(1, 10**6)
        expected = scaled(n, scale)
        assert int(scaled(np.array([n]), scale)[0]) == expected
        try:
            assert scaled(Poly.symbol("n"), scale).at(n=n) == expected, (n, scale)
        except NoFormula:
            refused += 1
            assert Fraction(float(scale)) < scale
    assert 0 < refused < 1000
