"""A network made linear: no gradient vanishes, cancels or underflows.

Each operator says what it is without a choice between values. Weights and biases are positive, and
on the way back each gradient is reduced to whether it is zero.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ...graph import Graph


def linear_values(graph: Graph, inputs: list[Tensor], last: int) -> list[Tensor]:
    """The outputs of all nodes up to one, of the network made linear."""
    values = list(inputs)
    modules: dict[int, nn.Module] = {}  # layers that share weights run the same one
    for n in range(len(inputs), last + 1):
        node = graph.nodes[n]
        owner = n if node.shares is None else node.shares
        if owner not in modules:
            modules[owner] = _linear_module(graph, owner).to(inputs[0].dtype)
        y = modules[owner](*(values[m] for m in node.inputs))
        size = float(y.detach().abs().mean())
        if size > 0 and not 0.5 < size < 2:
            y = y / size  # else sums of sums overflow, and what saturates has no slope
        if y.requires_grad:
            y.register_hook(_keep_support(torch.rand_like(y).add(0.5)))
        values.append(y)
    return values


def _keep_support(noise: Tensor) -> Callable[[Tensor], Tensor]:
    """What replaces a gradient by noise where it is not zero; ones would cancel in a mean."""
    return lambda gradient: torch.where(gradient != 0, noise, 0)


def _linear_module(graph: Graph, n: int) -> nn.Module:
    """A layer's linear form on the CPU, with positive weights that add up to about one."""
    node = graph.nodes[n]
    assert node.op is not None  # only layers run
    with torch.device("meta"):
        module = node.op.linearized(*graph.shapes_into(node)).build()
    module.eval().to_empty(device="cpu")
    for parameter in module.parameters():
        parameter.requires_grad_(False)
        if parameter.dim() == 1:  # biases too: what reads nothing has a value, for a gate to scale
            nn.init.ones_(parameter)
        else:
            nn.init.uniform_(parameter, 0.5, 1.5).div_(parameter[0].numel())
    for name, buffer in module.named_buffers():
        nn.init.constant_(buffer, 1 if name == "running_var" else 0)
    if hasattr(module, "inplace"):
        module.inplace = False  # type: ignore[assignment]  # plain; the values are read again
    return module
