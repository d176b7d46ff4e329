"""Makes a network linear, so that no gradient vanishes, cancels or underflows.

Each operator gives its form that does not choose between values. Weights and biases are positive,
and the backward pass reduces each gradient to whether it is zero.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...analysis.field_following import gates
from ...graph import Graph

_ROUNDING = 1e-10  # relative to a layer's largest gradient; anything smaller is a rounding error


def linear_values(
    graph: Graph, inputs: list[Tensor], last: int, gated: bool = True
) -> list[Tensor]:
    """Return the outputs of all nodes up to `last` in the network made linear.

    Unless `gated`, no gradient passes through what a join stretches over the map.
    """
    values = [_support_of(x.clone()) for x in inputs]
    modules: dict[int, nn.Module] = {}  # layers that share weights run the same one
    for n in range(len(inputs), last + 1):
        node = graph.nodes[n]
        owner = n if node.shares is None else node.shares
        if owner not in modules:
            modules[owner] = _linear_module(graph, owner).to(inputs[0].dtype)
        xs = [values[m] for m in node.inputs]
        for gate in () if gated or len(xs) == 1 else _gates(graph, n):
            xs[gate] = xs[gate].detach()
        y = modules[owner](*xs)
        size = float(y.detach().abs().mean())
        if size > 0 and not 0.5 < size < 2:
            y = y / size  # otherwise sums of sums overflow, and what saturates has no slope
        values.append(_support_of(y))
    return values


def _support_of(y: Tensor) -> Tensor:
    """Return a tensor whose gradient is replaced by noise wherever it is not zero.

    Ones in place of noise could cancel in a mean. Tiny gradients count as zero: where an
    interpolation hits a source position exactly, its neighbour has a weight of 0 but for rounding.
    """
    if not y.requires_grad:
        return y
    noise = torch.rand_like(y).add(0.5)

    def kept(gradient: Tensor) -> Tensor:
        size = gradient.abs()
        return torch.where(size > _ROUNDING * size.max(), noise, 0)

    y.register_hook(kept)
    return y


def _gates(graph: Graph, n: int) -> tuple[int, ...]:
    node = graph.nodes[n]
    assert node.op is not None  # only layers run
    return gates(node.op.window(*graph.shapes_into(node)))


def _linear_module(graph: Graph, n: int) -> nn.Module:
    """Return a layer's linear form on the CPU, with positive weights that add up to about one."""
    node = graph.nodes[n]
    assert node.op is not None  # only layers run
    with torch.device("meta"):
        module = node.op.linearized(*graph.shapes_into(node)).build()
    module.eval().to_empty(device="cpu")
    for parameter in module.parameters():
        parameter.requires_grad_(False)
        if parameter.dim() == 1:  # also biases: a gate needs a value to scale where nothing is read
            nn.init.ones_(parameter)
        else:
            nn.init.uniform_(parameter, 0.5, 1.5).div_(parameter[0].numel())
    for name, buffer in module.named_buffers():
        nn.init.constant_(buffer, 1 if name == "running_var" else 0)
    if hasattr(module, "inplace"):
        module.inplace = False  # type: ignore[assignment]  # plain; values are read again later
    return module
