"""Random networks against torch: every shape, parameter and MAC by hooks, and receptive fields by gradients.

A run takes CNNCALC_GRAPHS networks (60 unless set; the full check is 200).
"""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import cnncalc
from cnncalc.analysis.memory.storage import storages
from cnncalc.analysis.receptive_field import ReceptiveField
from cnncalc.analysis.rows import Report
from cnncalc.torch_backend.build import Network, assemble

from . import graphs

GRAPHS = int(os.environ.get("CNNCALC_GRAPHS", "60"))


def networks(seed: int, count: int) -> list[tuple[str, Report]]:
    """Random specs that are right, and their reports."""
    rng, found = random.Random(seed), []
    refused: Counter[str] = Counter()
    while len(found) < count:
        text = graphs.spec(rng)
        report = cnncalc.analyze(cnncalc.loads(text))
        if report.ok:
            found.append((text, report))
        else:
            refused.update(d.code for d in report.diagnostics if d.severity == "error")
            assert sum(refused.values()) < 20 * count, refused
    return found


def linear(network: nn.Module) -> nn.Module:
    """The network with positive weights, its maxima as means, so that no gradient vanishes or cancels."""
    for path, module in list(network.named_modules()):
        if isinstance(module, (nn.MaxPool1d, nn.MaxPool2d)):
            kind = nn.AvgPool1d if isinstance(module, nn.MaxPool1d) else nn.AvgPool2d
            parent, _, name = path.rpartition(".")
            setattr(
                network.get_submodule(parent),
                name,
                kind(module.kernel_size, module.stride, module.padding, module.ceil_mode),
            )
    for parameter in network.parameters():
        nn.init.uniform_(parameter, 0.5, 1.5)
    return network.double().eval()


def seen_by_gradient(
    network: nn.Module, shape: tuple[int, ...], axis: int, looks: int | None = None
) -> list[list[int]]:
    """For each output position along a spatial axis, the positions with a gradient along the input axis it looks along."""
    looks = axis if looks is None else looks
    x = torch.rand(1, *shape, dtype=torch.float64).add(0.5).requires_grad_()
    y = network(x)
    seen = []
    for j in range(y.shape[axis + 2]):
        (gradient,) = torch.autograd.grad(
            y.select(axis + 2, j).sum(), x, retain_graph=True, allow_unused=True
        )
        if gradient is None:
            seen.append([])
            continue
        others = [a for a in range(gradient.dim()) if a != looks + 2]
        seen.append(gradient.abs().amax(others).nonzero().flatten().tolist())
    return seen


def compare(field: ReceptiveField, axis: int, seen: list[list[int]], text: str) -> int:
    """What is seen must be covered, and in the middle of the map, away from the padding of every layer, agree exactly.

    Returns how many positions were held to the exact rule.
    """
    spans, size, exact = field.fields[axis], field.input_sizes[axis], 0
    middle = range(int(0.45 * len(seen)), int(0.55 * len(seen)) + 1)
    if spans is None:
        return 0
    for j, positions in enumerate(seen):
        span = spans.at(j)
        if span is None:
            assert not positions, f"{text}\nposition {j} sees {positions}, we say nothing"
        elif j in middle and span[0] >= size // 8 and span[1] < size - size // 8:
            assert positions and (positions[0], positions[-1]) == span, (
                f"{text}\nposition {j} sees {positions}, we say {span}"
            )
            exact += 1
        else:
            assert not positions or span[0] <= positions[0] and positions[-1] <= span[1], (
                f"{text}\nposition {j} sees {positions}, we say {span}"
            )
    return exact


def test_receptive_fields_agree_with_gradients() -> None:
    exact = compared = 0
    torch.manual_seed(0)
    for text, report in networks(1, GRAPHS):
        row = report.rows[-1]
        if row.receptive_field is None:
            continue
        network = linear(assemble(report.graph))
        for axis in range(len(row.output_shape) - 1):
            compared += 1
            exact += (
                compare(
                    row.receptive_field,
                    axis,
                    seen_by_gradient(
                        network, report.inputs["input"], axis, row.receptive_field.axes[axis]
                    ),
                    text,
                )
                > 0
            )
    assert compared >= GRAPHS
    assert exact > compared // 2, (exact, compared)


def test_the_gradient_check_can_fail() -> None:
    report = cnncalc.analyze(
        cnncalc.loads("input: [1, 30]\nlayers:\n  - conv: {out: 1, kernel: 3}\n")
    )
    other = cnncalc.analyze(
        cnncalc.loads("input: [1, 30]\nlayers:\n  - conv: {out: 1, kernel: 3, dilation: 2}\n")
    )
    field = other.rows[-1].receptive_field
    assert field is not None
    with pytest.raises(AssertionError):
        compare(field, 0, seen_by_gradient(linear(assemble(report.graph)), (1, 30), 0), "")


def test_rows_agree_with_torch() -> None:
    for text, report in networks(2, GRAPHS):
        network: Network = assemble(report.graph).eval()
        shapes: dict[str, list] = {}  # a shared module is called more than once
        for path, module in network.named_modules():
            module.register_forward_hook(
                lambda m, _, y, path=path: shapes.setdefault(path, []).append(tuple(y.shape[1:]))
            )
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(torch.randn(1, *report.inputs["input"]))
        for row in report.rows:
            assert row.output_shape in shapes[row.shared_with or row.path], f"{row.path} in\n{text}"
        assert counter.get_total_flops() // 2 == report.totals.macs, text
        assert sum(p.numel() for p in network.parameters()) == report.totals.params, text


def homes_in_torch(network: Network, inputs: list[torch.Tensor]) -> list[int]:
    """For each node the first one whose memory it shares, as torch has it at inference."""
    values, seen = list(inputs), {x.untyped_storage().data_ptr(): n for n, x in enumerate(inputs)}
    homes = list(range(len(inputs)))
    with torch.no_grad():
        for n, (path, sources, _) in enumerate(network.plan, len(inputs)):
            values.append(network.get_submodule(path)(*(values[m] for m in sources)))
            homes.append(seen.setdefault(values[n].untyped_storage().data_ptr(), n))
    return homes


def test_memory_is_shared_where_torch_shares_it() -> None:
    """Whole graphs, nothing freed on the way: views, in-place layers, and copies where something else needs the input."""
    rng = random.Random(3)
    tails = [
        "",
        "\n  - flatten\n  - relu\n  - linear: 3\n  - relu: {inplace: false}\n  - silu",
        "\n  - relu\n  - dropout\n  - flatten\n  - hardswish",
    ]
    for text, _ in networks(3, GRAPHS):
        report = cnncalc.analyze(cnncalc.loads(text + rng.choice(tails)))
        if any(row.op in ("crop", "slice", "permute") for row in report.rows):
            continue  # what is sliced may still be viewed by torch where the batch is one: see `storages`
        network = assemble(report.graph).eval()
        inputs = [torch.randn(1, *shape) for shape in report.inputs.values()]
        assert homes_in_torch(network, inputs) == storages(report.graph), text


def test_shared_layers_compute_what_unshared_ones_do() -> None:
    text = "input: [2, 12, 12]\nblocks:\n  b:\n    layers:\n      - conv: {out: 2, kernel: 3, padding: 1}\n      - relu\n      - crop: {amount: 1}\n      - upsample: 3 / 2\nlayers:\n  - {b: , name: one}\n  - maxpool: 2\n  - {b: , name: two, share: one}\n  - add: {a: [], b: [relu: {inplace: false}]}\n"
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
