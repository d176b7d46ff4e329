"""Receptive fields that are hard to follow agree with gradients, or are said to be unknown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import cnncalc
from cnncalc.analysis.receptive_field import ReceptiveField
from cnncalc.analysis.result import Report, Row
from cnncalc.ops.upsample import nearest_sources
from cnncalc.torch_backend.verify.linearize import linear_values
from cnncalc.window import Field, Span, Unknown, hull

from .command import run
from .field_graphs import field_networks
from .graphs import networks
from .samples import yaml
from .settings import FIELDS

FOLDER = Path(__file__).parent / "fields"


class Gradients:
    """Finds what positions of layers see of the input, by gradients of the network made linear."""

    def __init__(self, report: Report, gated: bool = True):
        graph = report.graph
        shape = report.inputs["input"]
        self.x = torch.rand(1, *shape, dtype=torch.float64).add(0.5).requires_grad_()
        values = linear_values(graph, [self.x], len(graph.nodes) - 1, gated)
        self.layers: dict[str, list[Span]] = {}
        self.values = {node.path: y for node, y in zip(graph.nodes, values)}

    def seen(self, path: str, axis: int, position: int) -> list[Span]:
        """Return the first and last position on each input axis that one place of a layer sees."""
        return self._of(self.values[path].select(axis + 2, position).sum())

    def of_layer(self, path: str) -> list[Span]:
        """Return the same for all places of a layer together."""
        if path not in self.layers:
            self.layers[path] = self._of(self.values[path].sum())
        return self.layers[path]

    def _of(self, y: Tensor) -> list[Span]:
        if not y.requires_grad:
            return [None] * (self.x.dim() - 2)
        (found,) = torch.autograd.grad(y, self.x, retain_graph=True, allow_unused=True)
        return [ends(found, number) for number in range(self.x.dim() - 2)]


def ends(gradient: Tensor | None, axis: int) -> Span:
    """Return the first and the last position with a gradient."""
    if gradient is None:
        return None
    others = [a for a in range(gradient.dim()) if a != axis + 2]
    positions = gradient.abs().amax(others).nonzero().flatten().tolist()
    return (positions[0], positions[-1]) if positions else None


def predicted_spans(field: ReceptiveField, row: Row) -> Iterator[tuple[int, int, int, Span]]:
    """Yield for each input axis: it, the layer's axis, a middle position, and what that sees."""
    for number, seen in enumerate(field.axes):
        if isinstance(seen, Unknown):
            continue
        moving, span = None, None
        if seen is not None:
            moving, along = seen
        axis = min(number, len(row.output_shape) - 2) if moving is None else moving
        middle = row.output_shape[axis + 1] // 2
        span = (0, field.input_sizes[number] - 1) if seen is None else along.at(middle)
        yield number, axis, middle, span


def compare_fields(text: str, report: Report, gated: bool = True) -> int:
    """Compare the middle of every layer, and return how many spans had to be equal.

    A span that reaches into a padding, or past what an earlier layer cropped, is cut further on the
    way. It must only contain what is measured.
    """
    gradients, exact = Gradients(report, gated), 0
    for row in report.rows:
        for field in row.receptive_fields if gated else row.ungated_fields:
            for number, axis, middle, span in predicted_spans(field, row):
                measured = gradients.seen(row.path, axis, middle)[number]
                said = f"{row.path} sees {measured}, we say {span} on axis {number}\n{text}"
                size = field.input_sizes[number]
                if measured is None:
                    continue  # along another axis there is only padding
                assert span is not None, said
                assert span[0] <= measured[0] and measured[1] <= span[1], said
                below = hull([gradients.of_layer(path)[number] for path in row.inputs])
                inside = size // 8 <= span[0] and span[1] < size - size // 8
                if inside and below and below[0] <= span[0] and span[1] <= below[1]:
                    assert measured == span, said
                    exact += 1
    return exact


@pytest.mark.parametrize("gated", [True, False], ids=["strict", "without gates"])
def test_fields_that_are_hard_to_follow_agree_with_gradients(gated: bool) -> None:
    torch.manual_seed(0)
    found = field_networks(11 if gated else 12, FIELDS)
    exact = sum(compare_fields(text, report, gated) for text, report in found)
    assert exact > FIELDS


def test_fields_of_chains_and_joins_agree_with_gradients() -> None:
    torch.manual_seed(0)
    assert sum(compare_fields(text, report) for text, report in networks(1, FIELDS)) > FIELDS


def test_nearly_all_of_them_are_followed() -> None:
    """`?` is honest but does not help, so it must stay rare."""
    axes = [
        seen
        for _, report in field_networks(13, 60)
        for row in report.rows
        for field in row.receptive_fields
        for seen in field.axes
    ]
    assert sum(isinstance(seen, Unknown) for seen in axes) < len(axes) / 20


