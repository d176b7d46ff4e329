"""The language: what each word of it does."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import cnncalc
from cnncalc.analysis.zoo import members, specs
from cnncalc.language.expression import Expression, ExpressionError
from cnncalc.language.names import MODULE_ATTRIBUTES, name_fault
from cnncalc.language.write import flat_spec
from cnncalc.language.yaml_tree import parse, scalar


def report(layers: str, head: str = "input: [4, 16, 16]", **options: object) -> cnncalc.Report:
    """The report of a spec whose layers are given, without errors."""
    found = cnncalc.analyze(cnncalc.loads(f"{head}\nlayers:\n{layers}"), **options)  # type: ignore[arg-type]
    assert found.ok, found.diagnostics
    return found


def paths(found: cnncalc.Report) -> list[str]:
    return [row.path for row in found.rows]


def test_automatic_names_count_each_operator_in_source_order() -> None:
    layers = "  - relu\n  - conv: {out: 4, kernel: 1}\n    when: false\n  - relu\n  - {conv: {out: 8, kernel: 1}, name: last}\n  - conv: {out: 2, kernel: 1}\n"
    assert paths(report(layers)) == ["relu1", "relu2", "last", "conv3"]


def test_from_takes_another_layer_and_when_false_is_the_identity_on_it() -> None:
    layers = "  - {conv: {out: 8, kernel: 1}, name: a}\n  - {conv: {out: 2, kernel: 1}, name: b}\n  - {relu: , from: a, when: false}\n  - {conv: {out: 3, kernel: 1}, name: d}\n"
    assert report(layers).row("d").inputs == ("a",)  # type: ignore[union-attr]


def test_repeat_and_each() -> None:
    found = report(
        "  - conv: {out: 2 * (i + 1), kernel: 1}\n    repeat: 3\n  - conv: {kernel: 1}\n    each: [{out: 5}, {out: 6, bias: false}]\n"
    )
    assert [(row.path, row.output_shape[0], row.biases) for row in found.rows] == [
        ("conv1.0", 2, 2),
        ("conv1.1", 4, 4),
        ("conv1.2", 6, 6),
        ("conv2.0", 5, 5),
        ("conv2.1", 6, 0),
    ]


def test_each_on_a_chain_gives_names_to_its_layers() -> None:
    found = report(
        "  - chain:\n      - conv: {out: w, kernel: k}\n      - relu:\n        when: k > 1\n    each: [{w: 3, k: 1}, {w: 5, k: 3}]\n    name: stage\n"
    )
    assert paths(found) == ["stage.0.conv1", "stage.1.conv1", "stage.1.relu1"]
    assert found.rows[1].output_shape == (5, 14, 14)


def test_blocks_have_scopes_of_their_own() -> None:
    head = "input: [4, 16, 16]\nparams: {w: 3}\nblocks:\n  b:\n    params: {out: , k: w}\n    layers:\n      - conv: {out: out, kernel: k}\n      - conv: {out: c, kernel: 1}\n        name: back\n      - add: [back, back]\n"
    found = report("  - b: 7\n  - b: {out: 2 * w, k: 1}\n", head)
    assert [row.output_shape for row in found.rows] == [
        (7, 14, 14),
        (4, 14, 14),
        (4, 14, 14),
        (6, 14, 14),
        (4, 14, 14),
        (4, 14, 14),
    ]
    assert paths(found)[:3] == ["b1.conv1", "b1.back", "b1.add1"]


def test_input_in_a_block_is_what_enters_the_block() -> None:
    head = "input: [4, 16, 16]\nblocks:\n  twice:\n    layers:\n      - relu\n      - concat: [relu1, input]\n"
    assert report("  - twice\n  - twice\n", head).outputs == {"twice2.concat1": (16, 16, 16)}


def test_a_parameter_may_carry_the_name_of_a_layer() -> None:
    head = "input: [4, 16, 16]\nblocks:\n  join:\n    params: {skip: }\n    layers:\n      - concat: [input, skip]\n"
    assert report(
        "  - {relu: , name: early}\n  - conv: {out: 3, kernel: 1}\n  - join: early\n", head
    ).row("join1.concat1").inputs == ("conv1", "early")  # type: ignore[union-attr]


def test_joins_with_branches() -> None:
    found = report(
        "  - concat:\n      a: []\n      b:\n        - conv: {out: 3, kernel: 3, padding: 1}\n        - relu\n      c: [maxpool: {kernel: 3, stride: 1, padding: 1}]\n"
    )
    assert paths(found) == ["concat1.b.conv1", "concat1.b.relu1", "concat1.c.maxpool1", "concat1"]
    assert found.rows[-1].output_shape == (11, 16, 16)
    assert found.rows[-1].inputs == ("input", "concat1.b.relu1", "concat1.c.maxpool1")


def test_only_an_axis_that_an_operator_made_one_broadcasts() -> None:
    gate = "  - mul:\n      x: []\n      gate:\n        - {}\n        - conv: {{out: 4, kernel: 1}}\n        - sigmoid\n"
    assert report(gate.format("globalavgpool")).rows[-1].output_shape == (4, 16, 16)
    bad = cnncalc.analyze(
        cnncalc.loads("input: [4, 16, 16]\nlayers:\n" + gate.format("conv: {out: 4, kernel: 16}"))
    )
    assert [d.code for d in bad.diagnostics] == ["CNN206"]


def test_share_counts_parameters_once_and_cost_each_time() -> None:
    head = "input: [4, 16, 16]\nblocks:\n  head:\n    layers:\n      - conv: {out: 4, kernel: 3, padding: 1}\n      - batchnorm\n"
    layers = "  - {head: , name: one}\n  - maxpool: 2\n  - {head: , name: two, share: one}\n"
    found = report(layers, head)
    assert found.totals.params == 4 * 4 * 9 + 4 + 8
    assert found.row("two.conv1").shared_with == "one.conv1"  # type: ignore[union-attr]
    assert found.row("two.conv1").macs == found.row("one.conv1").macs // 4  # type: ignore[union-attr]
    network = cnncalc.build(cnncalc.loads(f"{head}\nlayers:\n{layers}"))
    assert sum(p.numel() for p in network.parameters()) == found.totals.params


def test_several_inputs_and_outputs() -> None:
    spec = cnncalc.loads(
        "input: {left: [3, 8, 8], right: [2, 8, 8]}\nlayers:\n  - {conv: {out: 4, kernel: 3}, name: l}\n  - {conv: {out: 5, kernel: 3}, from: right, name: r}\n  - concat: [l, r]\noutputs: [concat1, r]\n"
    )
    found = cnncalc.analyze(spec)
    assert found.inputs == {"left": (3, 8, 8), "right": (2, 8, 8)}
    assert found.outputs == {"concat1": (9, 6, 6), "r": (5, 6, 6)}
    assert found.row("r").receptive_field.of == "right"  # type: ignore[union-attr]
    outputs = cnncalc.build(spec)(torch.randn(2, 3, 8, 8), torch.randn(2, 2, 8, 8))
    assert [tuple(y.shape) for y in outputs] == [(2, 9, 6, 6), (2, 5, 6, 6)]
    moved = cnncalc.analyze(spec, input={"left": (3, 9, 9), "right": (2, 9, 9)})
    assert moved.outputs["r"] == (5, 7, 7)


def test_variants_params_and_set() -> None:
    spec = cnncalc.loads(
        "input: [3, 8, 8]\nparams: {w: 4, k: w - 1}\nvariants: {wide: {params: {w: 6}, expect: {conv1: [6, 4, 4]}}}\nlayers:\n  - conv: {out: w, kernel: k}\n    expect: [4, 6, 6]\n"
    )
    assert cnncalc.analyze(spec).outputs == {"conv1": (4, 6, 6)}
    wide = cnncalc.analyze(spec, "wide")
    assert (wide.outputs, wide.diagnostics) == ({"conv1": (6, 4, 4)}, [])
    changed = cnncalc.analyze(spec, "wide", set={"k": 1})
    assert changed.outputs == {"conv1": (6, 8, 8)}
    assert [(d.code, d.severity) for d in changed.diagnostics] == [("CNN305", "note")]


def test_inplace_only_where_nothing_else_needs_the_input() -> None:
    found = report(
        "  - {conv: {out: 4, kernel: 1}, name: x}\n  - {relu: , name: y}\n  - add: [x, y]\n  - relu\n  - relu: {inplace: false}\n  - {sigmoid: , name: s}\n  - relu\n"
    )
    fresh = {row.path: row.activations > 0 for row in found.rows}
    # x is read twice; the sigmoid keeps its output for backward, which the last relu must not write over
    assert fresh == {
        "x": True,
        "y": True,
        "add1": True,
        "relu2": False,
        "relu3": True,
        "s": True,
        "relu4": True,
    }


def test_a_built_network_trains_through_its_inplace_layers() -> None:
    spec = cnncalc.loads(
        "input: [4, 8, 8]\nlayers:\n  - {conv: {out: 4, kernel: 1}, name: x}\n  - {relu: , name: y}\n  - add: [x, y]\n  - {tanh: , name: t}\n  - silu\n  - flatten\n  - relu\n"
    )
    network = cnncalc.build(spec).train()
    network(torch.randn(2, 4, 8, 8)).sum().backward()
    assert all(p.grad is not None for p in network.parameters())


NETWORKS = [(stem, spec, variant) for stem, spec in specs() for variant in members(spec)]


@pytest.mark.parametrize(
    ("stem", "spec", "variant"),
    NETWORKS,
    ids=[f"{stem}-{variant}" for stem, _, variant in NETWORKS],
)
def test_expand_gives_a_spec_with_the_same_figures(
    stem: str, spec: cnncalc.Spec, variant: str | None
) -> None:
    found = cnncalc.analyze(spec, variant)
    flat = cnncalc.analyze(cnncalc.loads(flat_spec(found.graph, found.name)))
    assert flat.ok, flat.diagnostics
    assert flat.totals == found.totals
    assert [row.output_shape for row in flat.rows] == [row.output_shape for row in found.rows]
    assert [row.receptive_field and row.receptive_field.size for row in flat.rows] == [
        row.receptive_field and row.receptive_field.size for row in found.rows
    ]


def test_names_that_torch_refuses() -> None:
    own = {name for name in dir(nn.Module()) if not name.startswith("_")} | {
        "training",
        "T_destination",
        "dump_patches",
        "call_super_init",
    }
    assert own <= MODULE_ATTRIBUTES
    assert name_fault("conv1") is None
    assert all(
        name_fault(name) for name in ("a b", "12", "input", "forward", "", "__class__", "a.b")
    )


@given(
    st.recursive(
        st.integers(0, 9).map(str),
        lambda part: st.one_of(
            st.tuples(part, st.sampled_from(["+", "-", "*", "//", "%", "<", "=="]), part).map(
                lambda t: f"({t[0]} {t[1]} {t[2]})"
            ),
            part.map(lambda p: f"-({p})"),
            st.tuples(part, part, part).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
            st.tuples(part, part).map(lambda t: f"max({t[0]}, {t[1]})"),
        ),
    )
)
def test_expressions_are_pythons_arithmetic(text: str) -> None:
    try:
        expected = eval(text, {"max": max})
    except ZeroDivisionError:
        with pytest.raises(ExpressionError):
            Expression(text).value({})
        return
    assert Expression(text).value({}) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7 / 2", Fraction(7, 2)),
        ("6 / 2", 3),
        ("1.1 * 10", 11),
        ("round(2.5)", 2),
        ("round(3.5)", 4),
        ("ceil_div(7, 2)", 4),
        ("make_divisible(32 * 1.1)", 32),
        ("make_divisible(16 * 1.4)", 24),
        ("len([1, 2, 3])", 3),
        ("[4, 5][1]", 5),
        ("${2 + 3}", 5),
        ("true and not false", True),
        ("'a' == 'a'", True),
        ("3 in [1, 3]", True),
    ],
)
def test_values_are_exact(text: str, value: object) -> None:
    found = Expression(text).value({})
    assert found == value
    assert isinstance(found, type(value))


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "().__class__",
        "[x for x in [1]]",
        "lambda: 1",
        "open('/etc/passwd')",
        "9**9**9",
        "'a' * 10**9",
        "[0] * 10**9",
        "f'{1}'",
        "a.b",
        "x := 1",
        "round(1, -10**9)",
        "1" + "+1" * 400,
        "1 if 2",
        "min(3)",
        "1 +",
        "10**18 * 10**18",
        "a[1:2]",
        "*[1]",
        "{1: 2}",
    ],
)
def test_what_expressions_may_not_do(text: str) -> None:
    with pytest.raises(ExpressionError):
        Expression(text).value({"a": (1, 2)})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("017", 17),
        ("1e3", 1000),
        ("on", "on"),
        ("yes", "yes"),
        ("3_1", "3_1"),
        ("0x10", 16),
        ("0o17", 15),
        (".5", Fraction(1, 2)),
        ("~", None),
        ("True", True),
        ("-3", -3),
        ("1.", 1),
    ],
)
def test_scalars_of_yaml_1_2(text: str, value: object) -> None:
    assert scalar(text) == value


def test_every_key_and_value_has_its_place() -> None:
    text = "a: [1, {b: two}]\nc:\n  - d: 3\n"
    data, marks = parse(text, "f")
    assert data == {"a": [1, {"b": "two"}], "c": [{"d": 3}]}
    assert marks.find("a", 1, "b").position("f")[1:] == (1, 12, 3)
    assert marks.find("a", 1).key("f", "b")[1:] == (1, 9, 1)
    assert marks.find("c", 0, "d").position("f")[1:] == (3, 8, 1)
