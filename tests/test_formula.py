"""Formulas have the values that `analyze` computes, wherever they say that they hold."""

from __future__ import annotations

import json
import random
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cnncalc
from cnncalc import Spec
from cnncalc.analysis.formula import FIGURES, Formulas, formula
from cnncalc.analysis.formula_values import leading, values_at
from cnncalc.decisions import Decisions
from cnncalc.diagnostic import Mistake
from cnncalc.num import NoFormula
from cnncalc.poly import Poly, PolyRatio
from cnncalc.render.formula import assumptions
from cnncalc.wording import sizes_text

from .command import run
from .samples import BUNDLED, SIAMESE, Bundled, yaml
from .settings import FULL

SOME = [network for n, network in enumerate(BUNDLED) if n % 5 == 0]

DESIGN = yaml("""
    input: [3, 32, 32]
    params: {width: 64, depth: 2, classes: 10}
    blocks:
      bottleneck:
        params: {w: , stride: 1}
        layers:
          - add:
              body:
                - conv: {out: w, kernel: 1, bias: false}
                - batchnorm
                - conv: {out: w, kernel: 3, stride: stride, padding: 1, groups: w, bias: false}
                - conv: {out: make_divisible(2.5 * w), kernel: 1}
              shortcut:
                - conv: {out: make_divisible(2.5 * w), kernel: 1, stride: stride, bias: false}
                  when: stride > 1 or c != make_divisible(2.5 * w)
          - relu
    layers:
      - bottleneck: {w: width - 8, stride: 2}
        repeat: depth
        name: stage
      - globalavgpool
      - flatten
      - linear: max(classes, width // 3)
""")


def made(spec: Spec, *symbols: str, variant: str | None = None, **options: Any) -> Formulas:
    """Return the formulas in these symbols."""
    found = formula(spec, variant, symbols=symbols, **options)
    assert found.formulas is not None, found.diagnostics
    return found.formulas


def figures(spec: Spec, variant: str | None = None, **options: Any) -> dict[str, int]:
    """Return the figures that `analyze` computes."""
    totals = cnncalc.analyze(spec, variant, **options).or_mistake().totals
    return {name: getattr(totals, name) for name in FIGURES}


