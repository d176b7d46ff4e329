"""A receptive field is called `all` only if it really sees the borders of the input."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
import torch

import cnncalc
from cnncalc.analysis.borders import Borders
from cnncalc.analysis.explain import explain
from cnncalc.bits import bits_of, members
from cnncalc.render.analyze import summary
from cnncalc.window import Map, Unknown

from .command import ROOT
from .settings import FIELDS
from .test_fields import Gradients


def _at_a_border(rng: random.Random) -> str:
    """Return a layer whose windows leave gaps, or reach past what was cropped or left over."""
    kernel = rng.randint(1, 5)
    return rng.choice(
        (
            f"conv: {{out: 1, kernel: {kernel}, stride: {rng.randint(1, 4)},"
            f" dilation: {rng.randint(1, 3)}, padding: {rng.randint(0, 4)}}}",
            f"maxpool: {{kernel: {kernel}, stride: {rng.randint(1, 4)}, padding: {kernel // 2}}}",
            f"pad: [[{rng.randint(0, 2)}, {rng.randint(0, 2)}]]",
            f"crop: {rng.randint(2, 9)}",
            f"slice: {{axis: 1, start: {rng.randint(0, 2)}, step: {rng.randint(1, 2)}}}",
            f"upsample: {rng.randint(2, 3)}",
            f"conv_transpose: {{out: 1, kernel: {kernel}, stride: {rng.randint(1, 3)}}}",
            "adaptiveavgpool: 3",
        )
    )


def _spec(rng: random.Random) -> str:
    lines = [f"input: [1, {rng.randint(5, 24)}]", "layers:"]
    lines += [f"  - {_at_a_border(rng)}" for _ in range(rng.randint(1, 5))]
    if rng.random() < 0.3:
        window = rng.choice((1, 3))
        lines += [
            "  - mul:",
            f"      x: [{{conv: {{out: 1, kernel: {window}, padding: {window // 2}}}}}]",
            "      gate: [globalavgpool, sigmoid]",
        ]
    elif rng.random() < 0.4:
        lines += [
            "  - add:",
            f"      a: [{{{_at_a_border(rng)}}}, globalavgpool]",
            f"      b: [{{{_at_a_border(rng)}}}, globalavgpool]",
        ]
    lines.append("  - globalavgpool")
    return "\n".join(lines) + "\n"


def test_a_field_is_all_exactly_where_gradients_reach_both_borders() -> None:
    torch.manual_seed(0)
    rng, covered, short = random.Random(5), 0, 0
    while covered + short < 3 * FIELDS:
        text = _spec(rng)
        report = cnncalc.analyze(cnncalc.loads(text))
        if not report.ok:
            continue
        row = report.rows[-1]
        (field,) = row.receptive_fields
        (seen,), (measured,) = field.axes, Gradients(report).of_layer(row.path)
        if measured is None or isinstance(seen, Unknown):
            continue
        whole = measured == (0, field.input_sizes[0] - 1)
        assert (seen is None) == whole, f"{field.size} is said, {measured} is seen\n{text}"
        covered, short = covered + whole, short + (not whole)
    assert covered > FIELDS / 2 and short > FIELDS / 2


BORDERS = {
    "gaps": (["conv: {out: 1, kernel: 1, stride: 3, padding: 1}"], 6, 4),
    "left over": (
        ["conv: {out: 1, kernel: 2, stride: 3}", "conv: {out: 1, kernel: 3, padding: 1}"],
        7,
        5,
    ),
    "cropped": (["crop: 4", "conv: {out: 1, kernel: 5, padding: 2}"], 8, 4),
}


@pytest.mark.parametrize("name", BORDERS)
def test_a_window_over_a_padding_does_not_prove_that_a_border_is_seen(name: str) -> None:
    layers, size, seen = BORDERS[name]
    text = "\n- ".join([f"input: [1, {size}]\nlayers:", *layers, "globalavgpool"])
    report = cnncalc.analyze(cnncalc.loads(text))
    (field,) = report.rows[-1].receptive_fields
    assert field.size == (seen,) and field.clipped == (seen,)


def test_the_convolution_that_leaves_a_row_over_shows_in_the_last_field() -> None:
    """SqueezeNet's first convolution, 7×7 at stride 2 without padding, never reads row 223."""
    report = cnncalc.analyze(cnncalc.load("squeezenet1_0"))
    field = report.row("globalavgpool1").receptive_field  # type: ignore[union-attr]
    assert field is not None and field.size == (223, 223)