def test_the_comparison_can_fail() -> None:
    dense = "input: [1, 30]\nlayers:\n  - conv: {out: 1, kernel: 3}\n"
    report = cnncalc.analyze(cnncalc.loads(dense))
    other = cnncalc.analyze(cnncalc.loads(dense.replace("kernel: 3", "kernel: 5, padding: 1")))
    row = report.rows[0]._replace(receptive_fields=other.rows[0].receptive_fields)
    report.rows[0] = row
    with pytest.raises(AssertionError, match="we say"):
        compare_fields(dense, report)


SIZES = {
    "reshape": ("conv2", (3, 3)),
    "reshape-wide": ("conv1", (3,)),
    "aligned-corners": ("conv3", (12, 12)),
    "slice-of-concat": ("part", (3, 3)),
}


@pytest.mark.parametrize("name", SIZES)
def test_a_field_is_a_number_where_it_was_the_whole(name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text()
    report = cnncalc.analyze(cnncalc.loads(text))
    path, size = SIZES[name]
    assert report.row(path).receptive_field.size == size  # type: ignore[union-attr]
    compare_fields(text, report)


def test_verify_agrees_on_them() -> None:
    done = run("verify", *map(str, sorted(FOLDER.glob("*.yaml"))))
    assert done.returncode == 0, done.stdout + done.stderr


MIXED = yaml("""
    input: [1, 64]
    layers:
      - reshape: [1, 8, 8]
      - conv: {out: 2, kernel: 3}
      - globalavgpool
    """)


def test_an_unknown_field_is_reported_and_never_guessed() -> None:
    report = cnncalc.analyze(cnncalc.loads(MIXED))
    field = report.rows[1].receptive_field
    assert field is not None and field.size == (None,) and "several axes" in (field.unknown or "")
    assert report.receptive_field is None and report.not_followed == ("reshape1",)
    done = run("analyze", "-", "--format", "json", stdin=MIXED)
    data = json.loads(done.stdout)
    assert data["schema_version"] == 2
    assert data["layers"][1]["receptive_field"]["size"] == [None]
    assert data["layers"][1]["receptive_field"]["unknown"] == field.unknown
    table = run("analyze", "-", stdin=MIXED).stdout
    assert " ?\n" in table and "all" not in table.split("total")[0]


def test_a_budget_on_what_is_unknown_cannot_be_checked() -> None:
    text = MIXED + "budget: {at: {conv1: {receptive_field: {max: 9}}}}\n"
    done = run("check", "-", stdin=text)
    assert done.returncode == 1 and "CNN308" in done.stdout and "is unknown" in done.stdout
    assert run("analyze", "-", stdin=text).returncode == 0


GATED = yaml("""
    input: [3, 32, 32]
    layers:
      - conv: {out: 8, kernel: 3, padding: 1}
      - mul:
          x: []
          gate: [globalavgpool, {conv: {out: 8, kernel: 1}}, sigmoid]
      - conv: {out: 8, kernel: 5}
    budget:
      receptive_field_without_gates: {max: 7}
      at: {conv2: {receptive_field: {min: 32}}, mul1: {receptive_field_without_gates: {max: 2}}}
    """)


def test_the_field_without_gates_is_given_beside_the_strict_field() -> None:
    report = cnncalc.analyze(cnncalc.loads(GATED))
    last = report.rows[-1]
    assert last.receptive_field.size == ("all", "all")  # type: ignore[union-attr]
    assert last.receptive_field_without_gates.size == (7, 7)  # type: ignore[union-attr]
    assert [(budget.what, budget.ours, budget.verdict) for budget in report.budgets] == [
        ("receptive_field_without_gates", 7, "kept"),
        ("receptive_field", 32, "kept"),
        ("receptive_field_without_gates", 3, "exceeded"),
    ]


def test_a_minimum_that_fails_because_of_gates_names_the_field_without_them() -> None:
    bare = GATED.partition("    budget:")[0].partition("budget:")[0]
    for least, advised in ((7, True), (8, False)):
        done = run("check", "-", stdin=f"{bare}budget: {{receptive_field: {{min: {least}}}}}\n")
        error = done.stdout[done.stdout.index("error[CNN302]") :]
        assert "receptive_field is 3, but the budget is at least" in error
        help = "layers after `conv1` see the whole input through gates; without gates, the field"
        assert (help in error) == advised
        assert ("is 7: limit `receptive_field_without_gates` instead" in error) == advised


def test_nearest_positions_are_those_that_torch_copies() -> None:
    for n in range(1, 90, 2):
        x = torch.arange(n, dtype=torch.float32).reshape(1, 1, n)
        for m in range(1, 180, 7):
            copied = nn.functional.interpolate(x, size=m)[0, 0].int().tolist()
            assert nearest_sources(n, m, Fraction(n, m)) == copied, (n, m)


def test_what_floors_drop_is_not_the_whole() -> None:
    text = "input: [1, 7]\nlayers:\n  - maxpool: 2\n  - globalavgpool\n"
    report = cnncalc.analyze(cnncalc.loads(text))
    assert report.rows[1].receptive_field.size == (6,)  # type: ignore[union-attr]
    assert report.receptive_field[0] == "maxpool1"  # type: ignore[index]
    compare_fields(text, report)


@pytest.mark.parametrize("name", ["efficientnet_b0", "mobilenet_v3_large"])
def test_networks_with_squeeze_and_excite_have_a_field_of_use(name: str) -> None:
    report = cnncalc.analyze(cnncalc.load(name))
    _, ungated = report.receptive_field_without_gates or pytest.fail("no field")
    assert min(size for size in ungated.size if isinstance(size, int)) > 300


def test_work_is_bounded() -> None:
    """If many positions would have to be visited one by one, the field is not followed."""
    lines = ["  - conv: {out: 1, kernel: 9, padding: 4}", "    name: a"]
    lines += ["  - maxpool: 2", "  - upsample: {like: a, mode: linear, align_corners: true}"]
    lines += ["  - concat: [a, upsample1]"]
    lines += ["  - conv: {out: 1, kernel: 9, padding: 4}"] * 200
    report = cnncalc.analyze(cnncalc.loads("\n".join(["input: [1, 5001]", "layers:", *lines])))
    field = report.rows[-1].receptive_field
    assert field is not None and field.unknown and "too many positions" in field.unknown


TURNS = (
    "upsample: 2",
    "upsample: {scale: 3, mode: linear}",
    "conv_transpose: {out: 1, kernel: 3, stride: 2}",
    "conv_transpose: {out: 1, kernel: 5, stride: 3, padding: 1}",
)


@pytest.mark.parametrize("layer", TURNS)
def test_the_centre_is_the_mean_of_one_period_moved_back_to_the_first_position(layer: str) -> None:
    text = f"input: [1, 20]\nlayers:\n  - conv: {{out: 1, kernel: 3, stride: 2}}\n  - {layer}\n"
    report = cnncalc.analyze(cnncalc.loads(text))
    (field,) = report.rows[-1].receptive_fields
    (along,), (stride,) = field.fields, field.stride
    assert isinstance(along, Field) and stride is not None
    gradients, moved = Gradients(report), []
    for position in range(6, 6 + len(along.spans)):  # the borders cut nothing off in the middle
        (span,) = gradients.seen(report.rows[-1].path, 0, position)
        assert span is not None
        moved.append(Fraction(sum(span), 2) - position * stride)
    assert len(moved) > 1 and field.centre == (sum(moved) / len(moved),)


FOLDED = yaml("""
    input: [3, 24, 20]
    layers:
      - conv: {out: 4, kernel: 3, padding: 1}
      - unfold: {kernel: 4, stride: 2, padding: 1}
      - {BETWEEN}
      - fold: {size: [24, 20], kernel: 4, stride: 2, padding: 1}
    """)


def test_windows_that_are_folded_again_are_followed_where_all_channels_are_mixed() -> None:
    mixed = FOLDED.replace("{BETWEEN}", "conv: {out: 32, kernel: 1}")
    report = cnncalc.analyze(cnncalc.loads(mixed))
    # A position lies in two windows of 4 along each axis, which are 6 wide, and the first layer 3.
    assert report.rows[-1].receptive_field.size == (8, 8)  # type: ignore[union-attr]
    assert compare_fields(mixed, report)
    apart = FOLDED.replace("{BETWEEN}", "relu")
    (field,) = cnncalc.analyze(cnncalc.loads(apart)).rows[-1].receptive_fields
    assert all(isinstance(axis, Unknown) for axis in field.axes)


def test_blocks_that_are_put_back_by_position_are_not_followed() -> None:
    """Each position then reads its own place again, which a field of blocks does not say."""
    text = "input: [3, 16, 16]\nlayers: [pixel_unshuffle: 2, relu, pixel_shuffle: 2]\n"
    (field,) = cnncalc.analyze(cnncalc.loads(text)).rows[-1].receptive_fields
    assert all(isinstance(axis, Unknown) for axis in field.axes)


def test_a_map_that_becomes_a_sequence_and_a_map_again_is_followed() -> None:
    text = yaml("""
        input: [3, 9, 8]
        layers:
          - conv: {out: 4, kernel: 3}
          - flatten: 1
          - linear: {out: 2, over: channels}
          - reshape: [2, 7, 6]
          - conv: {out: 2, kernel: 3}
    """)
    report = cnncalc.analyze(cnncalc.loads(text))
    assert report.rows[-1].receptive_field.size == (5, 5)  # type: ignore[union-attr]
    assert compare_fields(text, report)
