"""Each word of the language does what it should."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from textwrap import indent

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnncalc
from cnncalc.language.expression import Expression, compiled
from cnncalc.language.expression_limits import ExpressionError
from cnncalc.language.module_attributes import MODULE_ATTRIBUTES
from cnncalc.language.names import name_fault
from cnncalc.language.values import ANY_WORD, AS_WRITTEN, NAMED, words_of
from cnncalc.language.write import flat_spec
from cnncalc.language.yaml_tree import parse, scalar
from cnncalc.ops import OPS

from .samples import FAMILIES, Bundled, yaml

INPUT = "input: [4, 16, 16]\n"


def spec_of(layers: str, head: str = INPUT) -> cnncalc.Spec:
    """Load a spec of a head and layers, each written as an indented block."""
    return cnncalc.loads(f"{yaml(head)}layers:\n{indent(yaml(layers), '  ')}")


def report(layers: str, head: str = INPUT) -> cnncalc.Report:
    """Analyze a spec that has no errors."""
    found = cnncalc.analyze(spec_of(layers, head))
    assert found.ok, found.diagnostics
    return found


def paths(found: cnncalc.Report) -> list[str]:
    return [row.path for row in found.rows]


def test_automatic_names_count_each_operator_in_source_order() -> None:
    layers = """
        - relu
        - conv: {out: 4, kernel: 1}
          when: false
        - relu
        - {conv: {out: 8, kernel: 1}, name: last}
        - conv: {out: 2, kernel: 1}
    """
    assert paths(report(layers)) == ["relu1", "relu2", "last", "conv3"]


def test_from_takes_another_layer_and_when_false_is_the_identity_on_it() -> None:
    layers = """
        - {conv: {out: 8, kernel: 1}, name: a}
        - {conv: {out: 2, kernel: 1}, name: b}
        - {relu: , from: a, when: false}
        - {conv: {out: 3, kernel: 1}, name: d}
    """
    assert report(layers).row("d").inputs == ("a",)  # type: ignore[union-attr]


def test_repeat_and_each_make_several_layers() -> None:
    found = report("""
        - conv: {out: 2 * (i + 1), kernel: 1}
          repeat: 3
        - conv: {kernel: 1}
          each: [{out: 5}, {out: 6, bias: false}]
    """)
    assert [(row.path, row.output_shape[0], row.biases) for row in found.rows] == [
        ("conv1.0", 2, 2),
        ("conv1.1", 4, 4),
        ("conv1.2", 6, 6),
        ("conv2.0", 5, 5),
        ("conv2.1", 6, 0),
    ]


def test_each_on_a_chain_gives_names_to_its_layers() -> None:
    found = report("""
        - chain:
            - conv: {out: w, kernel: k}
            - relu:
              when: k > 1
          each: [{w: 3, k: 1}, {w: 5, k: 3}]
          name: stage
    """)
    assert paths(found) == ["stage.0.conv1", "stage.1.conv1", "stage.1.relu1"]
    assert found.rows[1].output_shape == (5, 14, 14)


def test_blocks_have_scopes_of_their_own() -> None:
    head = """
        input: [4, 16, 16]
        params: {w: 3}
        blocks:
          b:
            params: {out: , k: w}
            layers:
              - conv: {out: out, kernel: k}
              - conv: {out: c, kernel: 1}
                name: back
              - add: [back, back]
    """
    layers = """
        - b: 7
        - b: {out: 2 * w, k: 1}
    """
    found = report(layers, head)
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
    head = """
        input: [4, 16, 16]
        blocks:
          twice:
            layers:
              - relu
              - concat: [relu1, input]
    """
    layers = """
        - twice
        - twice
    """
    assert report(layers, head).outputs == {"twice2.concat1": (16, 16, 16)}


def test_a_parameter_may_carry_the_name_of_a_layer() -> None:
    head = """
        input: [4, 16, 16]
        blocks:
          join:
            params: {skip: }
            layers:
              - concat: [input, skip]
    """
    layers = """
        - {relu: , name: early}
        - conv: {out: 3, kernel: 1}
        - join: early
    """
    joined = report(layers, head).row("join1.concat1")
    assert joined is not None
    assert joined.inputs == ("conv1", "early")


def test_joins_have_branches() -> None:
    found = report("""
        - concat:
            a: []
            b:
              - conv: {out: 3, kernel: 3, padding: 1}
              - relu
            c: [maxpool: {kernel: 3, stride: 1, padding: 1}]
    """)
    assert paths(found) == ["concat1.b.conv1", "concat1.b.relu1", "concat1.c.maxpool1", "concat1"]
    assert found.rows[-1].output_shape == (11, 16, 16)
    assert found.rows[-1].inputs == ("input", "concat1.b.relu1", "concat1.c.maxpool1")


def test_only_an_axis_that_an_operator_made_one_broadcasts() -> None:
    gated = """
        - mul:
            x: []
            gate:
              - globalavgpool
              - conv: {out: 4, kernel: 1}
              - sigmoid
    """
    assert report(gated).rows[-1].output_shape == (4, 16, 16)
    by_chance = gated.replace("globalavgpool", "conv: {out: 4, kernel: 16}")
    assert [d.code for d in cnncalc.analyze(spec_of(by_chance)).diagnostics] == ["CNN206"]


def test_share_counts_parameters_once_and_cost_each_time() -> None:
    head = """
        input: [4, 16, 16]
        blocks:
          head:
            layers:
              - conv: {out: 4, kernel: 3, padding: 1}
              - batchnorm
    """
    layers = """
        - {head: , name: one}
        - maxpool: 2
        - {head: , name: two, share: one}
    """
    found = report(layers, head)
    assert found.totals.params == 4 * 4 * 9 + 4 + 8
    one, two = found.row("one.conv1"), found.row("two.conv1")
    assert one is not None and two is not None
    assert two.shared_with == "one.conv1"
    assert two.macs == one.macs // 4
    network = cnncalc.build(spec_of(layers, head))
    assert sum(p.numel() for p in network.parameters()) == found.totals.params


def test_a_network_has_several_inputs_and_outputs() -> None:
    text = yaml("""
        input: {left: [3, 8, 8], right: [2, 8, 8]}
        layers:
          - {conv: {out: 4, kernel: 3}, name: l}
          - {conv: {out: 5, kernel: 3}, from: right, name: r}
          - concat: [l, r]
        outputs: [concat1, r]
    """)
    spec = cnncalc.loads(text)
    found = cnncalc.analyze(spec)
    assert found.inputs == {"left": (3, 8, 8), "right": (2, 8, 8)}
    assert found.outputs == {"concat1": (9, 6, 6), "r": (5, 6, 6)}
    assert found.row("r").receptive_field.of == "right"  # type: ignore[union-attr]
    moved = cnncalc.analyze(spec, input={"left": (3, 9, 9), "right": (2, 9, 9)})
    assert moved.outputs["r"] == (5, 7, 7)
    torch = pytest.importorskip("torch")
    outputs = cnncalc.build(spec)(torch.randn(2, 3, 8, 8), torch.randn(2, 2, 8, 8))
    assert [tuple(y.shape) for y in outputs] == [(2, 9, 6, 6), (2, 5, 6, 6)]


def test_variants_and_set_change_parameters() -> None:
    text = yaml("""
        input: [3, 8, 8]
        params: {w: 4, k: w - 1}
        variants:
          wide: {params: {w: 6}, expect: {conv1: [6, 4, 4]}}
        layers:
          - conv: {out: w, kernel: k}
            expect: [4, 6, 6]
    """)
    spec = cnncalc.loads(text)
    assert cnncalc.analyze(spec).outputs == {"conv1": (4, 6, 6)}
    wide = cnncalc.analyze(spec, "wide")
    assert (wide.outputs, wide.diagnostics) == ({"conv1": (6, 4, 4)}, [])
    changed = cnncalc.analyze(spec, "wide", set={"k": 1})
    assert changed.outputs == {"conv1": (6, 8, 8)}
    assert [(d.code, d.severity) for d in changed.diagnostics] == [("CNN305", "note")]


def test_layers_run_in_place_only_where_nothing_else_needs_the_input() -> None:
    found = report("""
        - {conv: {out: 4, kernel: 1}, name: x}
        - {relu: , name: y}
        - add: [x, y]
        - relu
        - relu: {inplace: false}
        - {sigmoid: , name: s}
        - relu
    """)
    fresh = {row.path: row.activations > 0 for row in found.rows}
    # No relu may write over x, which is read twice, or s, which the sigmoid keeps for backward.
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
    torch = pytest.importorskip("torch")
    layers = """
        - {conv: {out: 4, kernel: 1}, name: x}
        - {relu: , name: y}
        - add: [x, y]
        - {tanh: , name: t}
        - silu
        - flatten
        - relu
    """
    network = cnncalc.build(spec_of(layers, "input: [4, 8, 8]\n")).train()
    network(torch.randn(2, 4, 8, 8)).sum().backward()
    assert all(p.grad is not None for p in network.parameters())


@pytest.mark.parametrize("network", FAMILIES, ids=lambda network: network.name)
def test_expand_gives_a_spec_with_the_same_figures(network: Bundled) -> None:
    found = cnncalc.analyze(network.spec, network.variant)
    flat = cnncalc.analyze(cnncalc.loads(flat_spec(found.graph, found.name)))
    assert flat.ok, flat.diagnostics
    assert flat.totals == found.totals
    assert [row.output_shape for row in flat.rows] == [row.output_shape for row in found.rows]
    assert sizes(flat) == sizes(found)


def sizes(found: cnncalc.Report) -> list[object]:
    """Return the size of the receptive field of each row."""
    return [row.receptive_field and row.receptive_field.size for row in found.rows]


def test_names_that_torch_refuses_are_refused() -> None:
    nn = pytest.importorskip("torch.nn")
    own = {*dir(nn.Module()), *nn.Module.__annotations__}
    assert {name for name in own if not name.startswith("__")} <= MODULE_ATTRIBUTES
    assert name_fault("conv1") is None
    for name in ("a b", "12", "input", "forward", "", "__class__", "a.b"):
        assert name_fault(name)


def test_names_that_hold_layers_are_free_in_every_module_that_holds_layers() -> None:
    """No attribute of a network, a join or a plain module may be the name of a layer."""
    pytest.importorskip("torch")
    branches = "{a: [{conv: {out: 4, kernel: 1}}], b: [{conv: {out: 4, kernel: 1}}]}"
    joins = [op.key for op in OPS if op.joins() and op.key != "grid_sample"]  # it needs a grid
    layers = "\n".join(f"        - {key}: {branches}" for key in joins)
    network = cnncalc.build(spec_of(layers, "input: [4, 8, 8]\n"))
    holders = [module for module in network.modules() if module._modules]
    assert len(holders) > 8
    for module in holders:
        layers_in_it = set(module._modules)
        for name in {*dir(module), *vars(module)} - layers_in_it:
            assert name_fault(name), (type(module), name)


def test_every_accepted_name_works() -> None:
    """A layer, a branch and a layer in a block of this name are built, and found by their paths."""
    torch = pytest.importorskip("torch")
    names = ["key", "device", "class", "_conv", "_", "T", "a1", "weight", "bias", "module"]
    for name in names:
        layers = f"""
            - conv: {{out: 4, kernel: 1}}
              name: {name}
            - add: {{{name}: [{{conv: {{out: 4, kernel: 1}}, name: {name}}}], b: []}}
        """
        network = cnncalc.build(spec_of(layers, "input: [4, 8, 8]\n"))
        paths = dict(network.named_modules())
        assert isinstance(paths[name], torch.nn.Conv2d)
        assert isinstance(paths[f"add1.{name}.{name}"], torch.nn.Conv2d)
        assert getattr(network, name) is paths[name]


NUMBERS = st.tuples(
    st.integers(0, 10**9), st.text("0123456789", min_size=1, max_size=9), st.integers(-12, 8)
)


@given(NUMBERS)
def test_decimals_keep_all_their_digits(number: tuple[int, str, int]) -> None:
    whole, digits, exponent = number
    text = f"{whole}.{digits}e{exponent}"
    try:
        found = compiled(text).value({})
    except ExpressionError:
        value = Fraction(text)
        assert value > 10**18 or value.denominator > 10**18
    else:
        assert found == Fraction(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1e-400", "finer"),
        ("0.0000000000000000001", "finer"),
        ("1e-99999999999", "finer"),
        ("1e400", "beyond"),
        ("1e99999999999", "beyond"),
        ("999999999999999999999.5", "beyond"),
    ],
)
def test_numbers_beyond_the_limits_are_refused_and_not_rounded(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        compiled(text)


@pytest.mark.parametrize(
    "character", ["\0", "\x1b", "\x7f", "\ud800", "\udfff", "\ufffe", "\uffff"]
)
def test_characters_that_yaml_forbids_are_named_at_their_place(character: str) -> None:
    for text in (f'name: "é{character}b"\n{INPUT}', f"# wé {character}\n{INPUT}"):
        with pytest.raises(cnncalc.Mistake) as found:
            cnncalc.loads(text)
        (fault,) = found.value.diagnostics
        assert fault.position is not None
        assert (fault.code, fault.position.column) == ("CNN001", text.index(character) + 1)
        assert f"U+{ord(character):04X}" in fault.message


def test_decimals_that_no_float_holds_are_exact() -> None:
    assert compiled("9007199254740993.0 - 9007199254740992").value({}) == 1
    assert compiled("0.1 + 0.2 == 0.3").value({}) is True


def compound(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return an expression made of smaller ones."""
    operator = st.sampled_from(["+", "-", "*", "//", "%", "<", "=="])
    return st.one_of(
        st.tuples(part, operator, part).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        part.map(lambda p: f"-({p})"),
        st.tuples(part, part, part).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        st.tuples(part, part).map(lambda t: f"max({t[0]}, {t[1]})"),
    )


