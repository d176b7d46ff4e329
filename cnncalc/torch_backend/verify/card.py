"""What only a graphics card confirms: bytes as its allocator hears of them, its outputs, the kernels it ran."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...analysis.rows import Report
from ..allocator import requested_bytes
from ..build import Network, assemble
from ..precision import float32_precision

IMAGES = 2  # that the card's outputs are compared with the CPU's for
TOLERANCE = 1e-3  # of the outputs' length: both add up in float32, in other orders


class Confirmed(NamedTuple):
    """How far the outputs lie from the CPU's, ‖a − b‖ / ‖b‖, and the kernels of one forward pass."""

    output_error: float
    kernels: int | None  # None where torch's profiler cannot see them


def confirmed(network: Network, report: Report, device: torch.device) -> Confirmed:
    """Runs a network on a card and the same one on the CPU, with the same random weights and images."""
    random = torch.Generator().manual_seed(0)
    fill(network)
    twin = assemble(report.graph, "meta").to_empty(device="cpu").eval()
    twin.load_state_dict(network.state_dict())
    images = [torch.randn(IMAGES, *shape, generator=random) for shape in report.inputs.values()]
    placed = [image.to(device) for image in images]
    with torch.no_grad(), float32_precision(False, device):
        expected, found = listed(twin(*images)), listed(network(*placed))
        error = max(distance(a, b) for a, b in zip(found, expected))
        return Confirmed(error, kernels(network, placed, device))


def fill(network: nn.Module) -> None:
    """Random weights that keep the size of what runs through: else the outputs are those of the biases."""
    for parameter in network.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=(2 / max(parameter[0].numel(), 1)) ** 0.5)
        else:
            nn.init.uniform_(parameter, 0.5, 1.0)
    for name, buffer in network.named_buffers():
        nn.init.constant_(buffer, 0 if name.endswith("running_mean") else 1)


def listed(outputs: Tensor | tuple[Tensor, ...]) -> Sequence[Tensor]:
    """The outputs of a network, however many."""
    return outputs if isinstance(outputs, tuple) else (outputs,)


def distance(found: Tensor, expected: Tensor) -> float:
    """‖a − b‖ / ‖b‖; infinite where one of them is not finite."""
    a, b = found.cpu().double(), expected.double()
    error = float((a - b).norm() / b.norm().clamp(min=torch.finfo(torch.float32).tiny))
    return error if error == error else float("inf")


def kernels(network: nn.Module, inputs: Sequence[Tensor], device: torch.device) -> int | None:
    """Kernels of one forward pass, copies and fills of memory left out."""
    from torch.profiler import ProfilerActivity, profile, supported_activities

    if ProfilerActivity.CUDA not in supported_activities():
        return None
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as record:
        network(*inputs)
        torch.cuda.synchronize(device)
    names = [
        event.name
        for event in record.events()
        if event.device_type == torch.autograd.DeviceType.CUDA
    ]
    return sum(not name.startswith(("Memcpy", "Memset")) for name in names)


def placed(network: Network, device: torch.device) -> dict[str, int]:
    """Moves a network from meta to a card, its values undefined: bytes that the tensors of each module asked for."""
    asked: dict[str, int] = {}
    for path, module in network.named_modules():
        before = requested_bytes(device) or 0
        module.to_empty(device=device, recurse=False)
        asked[path] = (requested_bytes(device) or 0) - before
    return asked