@pytest.mark.parametrize("network", BUNDLED if FULL else SOME, ids=lambda network: network.name)
def test_formulas_in_sizes_and_batch_are_the_figures(network: Bundled) -> None:
    spec, variant = network.spec, network.variant
    (shape,) = (node.shape for node in spec.graph(variant).inputs)
    (named,) = spec.symbolic_inputs(variant).values()
    found = made(spec, *map(str, named[1:]), "N", variant=variant)
    rng = random.Random(network.name)
    for _ in range(2):
        sizes = {}
        for symbol, n in zip(map(str, named[1:]), shape[1:]):
            tried = rng.randint(n // 2, n + 40)
            sizes[symbol] = found.requirements.of(symbol).beyond(tried) or n
        batch = rng.randint(1, 9)
        wanted = figures(spec, variant, input=(shape[0], *sizes.values()), batch=batch)
        assert values_at(found, {**sizes, "N": batch}) == wanted, sizes


@pytest.mark.parametrize("network", BUNDLED if FULL else SOME, ids=lambda network: network.name)
def test_formulas_in_parameters_are_the_figures(network: Bundled) -> None:
    spec, variant = network.spec, network.variant
    rng = random.Random(network.name)
    for name, value in spec.parameter_values(variant).items():
        if type(value) not in (int, Fraction) or value == 0:  # a symbol is 1 or more
            continue
        symbol = f"{name}:0.05" if name == "width" else name
        found = formula(spec, variant, symbols=[symbol])
        if found.formulas is None:  # such as for a number of layers
            assert {d.code for d in found.diagnostics} <= {"CNN210"}, name
            continue
        fitting, unit = found.formulas.requirements.of(name), found.formulas.units[name]
        assert int(value * unit) in fitting
        for _ in range(2):
            near = rng.randint(1, max(1, int(2 * value * unit)))
            tried = Fraction(fitting.beyond(near) or int(value * unit), unit)
            assert values_at(found.formulas, {name: tried}) == figures(
                spec, variant, set={name: tried}
            ), (name, tried)


def test_parameters_with_fractions_are_symbols_in_steps() -> None:
    text = yaml("""
        input: [3, 32, 32]
        params: {width: 1.25, depth: 2.4}
        layers:
          - conv: {out: make_divisible(32 * width), kernel: 3}
          - conv: {out: floor(12 * width), kernel: 1, bias: false}
            repeat: ceil(depth)
    """)
    spec = cnncalc.loads(text)
    found = made(spec, "width:0.05")
    # 32·width rounded to a multiple of 8; for multiples of 1/20 this equals ⌊(8·width + 1)/2⌋.
    assert "⌊(20·width + 2)/5⌋" in str(found.figures["params"])
    assert "width a multiple of 0.05" in list(assumptions(found))
    holds = 0
    for n in range(1, 60):
        width = Fraction(n, 20)
        try:
            values = values_at(found, {"width": width})
        except Mistake:
            continue
        assert values == figures(spec, set={"width": width}), width
        holds += 1
    assert holds > 20
    # Its own step is that of its value.
    assert made(spec, "width").units == {"width": 4}
    with pytest.raises(Mistake, match=r"do not hold for width = 1\.3") as mistake:
        values_at(made(spec, "width"), {"width": Fraction(13, 10)})
    assert "width a multiple of 0.25" in (mistake.value.diagnostics[0].help or "")
    with pytest.raises(Mistake, match="not a multiple of 1/3"):
        formula(spec, symbols=["width:1/3"])
    with pytest.raises(Mistake, match=r"a step after it, such as width:0\.05"):
        formula(spec, symbols=["width:0"])
    with pytest.raises(Mistake, match="`H` is a whole number"):
        formula(spec, symbols=["H:0.5"])


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 30), st.integers(1, 12), st.integers(-9, 9), st.data())
def test_what_is_written_of_a_fraction_is_its_value(
    unit: int, a: int, m: int, b: int, data: st.DataObject
) -> None:
    """Formulas in Python's syntax take the fraction itself, which Python's own fractions check."""
    from cnncalc import notation

    width = Poly.symbol("width", unit=unit) / unit
    formula = (a * width + b) // m * 3 + (a * width).__floor__() // 2
    n = data.draw(st.integers(1, 200))
    wanted = (a * Fraction(n, unit) + b) // m * 3 + a * Fraction(n, unit) // 2
    assert formula.at(width=n) == wanted
    written = notation.python(formula)
    assert eval(written, {}, {"width": Fraction(n, unit)}) == wanted, written


def test_the_macs_of_vgg16() -> None:
    found = made(cnncalc.load("vgg16"))
    assert str(found.figures["macs"]) == (
        "38592·H·W + 221184·⌊H/2⌋·⌊W/2⌋ + 1474560·⌊H/4⌋·⌊W/4⌋ + 5898240·⌊H/8⌋·⌊W/8⌋"
        " + 7077888·⌊H/16⌋·⌊W/16⌋ + 2097152·⌊H/32⌋·⌊W/32⌋ + 20873216"
    )
    assert leading(found.figures["macs"]) == {("H", "W"): 307904}
    assert list(assumptions(found)) == ["H ≥ 32", "W ≥ 32"]
    assert (found.field and found.field[1].size, found.field_is_fixed) == ((212, 212), True)


def test_the_parameters_of_a_bottleneck() -> None:
    text = yaml("""
        input: [256, 56, 56]
        params: {width: 64}
        layers:
          - conv: {out: width, kernel: 1, bias: false}
          - conv: {out: width, kernel: 3, padding: 1, bias: false}
          - conv: {out: 4 * width, kernel: 1, bias: false}
    """)
    found = made(cnncalc.loads(text), "width")
    # 256·w + 9·w² + 4·w²
    assert str(found.figures["params"]) == "13·width² + 256·width"
    assert list(map(str, found.shape)) == ["4·width", "56", "56"]


