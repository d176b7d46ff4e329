"""Measures what only a graphics card shows: its allocator's bytes, its outputs, its kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...graph import Graph
from ..allocator import requested_bytes
from ..build import Network, as_tuple, assemble
from ..inputs import random_inputs
from ..precision import float32_precision

_IMAGES = 2  # the batch for which the card's outputs are compared with the CPU's
TOLERANCE = 1e-3  # relative to the outputs' norm: both add in float32, but in different orders


class CardResult(NamedTuple):
    """What a forward pass on a card showed."""

    output_error: float  # the distance of the outputs from the CPU's, ‖a − b‖ / ‖b‖
    kernels: int | None  # None if torch's profiler cannot see them


def compare_with_cpu(network: Network, graph: Graph, device: torch.device) -> CardResult:
    """Run a network on a card and on the CPU, with the same random weights and images."""
    random = torch.Generator().manual_seed(0)
    _fill(network)
    twin = assemble(graph, "meta").to_empty(device="cpu").eval()
    twin.load_state_dict(network.state_dict())
    images = random_inputs(graph, _IMAGES, random)
    on_card = [image.to(device) for image in images]
    with torch.no_grad(), float32_precision(False, device):
        expected, found = as_tuple(twin(*images)), as_tuple(network(*on_card))
        error = max(_distance(a, b) for a, b in zip(found, expected))
        return CardResult(error, _count_kernels(network, on_card, device))


def move_from_meta(network: Network, device: torch.device) -> dict[str, int]:
    """Move a network from meta to a card. Its values are undefined.

    Returns the bytes that the tensors of each module asked for, by path.
    """
    requested: dict[str, int] = {}
    for path, module in network.named_modules():
        before = requested_bytes(device) or 0
        module.to_empty(device=device, recurse=False)
        requested[path] = (requested_bytes(device) or 0) - before
    return requested


def _fill(network: nn.Module) -> None:
    """Set random weights that keep the magnitude of values from layer to layer.

    With smaller ones, the outputs would show only the biases.
    """
    for parameter in network.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=(2 / max(parameter[0].numel(), 1)) ** 0.5)
        else:
            nn.init.uniform_(parameter, 0.5, 1.0)
    for name, buffer in network.named_buffers():
        nn.init.constant_(buffer, 0 if name.endswith("running_mean") else 1)


def _distance(found: Tensor, expected: Tensor) -> float:
    """Return ‖a − b‖ / ‖b‖; infinity if one of them is not finite."""
    a, b = found.cpu().double(), expected.double()
    error = float((a - b).norm() / b.norm().clamp(min=torch.finfo(torch.float32).tiny))
    return error if error == error else float("inf")


def _count_kernels(
    network: nn.Module, inputs: Sequence[Tensor], device: torch.device
) -> int | None:
    """Count the kernels of one forward pass, without those that copy or fill memory."""
    from torch.profiler import ProfilerActivity, profile, supported_activities

    if ProfilerActivity.CUDA not in supported_activities():
        return None
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as record:
        network(*inputs)
        torch.cuda.synchronize(device)
    names = [event.name for event in record.events() if event.device_type.name == "CUDA"]
    return sum(not name.startswith(("Memcpy", "Memset")) for name in names)
