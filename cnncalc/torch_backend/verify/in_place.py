"""Whether running in place changes what a network computes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...analysis.rows import Report
from ...diagnostic import first_line
from ..build import Network, assemble

MANY = (
    10**6
)  # weights of a linear layer from which on all its columns are alike, and take no memory


def in_place_effect(report: Report) -> str:
    """``no effect``, or how the network differs from one in which nothing runs in place: random weights, on the CPU.

    `build` lets a layer write over its input where the report says that nothing else needs it. This is the check of it.
    """
    random = torch.Generator().manual_seed(0)
    network = filled(assemble(report.graph, "meta"), random).eval()
    inputs = [torch.randn(4, *shape, generator=random) for shape in report.inputs.values()]
    writers = [module for module in network.modules() if getattr(module, "inplace", False)]

    def run(inplace: bool) -> tuple[Tensor, ...]:
        for module in writers:
            module.inplace = inplace  # type: ignore[assignment]
        y = network(*(x.clone() for x in inputs))
        return y if isinstance(y, tuple) else (y,)

    if not writers:
        return "no effect"
    with torch.no_grad():
        pairs = [*zip(run(True), run(False))]
        same = all(torch.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True) for a, b in pairs)
    try:
        torch.autograd.grad(
            [y.sum() for y in run(True)],
            [p for p in network.parameters() if p.requires_grad],
            allow_unused=True,
        )
    except RuntimeError as error:
        if "inplace" in str(error):
            return f"backward fails: {first_line(error)}"
    return (
        "no effect"
        if same
        else f"outputs differ by {max(float((a - b).abs().max()) for a, b in pairs):.2g}"
    )


def filled(network: Network, random: torch.Generator) -> Network:
    """A network on meta with random weights on the CPU."""
    for module in network.modules():
        for name, p in module._parameters.items():
            if p is None:
                continue
            if isinstance(module, nn.Linear) and p.numel() > MANY:
                column = torch.randn(p.shape[0], generator=random)
                module.forward = lambda x, column=column: x.mean(-1, keepdim=True) * column  # type: ignore[method-assign]
                module._parameters[name] = None
            else:
                weight = torch.randn(p.shape, generator=random) / (
                    p.numel() / p.shape[0]
                ) ** 0.5 + (p.dim() == 1 and name != "bias")
                module._parameters[name] = nn.Parameter(weight, requires_grad=p.numel() <= MANY)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = torch.ones(buffer.shape, dtype=buffer.dtype)
    return network
