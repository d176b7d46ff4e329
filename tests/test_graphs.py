"""Random networks agree with torch: shapes, parameters and MACs by hooks, fields by gradients."""

from __future__ import annotations

import random

import torch
from torch.utils.flop_counter import FlopCounterMode

import cnncalc
from cnncalc.analysis.memory.storage import storages
from cnncalc.torch_backend.build import Network, assemble

from .graphs import networks
from .oracle import recorded_shapes
from .samples import yaml
from .settings import GRAPHS


def test_rows_agree_with_torch() -> None:
    for text, report in networks(2, GRAPHS):
        network: Network = assemble(report.graph).eval()
        shapes = recorded_shapes(network)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(torch.randn(1, *report.inputs["input"]))
        for row in report.rows:
            assert row.output_shape in shapes[row.shared_with or row.path], f"{row.path} in\n{text}"
        assert counter.get_total_flops() // 2 == report.totals.macs, text
        assert sum(p.numel() for p in network.parameters()) == report.totals.params, text


def homes_in_torch(network: Network, inputs: list[torch.Tensor]) -> list[int]:
    """Return for each node the first one whose memory it shares, in torch at inference."""
    values = list(inputs)
    seen = {x.untyped_storage().data_ptr(): n for n, x in enumerate(inputs)}
    homes = list(range(len(inputs)))
    with torch.no_grad():
        for n, (path, sources, _) in enumerate(network.plan, len(inputs)):
            values.append(network.get_submodule(path)(*(values[m] for m in sources)))
            homes.append(seen.setdefault(values[n].untyped_storage().data_ptr(), n))
    return homes


TAILS = [
    "",
    "\n  - flatten\n  - relu\n  - linear: 3\n  - relu: {inplace: false}\n  - silu",
    "\n  - relu\n  - dropout\n  - flatten\n  - hardswish",
]


def test_memory_is_shared_where_torch_shares_it() -> None:
    """Whole graphs run, and nothing is freed on the way.

    They have views, in-place layers, and copies where something else needs the input.
    """
    rng = random.Random(3)
    for text, _ in networks(3, GRAPHS):
        report = cnncalc.analyze(cnncalc.loads(text + rng.choice(TAILS)))
        network = assemble(report.graph).eval()
        inputs = [torch.randn(1, *shape) for shape in report.inputs.values()]
        assert homes_in_torch(network, inputs) == storages(report.graph), text


def test_shared_layers_compute_what_unshared_ones_do() -> None:
    text = yaml("""
        input: [2, 12, 12]
        blocks:
          b:
            layers:
              - conv: {out: 2, kernel: 3, padding: 1}
              - relu
              - crop: {amount: 1}
              - upsample: 3 / 2
        layers:
          - {b: , name: one}
          - maxpool: 2
          - {b: , name: two, share: one}
          - add: {a: [], b: [relu: {inplace: false}]}
    """)
    report = cnncalc.analyze(cnncalc.loads(text))
    network = assemble(report.graph).eval()
    shapes: dict[str, tuple[int, ...]] = {}
    for row in report.rows:
        network.get_submodule(row.shared_with or row.path).register_forward_hook(
            lambda m, _, y, path=row.path: shapes.__setitem__(path, tuple(y.shape[1:]))
        )
    y = network(torch.randn(1, 2, 12, 12))
    assert tuple(y.shape[1:]) == report.rows[-1].output_shape
    assert shapes["two.crop1"] == report.row("two.crop1").output_shape  # type: ignore[union-attr]
    assert sum(p.numel() for p in network.parameters()) == report.totals.params == 38


def test_values_are_freed_after_their_last_use() -> None:
    report = cnncalc.analyze(cnncalc.load("resnet18"))
    network = assemble(report.graph, "meta")
    gone = [n for _, _, dropped in network.plan for n in dropped]
    assert len(gone) == len(set(gone)) == len(report.graph.nodes) - 1
