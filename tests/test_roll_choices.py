"""What a rolled text says where several things would be right: what people choose."""

from __future__ import annotations

import re
from textwrap import indent

import cnncalc
from cnncalc.convert.roll import rolled_spec
from cnncalc.convert.roll.checking import is_same
from cnncalc.convert.roll.names import plain_name


def text_of(blocks: str, layers: str, input: str = "[8, 32, 32]") -> str:
    """Return the rolled text of a network, after a comparison of both."""
    blocks, layers = indent(blocks.strip("\n"), "  "), indent(layers.strip("\n"), "  ")
    spec = cnncalc.loads(f"input: {input}\nblocks:\n{blocks}\nlayers:\n{layers}\n")
    graph = spec.graph()
    assert spec.ok and not graph.diagnostics, (spec.diagnostics, graph.diagnostics)
    text = rolled_spec(graph, "net").text
    assert is_same(cnncalc.loads(text).graph(), graph)
    return text


UNIT = """
unit:
  params: {out: , kernel: 3, act: true, norm: true}
  layers:
    - conv: {out: out, kernel: kernel, padding: kernel // 2, bias: false}
    - batchnorm
    - {relu: , when: act}
"""


def test_an_activation_that_only_1x1_convolutions_have_is_a_switch() -> None:
    """It could be `when: kernel == 1`, which is right here and wrong with another kernel."""
    layers = """
- {unit: {out: 16, kernel: 1}, name: unit_a}
- {unit: {out: 16, kernel: 3, act: false}, name: unit_b}
- {unit: {out: 24, kernel: 1}, name: unit_c}
- {unit: {out: 24, kernel: 5, act: false}, name: unit_d}
- {unit: {out: 32, kernel: 1}, name: unit_e}
- {unit: {out: 48, kernel: 3, act: false}, name: unit_f}
- {unit: {out: 64, kernel: 1}, name: unit_g}
"""
    text = text_of(UNIT.replace(", norm: true", ""), layers)
    assert "{relu: , when: act}" in text and "kernel ==" not in text


GATED = """
gate:
  params: {squeezed: }
  layers:
    - mul:
        x: []
        gate:
          - globalavgpool
          - conv: {out: squeezed, kernel: 1}
          - relu
          - conv: {out: c, kernel: 1}
          - sigmoid
unit:
  params: {out: , se: 0}
  layers:
    - conv: {out: out, kernel: 3, padding: 1}
    - batchnorm
    - {gate: se, when: se > 0}
    - relu
"""


def test_what_only_an_optional_step_needs_says_whether_it_is_there() -> None:
    layers = """
- unit: 16
- unit: {out: 16, se: 5}
- unit: 24
- unit: {out: 24, se: 7}
- unit: {out: 32, se: 7}
"""
    text = text_of(GATED, layers)
    assert re.search(r"params: \{out: , (\w+): 0\}", text), text
    assert re.search(r"- \{gate: (\w+), when: \1 > 0\}", text), text


ACTS = """
unit:
  params: {out: , act: relu}
  layers:
    - conv: {out: out, kernel: 3, padding: 1}
    - {relu: , when: act == 'relu'}
    - {hardswish: , when: act == 'hardswish'}
    - batchnorm
    - {relu: , when: act == 'relu'}
    - {hardswish: , when: act == 'hardswish'}
"""


def test_activations_that_take_turns_are_a_word() -> None:
    layers = """
- {unit: 16, repeat: 2}
- {unit: {out: 24, act: hardswish}, repeat: 3}
- unit: 32
"""
    text = text_of(ACTS, layers)
    assert text.count("{relu: , when: act == 'relu'}") == 2
    assert text.count("{hardswish: , when: act == 'hardswish'}") == 2
    assert "{unit: {out: 24, act: hardswish}, repeat: 3}" in text


INNER = """
tree:
  params: {out: , skip: }
  layers:
    - {conv: {out: out, kernel: 1}, name: left}
    - relu
    - {conv: {out: out, kernel: 1}, name: right}
    - {concat: [left, right, skip], name: all}
    - batchnorm
twice:
  params: {out: }
  layers:
    - {relu: , name: before}
    - {sigmoid: , name: left}
    - {tree: {out: out, skip: input}, from: before}
    - {tree: {out: out, skip: left}}
"""


