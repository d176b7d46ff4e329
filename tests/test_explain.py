"""`explain` shows every layer, in each format, and its formulas in LaTeX are right."""

from __future__ import annotations

import re

import pytest

import cnncalc
from cnncalc.analysis.explain import explain, explain_all
from cnncalc.render.formats.latex import Latex

from .command import run

NAMES = ("lenet5", "alexnet", "googlenet", "deeplabv3_resnet50", "unet")


@pytest.mark.parametrize("name", ["lenet5", "mobilenet_v3_small", "unet"])
def test_all_layers_are_explained_as_each_is(name: str) -> None:
    report = cnncalc.analyze(cnncalc.load(name))
    found = list(explain_all(report))
    assert [row for row, _ in found] == report.rows
    for row, lines in found[:: 1 if len(found) < 60 else 7]:
        assert lines == explain(report, row.path)


def test_without_a_layer_every_layer_is_shown() -> None:
    whole = run("explain", "lenet5").stdout
    blocks = whole.split("\n\n")
    report = cnncalc.analyze(cnncalc.load("lenet5"))
    assert [block.partition(":")[0] for block in blocks] == [row.path for row in report.rows]
    assert run("explain", "lenet5", "C3").stdout.strip() in whole
    assert run("explain", "resnet50", "stage1").stdout.startswith("stage1: a block\n")


def test_a_network_with_an_error_is_explained_up_to_it() -> None:
    text = "input: [3, 8, 8]\nlayers: [conv: {out: 2, kernel: 3}, maxpool: 9]\n"
    done = run("explain", "-", stdin=text)
    assert done.returncode == 1
    assert done.stdout.startswith("conv1: conv on input\n") and "maxpool" not in done.stdout
    assert "error[CNN204]" in done.stderr


def test_the_padding_of_same_is_shown_on_both_sides() -> None:
    text = "input: [3, 224, 225]\nlayers: [conv: {out: 2, kernel: 7, stride: 2, padding: same}]\n"
    lines = run("explain", "-", "conv1", stdin=text).stdout.splitlines()
    (size,) = [line for line in lines if line.startswith("  size")]
    assert "⌈224/2⌉ = 112, padded by 2 before and 3 after" in size
    assert "⌈225/2⌉ = 113, padded by 3 on each side" in size


def value(formula: str) -> float:
    """Compute a side of a formula in LaTeX."""
    text = formula.replace("{,}", "").replace(r"\cdot", "*")
    while r"\frac" in text:
        text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))", text)
    text = text.replace(r"\lceil", "ceil(").replace(r"\lfloor", "floor(")
    text = re.sub(r"\\r(ceil|floor)", ")", text)
    names = {"ceil": lambda x: -(-x // 1), "floor": lambda x: x // 1}
    return float(eval(text, names))


@pytest.mark.parametrize("name", NAMES)
def test_formulas_in_latex_are_right(name: str) -> None:
    page = run("explain", name, "--format", "latex").stdout
    fractions = tried = 0
    for line in page.splitlines():
        assert line.count("{") == line.count("}")
        formulas = re.findall(r"(?<!\\)\$(.*?)(?<!\\)\$", line)
        text = re.sub(r"(?<!\\)\$.*?(?<!\\)\$", "", line)
        assert not re.search(r"(?<!\\)[#$%_^~]", text), line
        for formula in formulas:
            fractions += r"\frac" in formula
            sides = formula.split("=")
            if len(sides) > 1 and not re.search(r"\\(times|to)", formula):
                assert value(sides[0]) == pytest.approx(value(sides[1]), abs=0.006), line
                tried += 1
    assert fractions > 2 and tried > 20


def test_no_character_of_a_name_is_a_command() -> None:
    page = Latex()
    page.heading(r"50% of \input{x} & $y_1^2$ ~ #")
    page.table([("a_b", r"(1 + 2)/3 = 1 \bad 12_3 {5")])
    assert page.written().splitlines() == [
        r"\paragraph{50\% of \textbackslash{}input\{x\} \& \$y\_1\textasciicircum{}2\$"
        r" \textasciitilde{} \#}",
        r"\begin{tabular}{@{}lp{0.8\linewidth}@{}}",
        r"a\_b & $\frac{1 + 2}{3} = 1$ \textbackslash{}bad 12\_3 \{$5$ \\",
        r"\end{tabular}",
    ]


def test_markdown_has_a_table_for_each_layer() -> None:
    page = run("explain", "lenet5", "--format", "markdown").stdout
    assert page.count("| quantity | arithmetic |") == 14
    assert "### C1: conv on input" in page
    assert "| size | (32 + 2·0 − 5)/1 + 1 = 28 |" in page


def test_a_part_of_a_path_names_the_layers_that_have_it() -> None:
    done = run("explain", "vgg16", "conv")
    assert done.returncode == 2
    assert "13 layers match: `conv1_1`, `conv1_2`, `conv2_1`, `conv2_2`, …" in done.stderr
    assert "53 layers match: `stem.conv1`, " in run("explain", "resnet50", "conv1").stderr
    assert "did you mean `conv1_1`?" in run("explain", "vgg16", "cnv1_1").stderr
