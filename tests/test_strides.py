"""Views, copies and in-place layers agree with torch in values, gradients, memory and strides.

CNNCALC_VIEWS=1000 runs that many random graphs; see `settings.py`.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

import cnncalc
from cnncalc.analysis.memory.storage import memory
from cnncalc.graph import Graph
from cnncalc.language.write import flat_spec
from cnncalc.layout import Layout, contiguous
from cnncalc.torch_backend.build import Network, as_tuple, assemble
from cnncalc.torch_backend.verify.verify import verify

from .functional import RULES, evaluate, take_contiguous_gradients
from .settings import VIEWS
from .view_graphs import graphs

BATCHES = (1, 3)
RANDOM_LAYERS = ("Dropout", "Dropout2d", "DropBranch")


def images(graph: Graph, batch: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    return [torch.randn(batch, *node.shape, dtype=dtype) for node in graph.inputs]


def in_training(network: Network, noise: bool) -> Network:
    """Return the network in training mode. Without noise, dropout layers drop nothing."""
    network.train()
    for module in network.modules():
        if type(module).__name__ in RANDOM_LAYERS or getattr(module, "dropout", 0):
            module.train(noise)
    return network


def trains(network: Network, inputs: Sequence[Tensor]) -> bool:
    """Return whether torch trains on this batch: a single value per statistic has no variance."""
    try:
        copy.deepcopy(network)(*(x.clone() for x in inputs))
    except ValueError as error:
        assert "more than 1" in str(error), error
        return False
    return True


def gradients(
    outputs: Sequence[Tensor], network: nn.Module, inputs: list[Tensor]
) -> list[Tensor | None]:
    """Return the gradients of a weighted sum of the outputs."""
    weights = torch.Generator().manual_seed(1)
    total = sum((y * torch.randn(y.shape, generator=weights, dtype=y.dtype)).sum() for y in outputs)
    asked = [*inputs, *(p for p in network.parameters() if p.requires_grad)]
    found = torch.autograd.grad(total, asked, allow_unused=True)  # type: ignore[arg-type]
    return list(found)


def on_a_kink(values: Sequence[Tensor]) -> bool:
    """Return whether rounding decides the sign of a value, as in a mean of values with mean 0."""
    return any(bool(((x != 0) & (x.abs() < 1e-9)).any()) for x in values)


def returned(graph: Graph, values: Sequence[Tensor]) -> list[Tensor]:
    return [values[n] for n in graph.outputs]


def same(a: Tensor | None, b: Tensor | None) -> bool:
    if a is None or b is None:
        return a is b
    return torch.allclose(a, b, rtol=1e-6, atol=1e-8, equal_nan=True)


@pytest.mark.parametrize("keys", [(), tuple(RULES)], ids=["all", "views"])
def test_the_built_network_computes_what_plain_functions_do(keys: tuple[str, ...]) -> None:
    trained = 0
    torch.manual_seed(0)
    for graph in graphs(4, VIEWS, keys):
        text = flat_spec(graph, "it")
        network = assemble(graph, dtype=torch.float64)
        for batch in BATCHES:
            given = images(graph, batch, torch.float64)
            with torch.no_grad():
                values = evaluate(graph, copy.deepcopy(network).eval(), given)
                found = as_tuple(network.eval()(*(x.clone() for x in given)))
            if any(bool(value.isnan().any()) for value in values):
                continue  # the plain functions need not pass on what is no number
            expected = returned(graph, values)
            assert all(map(same, found, expected)), f"outputs at batch {batch} of\n{text}"
            in_training(network, noise=False)
            if not trains(network, given):
                continue
            for module in network.modules():
                if isinstance(module, _NormBase):
                    module.register_forward_hook(lambda m, x, y: take_contiguous_gradients(y))
            twin = copy.deepcopy(network)
            ours, theirs = ([x.clone().requires_grad_() for x in given] for _ in range(2))
            values = evaluate(graph, twin, theirs)
            if on_a_kink(values):
                continue
            trained += 1
            wanted = gradients(returned(graph, values), twin, theirs)
            measured = gradients(as_tuple(network(*ours)), network, ours)
            assert all(map(same, measured, wanted)), f"gradients at batch {batch} of\n{text}"
    assert trained > VIEWS


def test_verify_reports_no_false_error() -> None:
    """Fields have their own test, and operations that no counter saw are not errors."""
    for n, graph in enumerate(graphs(6, max(VIEWS // 10, 4))):
        text = flat_spec(graph, "it")
        found = verify(cnncalc.loads(text), batch=BATCHES[n % 2])
        checks = [*found.totals, *(check for layer in found.layers for check in layer.checks)]
        failed = [check for check in checks if check.ok is False]
        assert all(check.what == "receptive_field" for check in failed), f"{failed} of\n{text}"


def in_torch(network: Network, inputs: list[Tensor]) -> tuple[list[int], list[Layout]]:
    """Return for each node the first one whose memory it shares, and its layout; free nothing."""
    values = list(inputs)
    seen = {x.untyped_storage().data_ptr(): n for n, x in enumerate(inputs)}
    homes = list(range(len(inputs)))
    for n, (path, sources, _) in enumerate(network.plan, len(inputs)):
        y = network.get_submodule(path)(*(values[m] for m in sources))
        values.append(y)
        homes.append(seen.setdefault(y.untyped_storage().data_ptr(), n))
    layouts = [Layout(tuple(y.shape), y.stride(), int(y.storage_offset())) for y in values]
    return homes, layouts


@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
def test_memory_and_strides_are_those_of_torch(training: bool) -> None:
    torch.manual_seed(0)
    odd: Counter[int] = Counter()
    for graph in graphs(5, VIEWS):
        network = assemble(graph)
        for batch in BATCHES:
            given = images(graph, batch)
            network.eval()
            if training and not trains(in_training(network, noise=True), given):
                continue
            with torch.set_grad_enabled(training):
                # The input has a gradient, like that of every layer after a weight.
                homes, layouts = in_torch(network, [x.requires_grad_(training) for x in given])
            found = memory(graph, batch, training)
            text = f"at batch {batch}:\n{flat_spec(graph, 'it')}"
            assert found.homes == homes, text
            for n, node in enumerate(graph.nodes):
                plain = contiguous((batch, *node.shape))
                assert found.layouts.get(n, plain) == layouts[n], f"{node.path} {text}"
            odd[batch] += len(found.layouts)
    assert min(odd.values()) > VIEWS // 2  # enough of them are not contiguous