def test_a_block_is_not_given_the_input_of_the_block_around_it() -> None:
    """Inside it, `input` is its own, and `left` too: names must differ, or the block cannot be."""
    layers = "- {twice: 4, name: a}\n- {twice: 6, name: b}\n- {twice: 8, name: c}\n- relu\n"
    spec_like = INNER.replace("{out: out, skip: input}", "{out: out, skip: before}")
    for blocks in (spec_like.replace("skip: left}}", "skip: before}}"), spec_like):
        with_names = blocks.replace("{sigmoid: , name: left}", "{sigmoid: , name: gate}")
        with_names = with_names.replace("skip: left}}", "skip: gate}}")
        text_of(with_names, layers)


FORKED = """
fused:
  params: {out: }
  layers:
    - {conv: {out: c, kernel: 3, padding: 1}, name: one}
    - {conv: {out: c, kernel: 3, padding: 1}, name: two}
    - {add: [one, input], name: mixed}
    - {concat: [mixed, two, input], name: all}
    - conv: {out: out, kernel: 1}
"""


def test_layers_that_no_branch_can_hold_are_joined_by_name() -> None:
    text = text_of(FORKED, "- fused: 8\n- fused: 12\n- fused: 16\n")
    assert "- concat: [" in text and "input]" in text


def test_a_shortcut_has_the_stride_of_its_block() -> None:
    """All shortcuts have stride 2 here; a literal would be right by accident."""
    block = """
basic:
  params: {out: , stride: 1}
  layers:
    - add:
        body:
          - conv: {out: out, kernel: 3, stride: stride, padding: 1}
          - relu
          - conv: {out: out, kernel: 3, padding: 1}
        shortcut:
          - {conv: {out: out, kernel: 1, stride: stride}, when: stride > 1 or c != out}
    - relu
"""
    text = text_of(
        block, "- basic: 8\n- basic: {out: 16, stride: 2}\n- basic: {out: 32, stride: 2}"
    )
    assert "{conv: {out: out, kernel: 1, stride: stride}, when: stride > 1 or c != out}" in text


def test_two_calls_with_other_strides_are_two_lines() -> None:
    layers = "- unit: {out: 16}\n- unit: {out: 16, kernel: 5}\n- unit: 16\n- unit: 24\n"
    text = text_of(UNIT.replace(", norm: true", ""), layers)
    assert "i == 0" not in text


def test_inputs_keep_their_names() -> None:
    layers = "- {unit: 8, from: image}\n- {unit: 8, from: mask, name: m}\n- sub: [unit1, m]\n"
    text = text_of(
        UNIT.replace(", norm: true", ""), layers, "{image: [3, 16, 16], mask: [1, 16, 16]}"
    )
    assert "input: {image: [3, 16, 16], mask: [1, 16, 16]}" in text


CLASSES = {
    "InvertedResidual": "inverted_residual",
    "ConvNeXtBlock": "conv_next_block",
    "SEModule": "se_module",
    "layer1": "layer",
    "Mixed_5b": "mixed",
    "denselayer12": "denselayer",
    "0": "",
}


def test_names_of_modules_become_words() -> None:
    assert {name: plain_name(name) for name in CLASSES} == CLASSES


def test_parts_of_the_channels_are_fractions_of_them() -> None:
    """Five eighths pass by; the parts are not widths that the caller has to know."""
    block = """
mix:
  layers:
    - {slice: 5 * c // 8, name: passing}
    - {slice: {start: 5 * c // 8}, from: input}
    - conv: {out: 3 * c // 8, kernel: 3, padding: 1}
    - {relu: , name: changed}
    - concat: [passing, changed]
"""
    layers = "- mix\n- conv: {out: 16, kernel: 1}\n- mix\n- conv: {out: 32, kernel: 1}\n- mix\n"
    text = text_of(block, layers)
    assert "slice: 5 * c // 8" in text and "out: 3 * c // 8" in text
