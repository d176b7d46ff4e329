"""Counting many variants at once gives for each of them what `analyze` gives for it alone."""

from __future__ import annotations

import random
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.analysis.count import COUNTED
from cnncalc.analysis.counting.columns import Column
from cnncalc.analysis.counting.parts import Question, parts
from cnncalc.analysis.counting.population import Population
from cnncalc.language.values import evaluate

from .samples import FAMILIES, Bundled, yaml
from .settings import FULL

FIGURES = sorted(COUNTED)
OF_LAYERS = [name for name in FIGURES if not name.startswith("activation")]
CHECKED = 60 if FULL else 3  # variants of each population


def varied(value: Any, rng: random.Random) -> Any:
    """Return another value of the same kind, near or far."""
    if isinstance(value, bool):
        return rng.random() < 0.5
    if isinstance(value, int):
        return max(0, value + rng.choice([0, 0, 1, -1, value, rng.randint(-value, 2 * value)]))
    if isinstance(value, Fraction):
        return value * Fraction(rng.randint(1, 30), rng.choice([7, 10, 20]))
    if isinstance(value, tuple):
        return tuple(varied(part, rng) for part in value)
    return value


def population(
    spec: cnncalc.Spec, variant: str | None, rng: random.Random
) -> tuple[dict[str, list[Any]], list[list[Any]]]:
    """Return values for some parameters of a spec, and for each axis of its input."""
    prepared = spec._definitions.params
    own = (spec.document.variants or {}).get(variant or "") or None
    stated = (own and own.params) or {}
    known: dict[str, Any] = {}
    for name, value in prepared.items():
        known[name] = evaluate(value, known)
    for name in stated:
        known[name] = spec.graph and evaluate_as_written(stated[name])
    names = [name for name, value in known.items() if not isinstance(value, (str, type(None)))]
    rng.shuffle(names)
    params = {}
    for name in names[:3]:
        params[name] = [known[name], varied(known[name], rng), varied(known[name], rng)]
    (shape,) = (node.shape for node in spec.graph(variant).inputs)
    sizes = [[n, max(1, n + rng.randint(-n, n // 2)), n + rng.randint(0, 40)] for n in shape[1:]]
    return params, [[shape[0]], *sizes]


def evaluate_as_written(value: Any) -> Any:
    return tuple(map(evaluate_as_written, value)) if isinstance(value, list) else value


def counted(
    spec: cnncalc.Spec,
    variant: str | None,
    axes: list[tuple[str, list[Any]]],
    rank: int,
    figures: list[str],
) -> tuple[dict[str, np.ndarray], int]:
    """Count the grid of all values; return the figures and how many parts it took."""
    columns = {name: Column(n, values) for n, (name, values) in enumerate(axes)}
    (name,) = (node.path for node in spec.graph(variant).inputs)
    sizes = [columns.pop(f"axis {n}") for n in range(rank)]
    asked = Question(spec, variant, {}, columns, {name: sizes}, 1, 4, figures)
    box = [range(len(values)) for _, values in axes]
    found = {name: np.zeros(prod(map(len, box)), np.int64) for name in (*figures, "fits")}
    made = list(parts(asked, Population.box(box)))
    for part in made:
        for name, out in found.items():
            part.fill(box, name, out)
    assert sum(n for part in made for *_, n in part.failures) == (found["fits"] == 0).sum()
    return found, len(made)


# Of each family one network is enough, unless all are asked for.


@pytest.mark.parametrize("network", FAMILIES, ids=lambda network: network.name)
def test_variants_count_as_one_by_one(network: Bundled) -> None:
    rng = random.Random(network.name)
    for _ in range(10 if FULL else 1):
        params, sizes = population(network.spec, network.variant, rng)
        axes = [*params.items(), *((f"axis {n}", values) for n, values in enumerate(sizes))]
        figures = rng.choice([FIGURES, OF_LAYERS])
        found, _ = counted(network.spec, network.variant, axes, len(sizes), figures)
        lengths = [len(values) for _, values in axes]
        for at in rng.sample(range(prod(lengths)), min(CHECKED, prod(lengths))):
            index = np.unravel_index(at, lengths)
            given = {name: values[n] for (name, values), n in zip(axes, index)}
            shape = tuple(given.pop(f"axis {n}") for n in range(len(sizes)))
            report = cnncalc.analyze(network.spec, network.variant, set=given, input=shape)
            assert found["fits"][at] == report.ok, (given, shape, report.diagnostics)
            if report.ok:
                expected = [getattr(report.totals, name) for name in figures]
                assert [found[name][at] for name in figures] == expected, (given, shape)


MARKED = yaml("""
    input: [4, 9, 9]
    params: {a: true, b: true, c1: 4, n: 1, act: relu}
    blocks:
      unit:
        params: {out: }
        layers:
          - {conv: {out: out, kernel: 3, padding: 1}, when: b}
          - {relu: , when: act == 'relu'}
          - {silu: , when: act == 'silu'}
          - {identity: , when: a}
          - {hardswish: , when: a or b}
    layers:
      - conv: {out: 4, kernel: 3, padding: 1}
      - {relu: , when: a, name: first}
      - {relu6: , when: b}
      - unit: c1
        repeat: n
      - add:
          x: [{relu: , when: b}]
          y: [{zeroize: , when: a}, {leaky_relu: , when: not b}]
      - {maxpool: 2, when: a}
      - {relu: , when: b}
      - {dropout: 0.5, when: a}
      - {relu: , when: a}
      - flatten
      - {relu: , when: not a}
      - linear: 3
""")


def every(spec: cnncalc.Spec, values: dict[str, list[Any]], shape: tuple[int, ...]) -> int:
    """Compare all combinations of values, counted together, with single analyses."""
    axes = [*values.items(), *((f"axis {n}", [size]) for n, size in enumerate(shape))]
    found, made = counted(spec, None, axes, len(shape), FIGURES)
    lengths = [len(listed) for listed in values.values()]
    for at in range(prod(lengths)):
        index = np.unravel_index(at, lengths)
        given = {name: listed[n] for (name, listed), n in zip(values.items(), index)}
        report = cnncalc.analyze(spec, set=given, input=shape)
        assert found["fits"][at] == report.ok, given
        if report.ok:
            expected = {name: getattr(report.totals, name) for name in FIGURES}
            assert {name: found[name][at] for name in FIGURES} == expected, given
    return made


def test_layers_that_some_lack_run_in_place_where_they_would_alone() -> None:
    values = {
        "a": [False, True],
        "b": [True, False],
        "c1": [4, 6],
        "n": [2, 0, 3, 1],
        "act": ["relu", "none", "silu"],
    }
    assert every(cnncalc.loads(MARKED), values, (4, 9, 9)) < 48


def test_all_operations_of_an_edge_are_marked() -> None:
    ops = ["zeroize", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
    spec = cnncalc.load("nas_bench_201")
    values = {"e12": ops, "e13": ops[1:4], "cells": [1, 2]}
    assert every(spec, values, (3, 8, 8)) == 1
