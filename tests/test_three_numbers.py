"""Whole specs give the same figures in integers, in arrays and in symbols."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.analysis.counting.columns import Column
from cnncalc.analysis.counting.parts import Question, parts
from cnncalc.analysis.counting.population import Population
from cnncalc.analysis.formula import FIGURES, Formulas, formula
from cnncalc.analysis.formula_values import values_at
from cnncalc.diagnostic import Mistake
from cnncalc.poly import Poly

from .samples import FAMILIES, Bundled

TRIED, CHECKED = 40, 4  # points that are tried, and those that are compared
Point = dict[str, Any]


def with_a_parameter(network: Bundled, rng: random.Random) -> Formulas:
    """Return formulas in the sizes of the input and, if one can be a symbol, in a parameter."""
    spec, variant = network.spec, network.variant
    (shape,) = spec.symbolic_inputs(variant).values()
    axes = [*map(str, shape[1:])]
    values = spec.parameter_values(variant)
    names = [name for name, value in values.items() if type(value) in (int, Fraction)]
    rng.shuffle(names)
    for name in names:
        own = f"{name}:0.05" if name == "width" else name
        found = formula(spec, variant, symbols=[own, *axes])
        if found.formulas is not None:
            return found.formulas
    made = formula(spec, variant, symbols=axes).formulas
    assert made is not None
    return made


def points(made: Formulas, rng: random.Random) -> list[tuple[Point, dict[str, Any]]]:
    """Return values of all symbols for which the formulas hold, and the figures there."""
    found: list[tuple[Point, dict[str, Any]]] = []
    for _ in range(TRIED):
        at: Point = {}
        for name, value in made.symbols.items():
            unit = made.units[name]
            whole = int(value * unit)
            near = rng.randint(max(1, whole // 2), whole + 20)
            at[name] = Fraction(made.requirements.of(name).beyond(near) or whole, unit)
        try:
            found.append((at, values_at(made, at)))
        except Mistake:  # a condition on several symbols
            continue
        if len(found) == CHECKED:
            break
    return found


@pytest.mark.parametrize("network", FAMILIES, ids=lambda network: network.name)
def test_integers_arrays_and_symbols_agree(network: Bundled) -> None:
    spec, variant = network.spec, network.variant
    rng = random.Random(network.name)
    made = with_a_parameter(network, rng)
    found = points(made, rng)
    assert found
    ((name, shape),) = made.inputs.items()
    axes = list(map(str, shape[1:]))
    columns = {symbol: Column(0, [at[symbol] for at, _ in found]) for symbol in made.symbols}
    sizes = [None, *(columns.pop(axis) for axis in axes)]  # channels as they are written
    asked = Question(spec, variant, {}, columns, {name: sizes}, 1, 4, FIGURES)
    box = [range(len(found))]
    arrays = {figure: np.zeros(len(found), np.int64) for figure in FIGURES}
    for part in parts(asked, Population.box(box)):
        for figure, out in arrays.items():
            part.fill(box, figure, out)
    for n, (at, symbols) in enumerate(found):
        given = {symbol: value for symbol, value in at.items() if symbol not in axes}
        scaled = {symbol: int(value * made.units[symbol]) for symbol, value in at.items()}
        input = (Poly.of(shape[0]).at(**scaled), *(int(at[axis]) for axis in axes))
        report = cnncalc.analyze(spec, variant, set=given, input=input).or_mistake()
        integers = {figure: getattr(report.totals, figure) for figure in FIGURES}
        assert symbols == integers, at
        assert {figure: out[n] for figure, out in arrays.items()} == integers, at