@given(st.recursive(st.integers(0, 9).map(str), compound))
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
def test_expressions_with_forbidden_parts_are_refused(text: str) -> None:
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
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    assert scalar(text) == value


def test_every_key_and_value_has_its_place() -> None:
    text = yaml("""
        a: [1, {b: two}]
        c:
          - d: 3
    """)
    data, marks = parse(text, "f")
    assert data == {"a": [1, {"b": "two"}], "c": [{"d": 3}]}
    assert marks.find("a", 1, "b").position("f")[1:] == (1, 12, 3)
    assert marks.find("a", 1).key("f", "b")[1:] == (1, 9, 1)
    assert marks.find("c", 0, "d").position("f")[1:] == (3, 8, 1)


IN_ORDER = {  # a body in the order of torch's arguments, for an input of 8×16×16
    "conv: [8, 16, 5]": "conv: {out: 16, kernel: 5}",
    "conv: [16, 5]": "conv: {out: 16, kernel: 5}",
    "conv: [8, 16, 5, 2, 2]": "conv: {out: 16, kernel: 5, stride: 2, padding: 2}",
    "conv_transpose: [8, 16, 2, 2]": "conv_transpose: {out: 16, kernel: 2, stride: 2}",
    "batchnorm: [8]": "batchnorm",
    "groupnorm: [4, 8]": "groupnorm: 4",
}


