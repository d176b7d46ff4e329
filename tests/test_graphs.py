"""Random networks against torch: shapes, parameters and MACs by hooks, fields by gradients."""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import cnncalc
from cnncalc.analysis.memory.storage import storages
from cnncalc.analysis.receptive_field import ReceptiveField
from cnncalc.torch_backend.build import Network, assemble

from .graphs import networks
from .oracle import recorded_shapes
from .samples import yaml
from .settings import GRAPHS


def linear(network: nn.Module) -> nn.Module:
    """Make weights positive and maxima means, so that no gradient vanishes or cancels."""
    for path, module in list(network.named_modules()):
        if isinstance(module, (nn.MaxPool1d, nn.MaxPool2d)):
            kind = nn.AvgPool1d if isinstance(module, nn.MaxPool1d) else nn.AvgPool2d
            mean = kind(module.kernel_size, module.stride, module.padding, module.ceil_mode)
            parent, _, name = path.rpartition(".")
            setattr(network.get_submodule(parent), name, mean)
    for parameter in network.parameters():
        nn.init.uniform_(parameter, 0.5, 1.5)
    return network.double().eval()


def seen_by_gradient(
    network: nn.Module, shape: tuple[int, ...], axis: int, looks: int | None = None
) -> list[list[int]]:
    """For each output position along a spatial axis, the input positions with a gradient.

    Those are positions along the input axis that it looks along: the same one unless given.
    """
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
    """Require that what is seen is covered, and in the middle of the map agrees exactly.

    The middle is away from the padding of every layer. Returns how many positions were held to
    the exact rule.
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
        for axis, looks in zip(range(len(row.output_shape) - 1), row.receptive_field.axes):
            compared += 1
            seen = seen_by_gradient(network, report.inputs["input"], axis, looks)
            exact += compare(row.receptive_field, axis, seen, text) > 0
    assert compared >= GRAPHS
    assert exact > compared // 2, (exact, compared)


def test_the_gradient_check_can_fail() -> None:
    dense = "input: [1, 30]\nlayers:\n  - conv: {out: 1, kernel: 3}\n"
    dilated = dense.replace("kernel: 3", "kernel: 3, dilation: 2")
    report, other = (cnncalc.analyze(cnncalc.loads(text)) for text in (dense, dilated))
    field = other.rows[-1].receptive_field
    assert field is not None
    seen = seen_by_gradient(linear(assemble(report.graph)), (1, 30), 0)
    with pytest.raises(AssertionError):
        compare(field, 0, seen, "")


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
    """For each node the first one whose memory it shares, as torch has it at inference."""
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
    """Whole graphs, nothing freed on the way.

    Views, in-place layers, and copies where something else needs the input.
    """
    rng = random.Random(3)
    for text, _ in networks(3, GRAPHS):
        report = cnncalc.analyze(cnncalc.loads(text + rng.choice(TAILS)))
        # Torch may still view what is sliced where the batch is one: see `storages`.
        if any(row.op in ("crop", "slice", "permute") for row in report.rows):
            continue
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
