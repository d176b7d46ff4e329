"""What a built network is run on: images, and integers where its spec declares them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..graph import Graph

Device = torch.device | str


def blank_inputs(
    graph: Graph, batch: int, device: Device, dtype: torch.dtype = torch.float32
) -> list[Tensor]:
    """Return inputs of zeros, each ``(batch, C, *spatial)``. `dtype` is that of the images."""
    return [
        torch.zeros(batch, *node.shape, dtype=torch.long if node.integers else dtype, device=device)
        for node in graph.inputs
    ]


def random_inputs(
    graph: Graph,
    batch: int,
    random: torch.Generator | None = None,
    device: Device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> list[Tensor]:
    """Return images from a normal distribution, and integers that all their readers accept.

    They are drawn where the generator is; by default, on the device.
    """
    drawn_on = device if random is None else random.device
    found = []
    for n, node in enumerate(graph.inputs):
        sizes = (batch, *node.shape)
        if node.integers:
            x = torch.randint(_choices(graph, n), sizes, generator=random, device=drawn_on)
        else:
            x = torch.randn(sizes, generator=random, device=drawn_on, dtype=dtype)
        found.append(x.to(device))
    return found


def shifted(inputs: Sequence[Tensor]) -> list[Tensor]:
    """Return other inputs of the same kind: the same values elsewhere, and images of others too."""
    return [-3 * x.flip(0, -1) if x.is_floating_point() else x.flip(0, -1) for x in inputs]


def _choices(graph: Graph, n: int) -> int:
    """Return how many integers every layer that reads an input accepts, from 0 on."""
    readers = (node.op for node in graph.nodes if n in node.inputs and node.op is not None)
    counts = [getattr(op, op.choices) for op in readers if op.choices is not None]
    return min(counts, default=1)
