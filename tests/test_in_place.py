"""In-place layers and copies of views are right in cases that once failed, and in training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

import cnncalc
from cnncalc.analysis.explain import explain
from cnncalc.analysis.memory.in_place import written_over
from cnncalc.analysis.memory.storage import memory
from cnncalc.graph import Graph
from cnncalc.num import product
from cnncalc.ops.kept import Backward
from cnncalc.torch_backend.build import as_tuple, assemble
from cnncalc.torch_backend.verify.verify import verify

from .functional import evaluate
from .samples import yaml

GOOD = Path(__file__).parent / "good"


def graph_of(block: str) -> Graph:
    return cnncalc.loads(yaml(block)).graph()


def index(graph: Graph, path: str) -> int:
    return next(n for n, node in enumerate(graph.nodes) if node.path == path)


@pytest.mark.parametrize("batch", [1, 3])
def test_what_was_sliced_and_flattened_is_not_written_over(batch: int) -> None:
    spec = cnncalc.load(GOOD / "build-inplace-flatten.yaml")
    network = assemble(spec.graph(), dtype=torch.float64).eval()
    x = torch.randn(batch, 4, 6, 6, dtype=torch.float64)
    with torch.no_grad():
        values = evaluate(spec.graph(), network, [x])
        assert torch.equal(network(x.clone()), values[-1])
    assert verify(spec, batch=batch).ok


def test_a_map_with_channels_last_is_copied_by_flatten() -> None:
    spec = cnncalc.load(GOOD / "memory-layernorm-flatten.yaml")
    row = cnncalc.analyze(spec).row("flatten1")
    assert row is not None and row.activation_bytes == 384
    assert verify(spec).ok


@pytest.mark.parametrize(
    ("taken", "copied", "how"),
    [
        ("{stop: 2}", 0, "a view of its input: 0 more"),
        ("{axis: 1, stop: 2}", 192, "= 192 bytes"),
    ],
)
def test_flatten_views_the_first_channels_and_copies_the_first_rows(
    taken: str, copied: int, how: str
) -> None:
    spec = cnncalc.loads(f"input: [4, 6, 6]\nlayers:\n  - slice: {taken}\n  - flatten\n")
    for batch in (1, 2):
        report = cnncalc.analyze(spec, batch=batch)
        assert report.rows[-1].activation_bytes == batch * copied
        assert verify(spec, batch=batch).ok
    (memory_line,) = [
        line for line in explain(cnncalc.analyze(spec), "flatten1") if how in line.how
    ]
    assert memory_line.what == "memory"


@pytest.mark.parametrize(
    "layers",
    [
        "[permute: [0, 2, 1], permute: [0, 2, 1], flatten]",
        "[permute: [0, 2, 1], slice: {axis: 1, stop: 3}, permute: [0, 2, 1], flatten]",
        "[slice: {axis: 1, start: 1}, flatten]",
        "[layernorm: channels, relu, flatten]",
        "[layernorm: channels, conv: {out: 2, kernel: 1}, maxpool: 2, flatten]",
    ],
)
def test_verify_agrees_on_flattened_views(layers: str) -> None:
    written = f"input: [4, 6, 6]\nlayers:\n  - conv: {{out: 4, kernel: 1}}\n  - chain: {layers}\n"
    for batch in (1, 2):
        assert verify(cnncalc.loads(written), batch=batch).ok


def test_an_output_named_twice_is_returned_twice() -> None:
    written = "input: [3, 8, 8]\nlayers:\n  - conv: {out: 4, kernel: 3}\n    name: c\n"
    spec = cnncalc.loads(written + "outputs: [c, c]\n")
    assert len(cnncalc.build(spec)(torch.randn(1, 3, 8, 8))) == 2
    assert verify(spec).ok


def homes_in_training(graph: Graph) -> dict[str, str]:
    homes = memory(graph, training=True).homes
    return {node.path: graph.nodes[homes[n]].path for n, node in enumerate(graph.nodes)}


def test_a_dropout_in_place_writes_in_training_alone() -> None:
    graph = graph_of("""
        input: [3, 8, 8]
        layers:
          - conv: {out: 4, kernel: 3}
          - dropout: {inplace: true}
          - conv: {out: 4, kernel: 3}
          - dropout
    """)
    homes = homes_in_training(graph)
    assert homes["dropout1"] == "conv1" and homes["dropout2"] == "dropout2"
    assert memory(graph).homes == [0, 1, 1, 3, 3]


@pytest.mark.parametrize("first", ["relu", "sigmoid", "softmax"])
def test_a_dropout_does_not_write_over_what_backward_needs(first: str) -> None:
    graph = graph_of(f"""
        input: [3, 8, 8]
        layers:
          - conv: {{out: 4, kernel: 3}}
          - {first}
          - dropout: {{inplace: true}}
          - conv: {{out: 4, kernel: 3}}
    """)
    assert index(graph, "dropout1") not in written_over(graph)
    network = assemble(graph).train()
    network(torch.randn(2, 3, 8, 8)).sum().backward()


def test_a_dropout_in_place_keeps_its_noise_alone() -> None:
    graph = graph_of("""
        input: [3, 8, 8]
        layers:
          - conv: {out: 4, kernel: 3}
          - dropout: {inplace: true}
    """)
    node = graph.nodes[-1]
    network = assemble(graph).train()
    own = {x.untyped_storage().data_ptr() for x in network.parameters()}
    x = torch.randn(1, 3, 8, 8)
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        where = tensor.untyped_storage()
        if where.data_ptr() not in own | {x.untyped_storage().data_ptr()}:
            kept[where.data_ptr()] = where.nbytes()
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        y = network(x)
    assert node.op is not None and y.untyped_storage().data_ptr() not in kept
    ours = node.op.keeps(node.shape, y=node.shape, back=Backward(training=True))
    assert ours.inputs == () and not ours.output
    assert sum(kept.values()) == 4 * sum(e.count for e in ours.extras) == 4 * product(node.shape)


def test_verify_sees_a_dropout_that_writes_over_what_another_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = cnncalc.loads(
        yaml("""
        input: [3, 8, 8]
        layers:
          - conv: {out: 4, kernel: 3}
          - add: {a: [dropout: {inplace: true}], b: []}
    """)
    )
    assert verify(spec).ok
    monkeypatch.setattr(Graph, "readers", lambda graph: [1] * len(graph.nodes))
    (wrong,) = [check for check in verify(spec).totals if not check.ok]
    assert wrong.what == "in_place" and "differ by" in wrong.measured


def test_the_comparison_of_values_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = cnncalc.load(GOOD / "build-inplace-flatten.yaml")
    every = set(range(len(spec.graph().nodes)))
    monkeypatch.setattr("cnncalc.torch_backend.build.written_over", lambda graph: every)
    network = assemble(spec.graph()).eval()
    x = torch.randn(1, 4, 6, 6)
    with torch.no_grad():
        values = evaluate(spec.graph(), network, [x])
        (found,) = as_tuple(network(x.clone()))
    assert not torch.allclose(found, values[-1])