def test_decisions_are_recorded_and_the_formula_holds_where_they_come_out_the_same() -> None:
    spec = cnncalc.loads(DESIGN)
    found = made(spec, "width")
    fitting = found.requirements.of("width")
    assert 64 in fitting and fitting.smallest is not None
    holds = 0
    for width in range(9, 150):
        try:
            values = values_at(found, {"width": width})
        except Mistake:
            continue
        assert values == figures(spec, set={"width": width}), width
        holds += 1
    assert holds > 50
    # The convolution needs a filter, so the width is above 8; the linear layer has the larger one.
    assert min(n for n in range(1, 99) if n in fitting) > 8
    small = made(spec, "width", set={"width": 12})
    assert 64 not in small.requirements.of("width") or 12 in fitting


def test_where_a_comparison_must_not_come_out_otherwise() -> None:
    text = yaml("""
        input: [16, 8, 8]
        params: {width: 32}
        layers:
          - conv: {out: width, kernel: 1}
            when: width != 16
          - conv: {out: width, kernel: 3}
    """)
    found = made(cnncalc.loads(text), "width")
    assert list(assumptions(found)) == ["not width = 16"]
    with pytest.raises(Mistake, match="do not hold for width = 16"):
        values_at(found, {"width": 16})
    assert list(assumptions(made(cnncalc.loads(text), "width", set={"width": 16}))) == [
        "width = 16"
    ]


def test_what_is_no_formula_is_said() -> None:
    spec = cnncalc.loads(DESIGN)
    assert [d.code for d in formula(spec, symbols=["depth"]).diagnostics] == ["CNN210"]
    with pytest.raises(Mistake, match="`widht` is not a size, the batch or a parameter"):
        formula(spec, symbols=["widht"])
    with pytest.raises(Mistake, match="no layer or block is called `stagee`"):
        formula(spec, layer="stagee")
    with pytest.raises(Mistake, match="`depths` cannot be a symbol"):
        formula(cnncalc.load("resnet50"), symbols=["depths"])
    broken = cnncalc.loads("input: [3, 8, 8]\nlayers: [flatten, {conv: {out: 8, kernel: 3}}]")
    assert [d.code for d in formula(broken).diagnostics] == ["CNN201"]


def test_layers_and_blocks_have_formulas_too() -> None:
    spec = cnncalc.load("resnet50")
    stage = made(spec, layer="stage4")
    report = cnncalc.analyze(spec, input=(3, 320, 192))
    rows = report.group("stage4")
    values = values_at(stage, {"H": 320, "W": 192})
    for name in FIGURES:
        assert values[name] == sum(getattr(row, name) for row in rows), name
    assert [size if isinstance(size, int) else size.at(H=320, W=192) for size in stage.shape] == [
        2048,
        10,
        6,
    ]
    one = made(spec, layer="stem.conv1")
    assert str(one.figures["macs"]) == "9408·⌊(H + 1)/2⌋·⌊(W + 1)/2⌋"


def test_some_symbols_may_stay() -> None:
    found = made(cnncalc.load("vgg16"), "H", "N")
    values = values_at(found, {"N": 2})
    assert values["macs"].symbols == {"H"}
    assert values["macs"].at(H=224) == 2 * 15_470_264_320


def test_open_sizes_and_several_inputs() -> None:
    spec = cnncalc.loads("input: [3, _, _]\nlayers:\n  - conv: {out: 8, kernel: 3, stride: 2}\n")
    assert str(made(spec).figures["macs"]) == (
        "216·⌊(H + 1)/2⌋·⌊(W + 1)/2⌋ − 216·⌊(H + 1)/2⌋ − 216·⌊(W + 1)/2⌋ + 216"
    )
    assert [d.code for d in formula(spec, symbols=["H"]).diagnostics] == ["CNN117"]
    two = made(cnncalc.loads(SIAMESE))
    assert list(two.symbols) == ["left_H", "left_W", "right_H", "right_W"]
    given = {"left_H": 21, "left_W": 20, "right_H": 20, "right_W": 30}
    wanted = figures(cnncalc.loads(SIAMESE), input={"left": (1, 21, 20), "right": (1, 20, 30)})
    assert values_at(two, given) == wanted


def test_the_leading_terms_are_what_a_figure_grows_by() -> None:
    for name in ("vgg16", "unet", "resnet50"):
        figure = made(cnncalc.load(name)).figures["macs"]
        terms = leading(figure)
        n = 10**7
        grown = sum(c * n ** len(symbols) for symbols, c in terms.items())
        assert abs(Fraction(figure.at(H=n, W=n)) / grown - 1) < Fraction(1, 1000), name