@pytest.mark.parametrize("written", IN_ORDER)
def test_a_body_in_the_order_of_torch_is_translated(written: str) -> None:
    head = "input: [8, 16, 16]\nlayers:\n  - "
    (found,) = cnncalc.analyze(cnncalc.loads(head + written)).diagnostics
    assert found.code == "CNN103" and f"write `{IN_ORDER[written]}`" in (found.help or "")
    assert cnncalc.analyze(cnncalc.loads(head + IN_ORDER[written])).ok
    lists = [head + f"{pool}: [3, 2]" for pool in ("maxpool", "avgpool", "globalavgpool\n  - pad")]
    assert all(cnncalc.analyze(cnncalc.loads(text)).ok for text in lists)


@pytest.mark.parametrize("field", ["dilation: same", "stride: valid", "out: full", "groups: zeros"])
def test_a_word_of_another_field_is_answered_with_what_the_field_takes(field: str) -> None:
    body = {"out": "2", "kernel": "2"} | dict([field.split(": ")])
    inner = ", ".join(f"{key}: {value}" for key, value in body.items())
    head = "input: [8, 16, 16]\nlayers:\n  - conv_transpose: "
    (found,) = cnncalc.analyze(cnncalc.loads(f"{head}{{{inner}}}")).diagnostics
    key, word = field.split(": ")
    assert found.code == "CNN103", found
    assert (
        found.message.startswith(f"`{key}` takes a") and f"not the word `{word}`" in found.message
    )
    used = cnncalc.loads(f"params: {{{word}: 1}}\n{head}{{{inner}}}")
    assert cnncalc.analyze(used).ok  # a parameter may have this name


def test_every_word_of_another_field_is_known_as_one() -> None:
    """That is looked up only for what may be a word: the expressions of a spec load nothing."""
    words = frozenset().union(*(listed for op in OPS for listed in words_of(op).values()))
    assert len(words - ANY_WORD - AS_WRITTEN - NAMED) > 30
    for word in words - ANY_WORD - AS_WRITTEN - NAMED:
        text = f"input: [8, 16, 16]\nlayers: [{{conv: {{out: 2, kernel: 2, stride: '{word}'}}}}]"
        (found,) = cnncalc.analyze(cnncalc.loads(text)).diagnostics
        assert f"not the word `{word}`" in found.message


def test_a_filter_of_one_axis_is_not_a_number_of_filters(tmp_path: Path) -> None:
    file = tmp_path / "one.cnn.yaml"
    file.write_text("input: [64, 64]\nlayers:\n  - conv: {out: 8, kernel: 5}\n")
    (checked,) = cnncalc.check(str(file))
    (found,) = [f.diagnostic for f in checked.findings if f.diagnostic.code == "CNN506"]
    assert found.message == (
        "filters of kernel 5 have 2,560 weights; 2 layers of kernel 3 see as much with 1,728"
    )
