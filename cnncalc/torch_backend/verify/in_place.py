"""Whether running in place changes what a network computes."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from ...diagnostic import first_line
from ...graph import Graph
from ..build import Network, as_tuple, assemble

_MANY = 10**6  # weights of a linear layer from which on its columns are alike, and take no memory


def in_place_effect(graph: Graph) -> str:
    """Return ``no effect``, or how the network differs from one in which nothing runs in place.

    `build` lets a layer write over its input where nothing else should need it; this checks that,
    with random weights on the CPU.
    """
    random = torch.Generator().manual_seed(0)
    network = _with_random_weights(assemble(graph, "meta"), random).eval()
    inputs = [torch.randn(4, *node.shape, generator=random) for node in graph.inputs]
    writers = [module for module in network.modules() if getattr(module, "inplace", False)]

    def run(in_place: bool) -> tuple[Tensor, ...]:
        for module in writers:
            module.inplace = in_place  # type: ignore[assignment]  # it is a plain attribute
        return as_tuple(network(*(x.clone() for x in inputs)))

    if not writers:
        return "no effect"
    with torch.no_grad():
        pairs = list(zip(run(True), run(False)))
    parameters = [p for p in network.parameters() if p.requires_grad]
    try:
        torch.autograd.grad([y.sum() for y in run(True)], parameters, allow_unused=True)
    except RuntimeError as error:
        if "inplace" in str(error):
            return f"backward fails: {first_line(error)}"
    if all(torch.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True) for a, b in pairs):
        return "no effect"
    return f"outputs differ by {max(float((a - b).abs().max()) for a, b in pairs):.2g}"


def _with_random_weights(network: Network, random: torch.Generator) -> Network:
    """Give a network on meta random weights on the CPU."""
    for module in network.modules():
        for name, parameter in module._parameters.items():
            if parameter is None:
                continue
            if isinstance(module, nn.Linear) and parameter.numel() > _MANY:
                column = torch.randn(parameter.shape[0], generator=random)
                multiply = partial(_column_times_mean, column)
                module.forward = multiply  # type: ignore[method-assign]  # of this module alone
                module._parameters[name] = None
            else:
                weight = _random_like(parameter, name, random)
                trained = parameter.numel() <= _MANY
                module._parameters[name] = nn.Parameter(weight, requires_grad=trained)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = torch.ones(buffer.shape, dtype=buffer.dtype)
    return network


def _random_like(parameter: Tensor, name: str, random: torch.Generator) -> Tensor:
    """Random values that keep the size of what runs through: scales are around 1."""
    values = torch.randn(parameter.shape, generator=random)
    values /= (parameter.numel() / parameter.shape[0]) ** 0.5
    is_scale = parameter.dim() == 1 and name != "bias"
    return values + 1 if is_scale else values


def _column_times_mean(column: Tensor, x: Tensor) -> Tensor:
    """Compute a linear layer whose columns are all alike."""
    return x.mean(-1, keepdim=True) * column
