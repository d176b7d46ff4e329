"""Single repairs show the right one first; `--fix-all` applies some and leaves others to people."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnncalc.checking.config import Config
from cnncalc.checking.finding import Checked
from cnncalc.checking.fix import apply_fixes, with_certain_fixes, with_chosen_fixes
from cnncalc.checking.repair.edited_text import EditedText
from cnncalc.checking.run import Job, check_text

from .command import ROOT
from .mistakes import CASES
from .samples import yaml


def check(text: str) -> Checked:
    """Return what `check` finds in a text."""
    return check_text(text, "<text>", None, Job(Config()))


def repairs(text: str) -> list[str]:
    """Return the help of the only error of a text, one entry for each repair."""
    (found,) = [d.diagnostic for d in check(text).findings if d.diagnostic.severity == "error"]
    assert found.help
    return found.help.split("; or ")


def applied(text: str) -> str:
    """Return the text after all that `--fix-all` applies."""
    now = with_certain_fixes(text, check).text
    return with_certain_fixes(with_chosen_fixes(now, check, None).text, check).text


def unet(size: str, depth: int, up: str, params: str = "") -> str:
    """Return a U-Net whose maps keep their size between the pools."""
    down, back = [], []
    for n in range(depth):
        down += [f"  - {{double: {8 * 2**n}, name: enc{n}}}", "  - maxpool: 2"]
        back += [f"  - {{up: {{out: {8 * 2**n}, skip: enc{n}}}}}"]
    lines = [
        f"input: [1, {size}]",
        *([params] if params else []),
        "blocks:",
        "  double:",
        "    params: {out: }",
        "    layers:",
        "      - {conv: {out: out, kernel: 3, padding: 1}, repeat: 2}",
        "  up:",
        "    params: {out: , skip: }",
        "    layers:",
        f"      - {{{up}, name: lift}}",
        "      - concat: [skip, lift]",
        "      - double: out",
        "layers:",
        *down,
        f"  - {{double: {8 * 2**depth}, name: bottom}}",
        *reversed(back),
        "  - conv: {out: 2, kernel: 1}",
    ]
    return "\n".join(lines) + "\n"


TRANSPOSED = "conv_transpose: {out: out, kernel: 2, stride: 2}"


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (unet("222, 222", 4, TRANSPOSED), "1×208×208 or 1×224×224, or another multiple of 16"),
        (unet("100, 100", 4, "upsample: 2"), "1×96×96 or 1×112×112, or another multiple of 16"),
        (unet("100, 100", 3, "upsample: 2"), "1×96×96 or 1×104×104, or another multiple of 8"),
        (unet("100, 90", 3, TRANSPOSED), "1×96×88, or another multiple of 8"),
        (unet("47", 3, TRANSPOSED), "1×40 or 1×48, or another multiple of 8"),
    ],
)
def test_input_sizes_that_fit_come_first(text: str, first: str) -> None:
    shown = repairs(text)
    assert shown[0].startswith(f"an input of {first}")
    assert applied(text) == text


def test_a_size_is_changed_where_it_is_written() -> None:
    text = unet("size, size", 4, TRANSPOSED, "params: {size: 222}")
    assert repairs(text)[0].startswith("an input of 1×208×208 or 1×224×224")
    (error,) = [f.diagnostic for f in check(text).findings if f.diagnostic.severity == "error"]
    assert error.fix and [edit.text for edit in error.fix.edits] == ["224"]


def test_rows_that_a_stride_lost_are_restored_or_cropped() -> None:
    text = (CASES / "repair-unet-odd.yaml").read_text("utf-8")
    assert repairs(text) == [
        "an input of 1×30×30 or 1×32×32, or another multiple of 2",
        "`output_padding: 1` at `up` gives 8×31×31",
        "`- crop: {like: up}` with `from: skip` before it, joined instead of `skip`, gives 8×30×30",
    ]
    assert applied(text) == text
    one_axis = text.replace("31, 31", "32, 31")
    assert "`output_padding: [0, 1]` at `up` gives 8×32×31" in repairs(one_axis)


def test_the_earlier_layer_of_the_right_size_is_offered_first() -> None:
    text = (CASES / "repair-yolo-wrong-skip.yaml").read_text("utf-8")
    shown = repairs(text)
    assert shown[0] == "`p4` instead of `p3` gives 384×40×40"
    assert not any("crop" in one for one in shown)
    assert applied(text) == text


def test_the_branch_that_differs_from_two_others_is_repaired() -> None:
    text = yaml("""
        input: [8, 16, 16]
        layers:
          - concat:
              a: [{conv: {out: 8, kernel: 3, padding: 1}}]
              b: [{conv: {out: 8, kernel: 5, padding: 1}}, relu, relu, relu]
              c: [{conv: {out: 8, kernel: 1}}]
    """)
    assert repairs(text)[0].startswith("`padding: 2` at `concat1.b.conv1` gives 24×16×16")


def test_what_changes_a_block_used_elsewhere_says_so() -> None:
    text = unet("2 * half, 2 * half", 3, TRANSPOSED, "params: {half: 50}")
    (crop,) = repairs(text)
    assert crop.startswith("`- crop: {like: lift}`")
    assert crop.endswith(", but it changes every use of block `up`")
    assert applied(text + "  - globalavgpool\n") == text + "  - globalavgpool\n"


def test_no_stride_is_added_where_only_a_border_is_lost() -> None:
    text = yaml("""
        input: [4, 9, 9]
        layers:
          - {conv: {out: 4, kernel: 3}, name: a}
          - {conv: {out: 4, kernel: 3}, name: b}
          - {add: [b, input]}
    """)
    assert not any("stride" in one for one in repairs(text))


SETTLED = yaml("""
    input: [3, 8, 8]
    layers:
      - conv: {out: 8, kernel: 3}
      - maxpool: {kernel: 2, padding: 2}
      - globalavgpool
      - flatten
      - linear: 10
