"""Whether running in place changes what a network computes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..analysis.fold import Report
from .build import Network, assemble
from .calls import first_line

MANY = 10**6  # values of a matrix from which on its columns are all the same, and take no memory


def in_place_effect(report: Report) -> str:
    """``no effect``, or how the network differs from one in which nothing runs in place: random weights, on the CPU.

    `build` lets a layer write over its input where the report says that nothing else needs it. This is the check of it.
    """
    random = torch.Generator().manual_seed(0)
    network = filled(assemble(report.graph, "meta"), random).eval()
    inputs = [torch.randn(2, *shape, generator=random) for shape in report.inputs.values()]
    writers = [module for module in network.modules() if getattr(module, "inplace", False)]

    def run(inplace: bool) -> tuple[Tensor, ...]:
        for module in writers:
            module.inplace = inplace  # type: ignore[assignment]
        y = network(*(x.clone() for x in inputs))
        return y if isinstance(y, tuple) else (y,)

    if not writers:
        return "no effect"
    with torch.no_grad():
        apart = max(float((a - b).abs().max()) for a, b in zip(run(True), run(False)))
    try:
        torch.autograd.grad(sum(y.sum() for y in run(True)), [p for p in network.parameters() if p.requires_grad], allow_unused=True)  # type: ignore[arg-type]
    except RuntimeError as error:
        if "inplace" in str(error):
            return f"backward fails: {first_line(error)}"
    return "no effect" if apart == 0 else f"outputs differ by {apart:.2g}"


def filled(network: Network, random: torch.Generator) -> Network:
    """A network on meta with random weights on the CPU."""
    for module in network.modules():
        for name, p in module._parameters.items():
            if p is None:
                continue
            if p.dim() == 2 and p.numel() > MANY:
                weight = (torch.randn(p.shape[0], 1, generator=random) / p.shape[1] ** 0.5).expand(p.shape)
            else:
                weight = torch.randn(p.shape, generator=random) / (p.numel() / p.shape[0]) ** 0.5 + (p.dim() == 1)
            module._parameters[name] = nn.Parameter(weight, requires_grad=p.numel() <= MANY)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = torch.ones(buffer.shape, dtype=buffer.dtype)
    return network