NUMBERS = st.one_of(st.integers(-9, 9), st.fractions(-9, 9, max_denominator=6))
STEPS = st.lists(st.tuples(st.sampled_from("+-*/fcr"), NUMBERS), max_size=6)


@settings(deadline=None, max_examples=400 if FULL else 80)
@given(STEPS, st.integers(1, 40))
def test_symbols_compute_as_fractions_do(steps: list[tuple[str, Any]], n: int) -> None:
    def computed(value: Any) -> Any:
        for step, number in steps:
            if step == "+":
                value = value + number
            elif step == "-":
                value = number - value
            elif step == "*":
                value = value * number
            elif step == "/":
                value = value / Fraction(number or 2)
            else:
                value = {"f": floor, "c": ceil, "r": round}[step](value)
        return value

    from math import ceil, floor

    decisions = Decisions({"n": n})
    symbol, number = computed(Poly.symbol("n", decisions)), computed(Fraction(n))
    if isinstance(symbol, PolyRatio):
        value = Fraction(symbol.numerator.at(n=n), symbol.denominator)
    else:
        value = Poly.of(symbol).at(n=n)
    assert value == number
    if isinstance(symbol, (Poly, PolyRatio)):
        for other in (0, 3, Fraction(5, 2), -number):
            assert bool(symbol < other) == (number < other)
            assert bool(symbol > other) == (number > other)
            assert bool(symbol <= other) == (number <= other)
            assert bool(symbol >= other) == (number >= other)
            assert bool(symbol.equals(other)) == (number == other)


def test_polynomials_divide_only_what_they_divide() -> None:
    c, t = Poly.symbol("c"), Poly.symbol("t")
    assert c // c == 1 and (6 * c * t) // (3 * c) == 2 * t and (c + 1) // (c + 1) == 1
    assert str(c % 4) == "c − 4·⌊c/4⌋" and (c * 4) % 4 == 0
    for divide in (lambda: c // t, lambda: (c + 1) // (2 * c), lambda: 7 // c, lambda: 7 / c):
        with pytest.raises(NoFormula):
            divide()


def test_the_command_in_every_format() -> None:
    done = run("formula", "vgg16", "--at", "H=224,W=224")
    assert done.returncode == 0
    assert "= 15,470,264,320 at H = 224, W = 224" in done.stdout
    assert "≈ 307,904·H·W" in done.stdout
    scope: dict[str, Any] = {}
    exec(run("formula", "unet", "--format", "python").stdout, scope)
    wanted = figures(cnncalc.load("unet"), input=(1, 300, 404))
    assert {name: scope[name](300, 404) for name in FIGURES} == wanted
    assert scope["output"](572, 572) == (2, 388, 388)
    latex = run("formula", "vgg16", "--in", "H", "--format", "latex").stdout
    assert r"\text{MACs} &= 8644608\,H + 24772608\,\lfloor H/2\rfloor" in latex
    data = json.loads(run("formula", "vgg16", "--format", "json", "--at", "H=64,W=32").stdout)
    assert data["assumptions"] == ["H ≥ 32", "W ≥ 32"]
    assert eval(data["formulas"]["macs"], {"H": 64, "W": 32}) == data["values"]["macs"]
    assert data["layers"][0]["output"] == [64, "H", "W"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--in", "heigth"), "`heigth` is not a size, the batch or a parameter of this network"),
        (("--at", "H=20"), "they hold for H ≥ 32"),
        (("--at", "X=20"), "`X` is no symbol of these formulas"),
        (("--at", "H"), "--at takes a name and a number such as H=224, not `H`"),
        (("--at", "H=2,H=3"), "--at H is given twice"),
        (("--in", "H,"), "--in takes names such as H,W"),
        (("conv9",), "no layer or block is called `conv9`"),
    ],
)
def test_mistakes_are_answered(arguments: tuple[str, ...], says: str) -> None:
    done = run("formula", "vgg16", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_rules_for_symbols_are_words() -> None:
    found = made(cnncalc.load("unet_same"))
    assert sizes_text(found.requirements.of("H"), "H") == "H ≥ 16"
