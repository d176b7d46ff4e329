"""Ints, numpy arrays and symbols give the same results in every operator and every bundled spec."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnncalc
from cnncalc.checking.config import Config
from cnncalc.checking.run import Job, check_text
from cnncalc.cost import CLASSES
from cnncalc.graph import conditions, propagate
from cnncalc.many.array import Many
from cnncalc.num import Open, slide
from cnncalc.ops.base import Op
from cnncalc.ops.needs import Need
from cnncalc.poly import Poly

from .cases import COUNTED, case, instance
from .samples import FIXED, FOLLOWING, Bundled

AXES = "CDHW"


def figures(op: Op, xs: list[tuple]) -> list[Any]:
    """Return all results of the rules on Num, in one list."""
    y = op.shape(*xs)
    cost = op.cost(*xs, y=y)
    return [
        *y,
        *(n for shape in (*op.weights(*xs).values(), *op.buffers(*xs).values()) for n in shape),
        *(getattr(cost, name) for name in CLASSES),
        *(need.margin for need in op.needs(*xs)),
    ]


def at(value: Any, column: int, sizes: dict[str, int]) -> int:
    """Return the value of an array or symbol for one choice of sizes."""
    if isinstance(value, Poly):
        return value.at(**sizes)
    return int(value[column]) if isinstance(value, np.ndarray) else int(value)


@pytest.mark.parametrize("op", COUNTED, ids=[op.key for op in COUNTED])
def test_operators_give_the_same_on_ints_arrays_and_symbols(op: type[Op]) -> None:
    rng = random.Random(op.key)
    tried = 0
    for _ in range(120):
        body, xs = case(op, rng)
        built = instance(op, body)
        if built is None or len(xs[0]) not in op.ranks or len({len(x) for x in xs}) > 1:
            continue
        # How many groups of channels are moved alike is a ratio of channels, without a formula.
        first = 0 if op.operation is None else 1
        variants = [
            [(*x[:first], *(n + rng.randint(0, 9) for n in x[first:])) for x in xs]
            for _ in range(4)
        ]
        arrays = [
            (
                *x[:first],
                *(np.array([v[i][axis] for v in variants]) for axis in range(first, len(x))),
            )
            for i, x in enumerate(xs)
        ]
        symbols = [
            (
                *x[:first],
                *(Poly.symbol(f"{AXES[axis]}{i}") for axis in range(first, len(x))),
            )
            for i, x in enumerate(xs)
        ]
        try:
            expected = [figures(built, v) for v in variants]
        except (TypeError, AttributeError, ValueError, IndexError, ZeroDivisionError):
            # Skip a body that its own needs refuse before any size is read.
            assert any(map(fails, first_needs(built, variants[0]))), (built, xs)
            continue
        tried += 1
        as_arrays, as_symbols = figures(built, arrays), figures(built, symbols)
        for column, (variant, ints) in enumerate(zip(variants, expected)):
            named = by_symbol(variant)
            wanted = [int(n) for n in ints]
            assert [at(v, column, named) for v in as_arrays] == wanted, (built, variant)
            assert [at(v, column, named) for v in as_symbols] == wanted, (built, variant)
    assert tried >= 5


def by_symbol(xs: list[tuple]) -> dict[str, int]:
    """Return the size of each axis by its symbol. `H0` is the height of the first input."""
    found = {}
    for i, x in enumerate(xs):
        found.update({f"{AXES[axis]}{i}": n for axis, n in enumerate(x)})
    return found


def fails(need: Need) -> bool:
    return bool(need.margin < 0 or need.equal and need.margin)


def first_needs(op: Op, xs: list[tuple]) -> list[Need]:
    """Return the needs up to the first that fails, in the order in which an analysis asks them."""
    asked = []
    for need in op.needs(*xs):
        asked.append(need)
        if fails(need):
            break
    return asked


@pytest.mark.parametrize("network", FOLLOWING, ids=lambda network: network.name)
def test_layers_that_follow_the_size_do_so_in_symbols_too(network: Bundled) -> None:
    spec, variant = network.spec, network.variant
    symbolic = spec.symbolic_graph(variant)
    if any(d.code == "CNN210" for d in symbolic.diagnostics):
        return  # which layers there are depends on the size: `sizes` solves for one of the cases
    channels, *spatial = spec.graph(variant).inputs[0].shape
    names = AXES[-len(spatial) :]
    rng = random.Random(0)
    compared = 0
    for _ in range(40):
        sizes = [rng.randint(1, 3) * 32 - rng.randint(0, 1) for _ in spatial]
        graph = spec.graph(variant, input=(channels, *sizes))
        if not graph.outputs:
            continue
        compared += 1
        named = dict(zip(names, sizes))
        for node, same in zip(graph.nodes, symbolic.nodes):
            assert [at(v, 0, named) for v in same.shape] == list(node.shape), (node.path, sizes)
    assert compared


@pytest.mark.parametrize("network", FIXED, ids=lambda network: network.name)
def test_specs_give_the_same_on_ints_arrays_and_symbols(network: Bundled) -> None:
    spec, variant = network.spec, network.variant
    graph = spec.graph(variant)
    rng = random.Random(0)
    (given_shape,) = (node.shape for node in graph.inputs)
    channels, spatial = given_shape[0], given_shape[1:]
    tried = [tuple(max(1, n + rng.randint(-n, n // 2)) for n in spatial) for _ in range(6)]
    arrays = propagate(graph, [(channels, *(np.array(column) for column in zip(*tried)))])
    names = [AXES[-len(spatial) :][i] for i in range(len(spatial))]
    symbols = propagate(graph, [(channels, *(Poly.symbol(name) for name in names))])
    margins = list(conditions(graph, arrays))
    for column, sizes in enumerate(tried):
        ints = spec.graph(variant, input=(channels, *sizes))
        fits = not any(d.severity == "error" for d in ints.diagnostics)
        good = True
        for _, margin, equal in margins:
            m = at(margin, column, {})
            good = good and (m == 0 if equal else m >= 0)
        assert fits == good, (sizes, ints.diagnostics)
        for n, node in enumerate(ints.nodes):
            named = dict(zip(names, sizes))
            assert [at(v, column, named) for v in arrays[n]] == list(node.shape), (node.path, sizes)
            of_symbols = [at(v, column, named) for v in symbols[n]]
            assert of_symbols == list(node.shape), (node.path, sizes)


WINDOW = st.tuples(
    st.integers(1, 7),  # kernel
    st.integers(1, 4),  # stride
    st.integers(0, 3),  # padding before
    st.integers(0, 3),  # and after
    st.integers(1, 3),  # dilation
    st.booleans(),  # ceil mode
)


@given(st.integers(1, 60), st.lists(WINDOW, max_size=6))
def test_chains_of_windows_stay_one_floor_deep(n: int, windows: list) -> None:
    size, symbol = n, Poly.symbol("N")
    for k, s, lo, hi, d, ceil in windows:
        size, symbol = slide(size, k, s, lo, hi, d, ceil), slide(symbol, k, s, lo, hi, d, ceil)
        symbol = Poly.of(symbol)
    assert symbol.at(N=n) == size
    assert str(symbol).count("⌊") <= 1


def test_the_symbols_of_vgg16_read_well() -> None:
    graph = cnncalc.load("vgg16").graph()
    shapes = propagate(graph, [(3, Poly.symbol("H"), Poly.symbol("W"))])
    pool5 = next(n for n, node in enumerate(graph.nodes) if node.path == "pool5")
    assert [str(v) for v in shapes[pool5]] == ["512", "⌊H/32⌋", "⌊W/32⌋"]


@pytest.mark.parametrize("spec", ["", ",", "g", ".2f", ">9,"])
@pytest.mark.parametrize(
    "value",
    [Poly.symbol("H"), Poly.symbol("H") / 2, Many(np.arange(3)), Many(np.arange(3)) / 2],
    ids=lambda value: type(value).__name__,
)
def test_messages_show_what_is_not_one_number(value: Open, spec: str) -> None:
    assert format(value, spec) == str(value)


def test_a_window_that_fits_no_input_is_found_when_sizes_are_symbols() -> None:
    layers = "[{slice: {axis: 1, start: -1}}, {conv: {out: 8, kernel: 3}}]"
    text = f"{{cnncalc: 1, input: [1, 20], layers: {layers}}}"
    found = check_text(text, "net.yaml", None, Job(Config())).findings
    assert [finding.diagnostic.code for finding in found] == ["CNN204"]
