"""Checkpoints: `checkpoint` in a spec, paths given beside it, and what torch then holds."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

import cnncalc
from cnncalc.analysis.freezing import freeze
from cnncalc.analysis.memory.checkpoints import GENERATOR, checkpoint, recomputed_macs
from cnncalc.graph import Graph
from cnncalc.torch_backend.build import assemble

from .samples import yaml
from .test_freezing import SEEDS, held_after_forward, measured

TEXT = yaml(
    """
    input: [3, 16, 16]
    params: {again: true}
    layers:
      - conv: {out: 4, kernel: 3, padding: 1}
      - chain:
          - relu
          - conv: {out: 4, kernel: 3, padding: 1}
          - batchnorm
          - relu
          - dropout: 0.3
          - add: {a: [{conv: {out: 4, kernel: 1}}], b: []}
        name: part
        checkpoint: again
      - relu
      - globalavgpool
      - flatten
      - linear: 5
    """
)


def gradients(again: bool) -> list[torch.Tensor]:
    torch.manual_seed(0)
    network = cnncalc.build(cnncalc.loads(TEXT), set={"again": again})
    torch.manual_seed(1)
    network(torch.randn(2, 3, 16, 16)).sum().backward()
    return [p.grad for p in network.parameters() if p.grad is not None]


def test_a_checkpoint_changes_no_gradient() -> None:
    for a, b in zip(gradients(True), gradients(False), strict=True):
        assert torch.equal(a, b)


def test_a_checkpoint_needs_no_more_at_inference() -> None:
    network = cnncalc.build(cnncalc.loads(TEXT)).eval()
    x = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        assert torch.equal(network(x), network(x))


def test_what_runs_again_is_counted() -> None:
    spec = cnncalc.loads(TEXT)
    report = cnncalc.analyze(spec)
    inside = sum(row.macs for row in report.group("part"))
    assert recomputed_macs(spec.graph()) == inside > 0
    assert recomputed_macs(spec.graph(set={"again": False})) == 0
    assert recomputed_macs(spec.graph(), 3) == 3 * inside


def test_a_value_inside_that_is_needed_outside_is_one_diagnostic() -> None:
    graph = cnncalc.loads(TEXT + "outputs: [linear1, part.batchnorm1]").graph()
    (fault,) = graph.diagnostics
    assert fault.code == "CNN103"
    assert fault.message.startswith("`part.batchnorm1` is inside a checkpoint")
    assert fault.position is not None and fault.position.line == 5


def test_checkpoints_do_not_overlap() -> None:
    text = TEXT.replace("- batchnorm", "- {batchnorm: , checkpoint: true}")
    (fault,) = cnncalc.loads(text).graph().diagnostics
    assert fault.message == "`part.batchnorm1` would be in two checkpoints"


def test_wrong_paths_are_reported() -> None:
    graph = cnncalc.load("resnet18").graph()
    with pytest.raises(cnncalc.Mistake) as caught:
        checkpoint(graph, ["stage1", "stag2", "stage1.basic1.0.add1.body"])
    found = [d.message for d in caught.value.diagnostics]
    assert found == ["no layer or block is called `stag2`"]


def matches(graph: Graph) -> bool:
    """Whether torch's peak is the predicted one."""
    peak = held_after_forward(graph, 2)[1]
    return abs(peak - measured(graph, 2)[1]) <= SEEDS * len(graph.outputs)


def test_torch_peaks_where_predicted_of_a_small_network() -> None:
    assert matches(cnncalc.loads(TEXT).graph())


@pytest.mark.parametrize(
    ("name", "paths", "frozen"),
    [
        ("resnet18", ["stage1"], []),
        ("resnet18", ["stage1", "stage2", "stage3", "stage4"], []),
        ("resnet18", ["stage1.basic1.0", "stage1.basic1.1", "stage2"], []),
        ("resnet18", ["stage1", "stage2", "stage3"], ["stem", "stage1"]),
        ("mobilenet_v2", ["stage1.1", "stage1.2", "stage1.3"], []),
    ],
)
def test_torch_peaks_where_predicted(name: str, paths: Sequence[str], frozen: list[str]) -> None:
    graph = cnncalc.load(name).graph(input=(3, 64, 64))
    freeze(graph, frozen)
    before = held_after_forward(graph, 2)[1]
    checkpoint(graph, paths)
    assert held_after_forward(graph, 2)[1] <= before + GENERATOR * len(paths)
    assert matches(graph)
    assert assemble(graph, "meta").checkpoints