""")


def test_a_choice_is_applied_where_no_output_depends_on_it() -> None:
    assert applied(SETTLED) == SETTLED.replace("padding: 2", "padding: 1")
    dense = SETTLED.partition("  - globalavgpool")[0]
    assert applied(dense) == dense
    stated = dense.rstrip("\n") + "\n    expect: [8, 4, 4]\n"
    assert "expect: [8, 4, 4]" in applied(stated)
    assert applied(stated) != stated


def test_nothing_is_applied_beside_an_error_without_repair() -> None:
    text = SETTLED.replace("  - linear: 10", "  - warp\n  - linear: 10")
    assert applied(text) == text


def test_a_word_that_nobody_knows_is_not_guessed() -> None:
    text = SETTLED.replace("maxpool: {kernel: 2, padding: 2}", "blurpool: 2")
    assert applied(text) == text


def test_a_name_is_respelled_only_where_its_letters_are_the_same() -> None:
    text = yaml("""
        input: [3, 8, 8]
        layers:
          - {conv: {out: 8, kernel: 1}, name: here}
          - relu
          - concat: [NAME, relu1]
    """)
    swapped, lacking = text.replace("NAME", "hree"), text.replace("NAME", "there")
    assert applied(swapped) == text.replace("NAME", "here")
    assert applied(lacking) == lacking


STRIDED_BODY = """
input: [16, 32, 32]
layers:
  - add:
      body:
        - conv: {out: 32, kernel: 3, stride: 2, padding: 1}
        - relu
        - conv: {out: 32, kernel: 3, padding: 1}
      shortcut:
        - conv: {out: 32, kernel: 1}
"""
STRIDED_BLOCKS = """
input: [3, 32, 32]
blocks:
  conv_bn:
    params: {out: , kernel: 1, stride: 1, padding: 0}
    layers:
      - conv: {out: out, kernel: kernel, stride: stride, padding: padding, bias: false}
      - batchnorm
  res:
    params: {out: , stride: 1}
    layers:
      - add:
          body:
            - conv_bn: {out: out, kernel: 3, stride: stride, padding: 1}
            - relu
            - conv_bn: {out: out, kernel: 3, padding: 1}
          shortcut:
            - conv_bn: out
      - relu
layers:
  - res: 16
  - res: {out: 32, stride: 2}
"""


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (STRIDED_BODY, "`stride: 2` at `add1.shortcut.conv1` gives 32×16×16"),
        (
            STRIDED_BLOCKS,
            "`stride: stride` at `res2.add1.shortcut.conv_bn1.conv1` gives 32×16×16",
        ),
    ],
)
def test_a_projection_gets_its_stride_before_another_is_appended(text: str, first: str) -> None:
    found = repairs(text)
    assert found[0] == first
    for appended in found[1:]:
        assert "on branch" not in appended
    (error,) = [d.diagnostic for d in check(text).findings if d.diagnostic.severity == "error"]
    assert error.fix
    assert not check(apply_fixes(text, [error.fix])).count("error")


def test_what_is_appended_to_a_branch_is_called_so() -> None:
    text = STRIDED_BODY.replace("{out: 32, kernel: 1}", "{out: 16, kernel: 1}")
    (first, *_) = repairs(text)
    assert first.startswith("`conv: {out: 32, kernel: 1, stride: 2}` appended to branch `shortcut`")


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests" / "bad").glob("*.yaml"))[::3], ids=lambda path: path.stem
)
def test_repairs_have_the_line_ends_of_the_file(path: Path) -> None:
    text = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n").decode("utf-8")
    edited = EditedText(text)
    for finding in check_text(text, path.name, None, Job(Config())).findings:
        for fix in finding.fixes:
            after = edited.apply(fix.edits).text
            assert after.count("\r") == after.count("\r\n") == after.count("\n"), fix
