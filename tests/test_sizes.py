"""The sizes of input that a network takes are those that brute force finds."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cnncalc
from cnncalc.analysis.input_sizes import (
    InputSizes,
    Requirements,
    fitting_sizes,
    input_sizes,
)
from cnncalc.analysis.sizes import sizes
from cnncalc.analysis.smallest_input import accepts
from cnncalc.diagnostic import Mistake
from cnncalc.graph import Graph, conditions, propagate
from cnncalc.num import NoFormula, Shape
from cnncalc.ops.base import Op
from cnncalc.poly import Poly
from cnncalc.quasilinear import QuasiLinear
from cnncalc.size_set import Pattern
from cnncalc.wording import sizes_text

from .command import run
from .samples import BUNDLED, FIXED, FOLLOWING, SIAMESE, Bundled, yaml
from .settings import FULL

LARGEST = 2000
N = QuasiLinear.size()


def fitting_by_arrays(graph: Graph, axis: int) -> np.ndarray:
    """Return which sizes up to LARGEST every layer takes along one axis; the others stay."""
    (node,) = graph.inputs
    shape = list(node.shape)
    shape[axis] = np.arange(1, LARGEST + 1)
    fits = np.ones(LARGEST, dtype=bool)
    for _, margin, equal in conditions(graph, propagate(graph, [tuple(shape)])):
        fits &= np.asarray(margin == 0 if equal else margin >= 0)
    return fits


@pytest.mark.parametrize("network", FOLLOWING, ids=lambda network: network.name)
def test_sizes_are_solved_for_the_layers_of_the_own_size(network: Bundled) -> None:
    """Sizes that are not among them have other layers, or do not fit."""
    spec, variant = network.spec, network.variant
    answer = sizes(spec, variant)
    own = spec.graph(variant)
    found = answer.found
    assert found is not None and not found.unsolved
    channels = own.inputs[0].shape[0]
    rng = random.Random(network.name)
    few = rng.sample(range(1, 400), 100 if FULL else 12)
    squares = [(n, n) for n in [*few, *(a.fitting.smallest for a in found.axes.values())]]
    for one in [*squares, *((n, rng.randint(1, 400)) for n in few)]:
        graph = spec.graph(variant, input=(channels, *one))
        same = [n.path for n in graph.nodes] == [n.path for n in own.nodes]
        fits = all(n in axis.fitting for n, axis in zip(one, found.axes.values()))
        if answer.same_layers_as is None:
            assert fits == bool(graph.outputs), one
        else:
            assert fits == (same and bool(graph.outputs)), one


@pytest.mark.parametrize("network", FIXED, ids=lambda network: network.name)
def test_every_size_up_to_2000_fits_where_it_should(network: Bundled) -> None:
    graph = network.spec.graph(network.variant)
    found = input_sizes(network.spec.symbolic_graph(network.variant))
    assert not found.unsolved
    for axis, solved in enumerate(found.axes.values(), 1):
        wanted = fitting_by_arrays(graph, axis)
        assert [n in solved.fitting for n in range(1, LARGEST + 1)] == list(wanted)
        # The pass over the shapes that `analyze` makes agrees, for all sizes or for a few.
        rng = random.Random(axis)
        tried = range(1, LARGEST + 1) if FULL else rng.sample(range(1, LARGEST + 1), 4)
        shape = list(graph.inputs[0].shape)
        for n in tried:
            shape[axis] = n
            assert accepts(graph, [tuple(shape)]) == (n in solved.fitting), n


def leftovers(op: Op, x: Shape, y: Shape) -> Iterator[tuple[int, int, int]]:
    """Yield for each axis: how much is left after the last window, of it padding, and the gap."""
    kernel, stride, dilation = op.geometry(len(x) - 1)  # type: ignore[attr-defined]
    for n, m, k, s, d, (low, high) in zip(x[1:], y[1:], kernel, stride, dilation, op.around(x)):  # type: ignore[attr-defined]
        touched = {j * s + d * t for j in range(m) for t in range(k)}
        yield low + n + high - 1 - max(touched), high, max(s - (d * (k - 1) + 1), 0)


def judged(graph: Graph, shape: Shape) -> tuple[bool, bool]:
    """Return whether nothing is cut off, and whether all windows end exactly at the edge."""
    shapes = propagate(graph, [shape])
    read = exact = True
    for node, y in zip(graph.nodes, shapes):
        if node.op is None or not node.op.slides(*[shapes[n] for n in node.inputs]):
            continue
        for left, padding, gap in leftovers(node.op, shapes[node.inputs[0]], y):
            exact &= left == 0
            read &= getattr(node.op, "ceil_mode", False) or left <= padding + gap
    return read, exact


SOME = [network for n, network in enumerate(BUNDLED) if n % 9 == 0 or "unet" in network.name]


@pytest.mark.parametrize("network", BUNDLED if FULL else SOME, ids=lambda network: network.name)
def test_what_is_cut_off_is_what_windows_do_not_touch(network: Bundled) -> None:
    graph = network.spec.graph(network.variant)
    found = input_sizes(graph)
    if not found.axes:
        return
    *_, width = found.axes.values()
    shape = graph.inputs[0].shape
    first = width.fitting.smallest
    assert first is not None
    # Others than the width are exact, so that the width decides.
    others = [axis.exact.beyond(n) for axis, n in zip(found.axes.values(), shape[1:-1])]
    if None in others:
        return
    for n in range(first, first + 70):
        if n in width.fitting:
            inside = n in width.read, n in width.exact
            assert inside == judged(graph, (shape[0], *others, n)), n


def texts(found: InputSizes) -> list[tuple[str, ...]]:
    return [tuple(sizes_text(kind) for kind in axis.sets) for axis in found.axes.values()]


@pytest.mark.parametrize(
    ("name", "fitting", "read", "exact"),
    [
        ("unet", "N ≥ 188", "N ≡ 12 mod 16, N ≥ 188", "N ≡ 12 mod 16, N ≥ 188"),
        ("unet_same", "N ≥ 16", "N a multiple of 16", "N a multiple of 16"),
        ("resnet50", "any N", "any N", "N ≡ 1 mod 32"),
        (
            "alexnet_torchvision",
            "N ≥ 63",
            "N ≡ 0, 1 or 31 mod 32, N ≥ 63",
            "N ≡ 31 mod 32, N ≥ 63",
        ),
        ("alexnet", "N ≥ 67", "N ≡ 3 mod 32, N ≥ 67", "N ≡ 3 mod 32, N ≥ 67"),
    ],
)
def test_known_networks(name: str, fitting: str, read: str, exact: str) -> None:
    found = input_sizes(cnncalc.load(name).symbolic_graph())
    assert texts(found) == [(fitting, read, exact)] * 2


def test_joins_that_must_agree_give_residues_of_each_axis() -> None:
    text = yaml("""
        input: [3, _, _]
        layers:
          - add:
              down: [{conv: {out: 3, kernel: 3, stride: [4, 6], padding: 1}}, {upsample: [4, 6]}]
              same: []
    """)
    found = input_sizes(cnncalc.loads(text).symbolic_graph())
    assert [sizes_text(axis.fitting, axis.symbol) for axis in found.axes.values()] == [
        "H a multiple of 4",
        "W a multiple of 6",
    ]


def test_conditions_on_several_sizes_are_named_but_not_solved() -> None:
    left_right = "input: {left: [1, _], right: [1, _]}\nlayers:\n  - add: [left, right]\n"
    found = input_sizes(cnncalc.loads(left_right).symbolic_graph())
    assert [(c.path, str(c.margin), c.equal) for c in found.unsolved] == [
        ("add1", "−left_L + right_L", True)
    ]
    product = "input: [4, _, _]\nlayers: [flatten, {reshape: [64, -1]}]"
    (condition,) = input_sizes(cnncalc.loads(product).symbolic_graph()).unsolved
    assert str(condition.margin) == "4·H·W − 64·⌊H·W/16⌋"
    assert input_sizes(cnncalc.loads(SIAMESE).symbolic_graph()).unsolved == []


def test_sizes_that_only_have_to_be_large_enough_are_not_listed() -> None:
    """Strides of 2 and 3 in turn repeat only every 6¹⁰ sizes."""
    layers = "".join(f"  - maxpool: {{kernel: {2 + k % 2}}}\n" for k in range(20))
    graph = cnncalc.loads(f"input: [1, _, _]\nlayers:\n{layers}").symbolic_graph()
    (fitting, _) = fitting_sizes(graph).axes.values()
    assert fitting.spans == ((6**10, None),)
    found = input_sizes(graph)
    assert {condition.kind for condition in found.unsolved} == {"read", "exact"}
    with pytest.raises(NoFormula, match="too many conditions"):
        requirements = Requirements(work=10)
        for condition in found.unsolved:
            requirements.add(*condition[:3])


def test_a_size_without_a_formula_is_said() -> None:
    spec = cnncalc.loads("input: [3, _, _]\nlayers: [{upsample: 0.7}]")
    found = sizes(spec)
    assert found.found is None
    assert [d.code for d in found.diagnostics] == ["CNN210"]
    assert cnncalc.analyze(spec, input=(3, 90, 90)).outputs == {"upsample1": (3, 62, 62)}


@settings(deadline=None, max_examples=500 if FULL else 50)
@given(st.lists(st.tuples(st.sampled_from("+*/&"), st.integers(1, 6)), max_size=3))
def test_functions_of_one_size_are_closed_under_what_rules_do(
    steps: list[tuple[str, int]],
) -> None:
    def computed(n: int) -> int:
        value, kept = n, n
        for step, m in steps:
            before = value
            value = {"+": value + m - 4, "*": value * (m - 3), "/": value // m}.get(
                step, value + 2 * kept
            )
            kept = before
        return value

    f = kept = N
    for step, m in steps:
        before = f
        if step == "+":
            f = f + m - 4
        elif step == "*":
            f = f * (m - 3)
        elif step == "/":
            f = f // m
        else:
            f = f + kept * 2
        kept = before
    zero, above = f.zero(), f.positive_or_zero()
    both = above & (f * -1 + 9).positive_or_zero()
    for n in range(1, 120):
        assert f.at(n) == computed(n)
        assert (n in zero) == (computed(n) == 0)
        assert (n in above) == (computed(n) >= 0)
        assert (n in both) == (0 <= computed(n) <= 9)
    for found in (zero, above, both):
        members = [n for n in range(1, 400) if n in found]
        pattern = found.pattern
        assert [n for n in range(1, 400) if described(pattern, n)] == members
        assert found.smallest == next(found.from_(1), None)
        assert found.up_to(100) == max((n for n in members if n <= 100), default=None)
        if members and members[-1] >= 100:
            assert found.beyond(100) == min(n for n in members if n >= 100)


def described(pattern: Pattern, n: int) -> bool:
    """Return whether a pattern says that its set has this size."""
    modulus, residues, start, early = pattern
    return n in early or start is not None and n >= start and n % modulus in residues


def test_the_output_is_solved_for() -> None:
    found = sizes(cnncalc.load("unet"), output=(388,))
    assert [(sizes_text(w.inputs), sizes_text(w.read)) for w in found.wanted] == [
        ("N = 572–587", "N = 572")
    ] * 2
    graph = cnncalc.load("unet").graph()
    for n in range(560, 600):
        (out,) = (propagate(graph, [(1, n, n)])[m] for m in graph.outputs)
        assert (n in found.wanted[0].inputs) == (out[-1] == 388)
    (wanted, _) = sizes(cnncalc.load("unet"), output=(390,)).wanted
    assert not wanted.inputs and wanted.nearest == ((388, 572), (404, 588))


def test_the_layer_can_be_named() -> None:
    spec = cnncalc.load("resnet50")
    found = sizes(spec, layer="stem", output=(7, 9))
    assert [sizes_text(w.inputs) for w in found.wanted] == ["N = 13 or 14", "N = 17 or 18"]
    with pytest.raises(Mistake, match="no layer or block is called `stim`"):
        sizes(spec, layer="stim")
    with pytest.raises(Mistake, match="the same sizes for every input"):
        sizes(spec, layer="linear1", output=(7,))


def test_open_sizes_are_for_questions_about_sizes() -> None:
    text = "input: [3, _, _]\nlayers:\n  - conv: {out: 8, kernel: 3}\n"
    spec = cnncalc.loads(text)
    assert [d.code for d in cnncalc.analyze(spec).diagnostics] == ["CNN117"]
    assert cnncalc.analyze(spec, input=(3, 5, 6)).outputs == {"conv1": (8, 3, 4)}
    assert [d.code for d in cnncalc.loads(text.replace("3, _", "_, 4")).diagnostics] == ["CNN103"]
    assert [d.code for d in cnncalc.analyze(spec, input=(3, 5)).diagnostics] == ["CNN111"]
    wrong = cnncalc.analyze(spec, input=(3, 2, 9)).diagnostics
    assert "the smallest square input that this network takes is 3×3×3" in (wrong[0].help or "")


def test_a_spec_whose_own_input_does_not_fit_is_solved_too() -> None:
    text = "input: [3, 30, 30]\nlayers: [{pixel_unshuffle: 4}]"
    assert not cnncalc.analyze(cnncalc.loads(text)).ok
    (axis, _) = input_sizes(cnncalc.loads(text).symbolic_graph()).axes.values()
    assert sizes_text(axis.fitting) == "N a multiple of 4"


def test_the_command_writes_json() -> None:
    done = run("sizes", "unet", "--output", "388", "--near", "300", "--list", "570:590")
    assert done.returncode == 0 and "388 from" in done.stdout
    data = json.loads(run("sizes", "unet", "--format", "json", "--near", "300").stdout)
    (height, width) = data["inputs"]["input"]["axes"]
    assert (height["symbol"], height["smallest"], height["modulus"]) == ("H", 188, 1)
    assert width["exact"] == {
        "smallest": 188,
        "modulus": 16,
        "residues": [12],
        "start": 188,
        "others": [],
    }
    assert data["output"]["shape"] == [2, "16*((H + 4)//16) - 188", "16*((W + 4)//16) - 188"]
    assert data["near"][0]["nothing_cut_off"] == [300, 300]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--output", "7x7x7"), "--output takes one size, or 2: one for each axis, not 3"),
        (("--output", "big"), "--output takes sizes such as 388 or 388x260, not `big`"),
        (("--list", "600:200"), "--list 600:200 is empty"),
        (("--list", "1:99999"), "99,999 sizes, and at most 10,000 are listed"),
        (("--list", "7"), "a first and a last size such as 200:600"),
        (("--near", "0"), "--near takes a number from 1 to"),
        (("--at", "hed"), "did you mean `head`?"),
    ],
)
def test_mistakes_are_answered(arguments: tuple[str, ...], says: str) -> None:
    done = run("sizes", "unet", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_sizes_fit_the_screen(width: int) -> None:
    for name in ("unet", "s3d"):
        arguments = ("--near", "300", "--output", "388" if name == "unet" else "28")
        lines = run("sizes", name, *arguments, COLUMNS=str(width)).stdout.splitlines()
        assert lines and max(map(len, lines)) <= width


def test_symbols_need_a_number_where_one_decides() -> None:
    size = Poly.symbol("H") - 3
    with pytest.raises(NoFormula, match="it depends on the value of H"):
        max(size, 0)
    assert not (size - size < 0) and int(size - size) == 0