HEAD = "input: [1, 28, 28]\nlayers:\n  - conv: {out: 8, kernel: 5, stride: 4}\n"
CLAIMS = {  # what `explain` says of the last layer; the convolution never reads pixels 25 to 27
    "flatten": (HEAD + "  - flatten\n", "– (a vector has no positions)"),
    "linear": (HEAD + "  - flatten\n  - linear: 10\n", "– (a vector has no positions)"),
    "pool": (HEAD + "  - globalavgpool\n", "25"),
    "whole": (HEAD.replace("28, 28", "29, 29") + "  - globalavgpool\n", "the whole input"),
    "vector": (
        "input: [8]\nlayers:\n  - reshape: [2, 2, 2]\n",
        "– (the input is a vector: it has no positions)",
    ),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_explain_claims_no_more_than_was_followed(name: str) -> None:
    text, claim = CLAIMS[name]
    report = cnncalc.analyze(cnncalc.loads(text))
    assert dict(explain(report, report.rows[-1].path))["field"] == claim


def test_explain_names_the_input_of_each_field() -> None:
    text = """
input: {a: [1, 28, 28], b: [1, 30, 30]}
layers:
  - globalavgpool:
    from: a
    name: gate
  - conv: {out: 1, kernel: 3, stride: 4}
    from: b
  - mul: [conv1, gate]
"""
    lines = explain(cnncalc.analyze(cnncalc.loads(text)), "mul1")
    found = [f"{what} {how}" for what, how in lines if how.startswith(("a: ", "b: "))]
    assert found == [
        "field b: 3",
        "jump b: 4",
        "centre b: 1, for the first output; padding 0",
        "field a: the whole input",
    ]


ENDS = {  # what the summary says about the layers after the last field that moves
    "[1, 7]": "later fields do not move along each axis",
    "[1, 1]": "later layers see the whole input",
    "[7, 7]": "the last layer with spatial axes",
}


@pytest.mark.parametrize("size", ENDS)
def test_the_summary_claims_no_more_than_was_followed(size: str) -> None:
    text = "input: [1, 28, 28]\nlayers:\n  - conv: {out: 1, kernel: 5, padding: 2}\n"
    report = cnncalc.analyze(cnncalc.loads(f"{text}  - adaptiveavgpool: {size}\n"))
    assert f"({ENDS[size]})" in str(dict(summary(report))["field"])


def _takes_some_channels(rng: random.Random, groups: int) -> str:
    return rng.choice(
        (
            f"slice: {{start: {rng.randint(0, 1)}, stop: {rng.randint(2, 4)}}}",
            f"slice: {{start: {rng.randint(0, 1)}, step: 2}}",
            f"conv: {{out: 4, kernel: 3, padding: 1, groups: {groups}}}",
            f"channelshuffle: {groups}",
            "pixelshuffle: 2",
            "permute: [1, 0]",
        )
    )


def _part_of_a_concat(rng: random.Random) -> str:
    """One branch has lost the borders, and only some of the channels are read."""
    size, lost = rng.randint(9, 16), rng.randint(1, 3)
    joined = rng.choice(("concat", "concat", "add"))
    return "\n".join(
        [
            f"input: [{rng.choice((1, 2))}, {size}]",
            "layers:",
            "  - conv: {out: 2, kernel: 1}",
            f"  - {joined}:",
            f"      a: [{{crop: {size - 2 * lost}}}, {{pad: {lost}}}]",
            "      b: [{conv: {out: 2, kernel: 1}}]",
            "  - concat:",
            "      c: []",
            f"      d: [{{{_takes_some_channels(rng, 2)}}}]",
            *[f"  - {_takes_some_channels(rng, 2)}" for _ in range(rng.randint(0, 2))],
            f"  - slice: {{start: {rng.randint(0, 1)}, stop: {rng.randint(2, 3)}}}",
            f"  - {rng.choice(('conv: {out: 2, kernel: 9, padding: 4}', 'relu', 'batchnorm'))}",
            *["  - slice: {stop: 1}"] * rng.randint(0, 1),
            "  - globalavgpool\n",
        ]
    )


def test_all_is_not_claimed_of_a_branch_because_of_what_another_one_sees() -> None:
    torch.manual_seed(0)
    rng, told, followed = random.Random(6), 0, 0
    while told < 2 * FIELDS:
        text = _part_of_a_concat(rng)
        report = cnncalc.analyze(cnncalc.loads(text))
        if not report.ok:
            continue
        told += 1
        row = report.rows[-1]
        (seen,), size = row.receptive_fields[0].axes, row.receptive_fields[0].input_sizes[0]
        measured = Gradients(report).of_layer(row.path)[0]
        assert seen is not None or measured == (0, size - 1), f"{measured} is seen\n{text}"
        if not isinstance(seen, Unknown):
            followed += 1
            whole = measured == (0, size - 1)
            assert whole == (seen is None), f"{measured} is seen, not {seen}\n{text}"
    assert followed > told / 2


def test_layers_that_see_the_same_everywhere_are_followed_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ResNeSt-200 at one position, where each of 1,700 layers seems to see the whole input."""
    steps = Counter[str]()
    original = Borders._steps

    def counted(self: Borders, *arguments: Any) -> Any:
        steps["taken"] += 1
        return original(self, *arguments)

    monkeypatch.setattr(Borders, "_steps", counted)
    text = (ROOT / "specs" / "resnest.yaml").read_text("utf-8").replace("radix: 2", "radix: 1")
    first = "groups: groups, bias: false}\n"
    text = text.replace(first, f"{first}      - conv: {{out: c, kernel: 1, stride: w}}\n", 1)
    report = cnncalc.analyze(cnncalc.loads(text), "resnest200")
    assert report.complete and len(report.rows) > 1500
    assert 0 < steps["taken"] < 60_000


def test_positions_that_are_read_together() -> None:
    """They are those that each output reads, within the input."""
    rng = random.Random(3)
    for _ in range(2000):
        kernel, stride, dilation = rng.randint(1, 4), rng.randint(1, 4), rng.randint(1, 2)
        window = Map.window(kernel, stride, rng.randint(0, 3), dilation)
        transposed = Map.transposed(kernel, stride, rng.randint(0, 1), dilation)
        assert isinstance(transposed, Map)
        n, first = rng.randint(1, 20), rng.randint(0, 9)
        some = range(first, first + rng.randint(0, 9), rng.randint(1, 2))
        for reads in (window, transposed, Map.adaptive(n, 3)):
            assert isinstance(reads, Map)
            one_by_one = {m for j in some for m in reads.read_by(j) if 0 <= m < n}
            assert {*members(reads.read_within(bits_of(some), n))} == one_by_one
