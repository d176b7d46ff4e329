"""One batch size of a network, measured: its time, its memory, and the time of each layer."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...analysis.result import BYTES, Report, Row
from ...diagnostic import Diagnostic, Mistake
from ..allocator import AllocatorBytes, Peak, peak_of, refuse_beyond_memory
from ..build import Network, as_tuple
from .clock import Clock, Spread
from .layer_times import LayerTime, layer_times
from .predictions import fewest_bytes, held_bytes, moved_bytes, step_flops
from .settings import NUMBERS, Settings


class LayerProfile(NamedTuple):
    """Where the time of a step goes."""

    row: Row
    time: LayerTime
    flops: int  # 2·MAC of the batch, in training with the backward pass
    bytes: int  # that must at least be moved

    @property
    def seconds(self) -> float:
        """Seconds of both passes."""
        return self.time.forward + (self.time.backward or 0)


class Measurement(NamedTuple):
    """One batch size. `flops` and `bytes` are those of one step, as a layer's."""

    batch: int
    latency: Spread
    flops: int
    bytes: int
    layers: list[LayerProfile] | None  # None where they are fused
    peak: Peak
    predicted_params: int  # bytes of parameters and buffers, and of gradients in training
    predicted_activations: int  # bytes of the inputs and of every output, each kept once

    @property
    def operators(self) -> dict[str, tuple[int, float]]:
        """Layers and seconds of each class of operator, the slowest first."""
        found: dict[str, tuple[int, float]] = {}
        for layer in self.layers or ():
            count, seconds = found.get(layer.row.op, (0, 0.0))
            found[layer.row.op] = count + 1, seconds + layer.seconds
        return dict(sorted(found.items(), key=lambda item: -item[1][1]))


def measure(
    network: Network,
    report: Report,
    settings: Settings,
    device: torch.device,
    before: AllocatorBytes,
    tick: Callable[[str], None],
) -> Measurement:
    """Measure one batch size: time, then memory without what was held before, then layers.

    Errors: a MemoryError where the CPU has less memory than a step takes.
    """
    batch, width, training = report.batch, BYTES[report.dtype], settings.training
    refuse_beyond_memory(fewest_bytes(report, training), device)
    inputs = _inputs(report, settings, device)
    step = _step_of(_compiled(network, settings), inputs, settings, device)
    clock = Clock(device)
    seconds = _step_times(step, clock, settings, lambda: tick(f"batch {batch}"))
    network.zero_grad()  # the last step's gradients are no part of the next one's
    held = [*network.parameters(), *network.buffers(), *inputs]
    peak = peak_of(step, held, device, before)
    flops = step_flops(report, training)
    moved = [moved_bytes(row, batch, training, width) for row in report.rows]
    layers = None
    if not settings.compile:
        step = _step_of(network, inputs, settings, device)
        by_layer = f"batch {batch}, by layer"
        times = layer_times(network, step, clock, settings.repeat, lambda: tick(by_layer))
        layers = list(map(LayerProfile, report.rows, times, flops, moved))
    return Measurement(
        batch=batch,
        latency=Spread.of(seconds),
        flops=sum(flops),
        bytes=sum(moved),
        layers=layers,
        peak=peak,
        predicted_params=held_bytes(report, training, width if settings.by == "cast" else 4),
        predicted_activations=report.totals.activation_bytes,
    )


def memory_format(report: Report) -> torch.memory_format:
    """Return the order of axes with the channels last, as torch calls it.

    Errors: a Mistake where an input has one spatial axis, or none.
    """
    ranks = {len(shape) for shape in report.inputs.values()}
    if ranks == {3}:
        return torch.channels_last
    if ranks == {4}:
        return torch.channels_last_3d
    message = "--channels-last is for inputs with two or three spatial axes"
    raise Mistake(Diagnostic("CNN111", message))


def _step_times(
    step: Callable[[], None], clock: Clock, settings: Settings, tick: Callable[[], None]
) -> list[float]:
    """Seconds of repeated steps, after some that do not count."""
    clock.warm_up(step, settings.warmup, tick)
    seconds = []
    for _ in range(settings.repeat):
        start = clock.mark()
        step()
        end = clock.mark()
        clock.wait()
        seconds.append(clock.seconds(start, end))
        tick()
    return seconds


def _inputs(report: Report, settings: Settings, device: torch.device) -> list[Tensor]:
    """Random images on the device."""
    inputs = []
    for shape in report.inputs.values():
        x = torch.randn(report.batch, *shape, device=device, dtype=settings.stored)
        if settings.channels_last:
            x = x.to(memory_format=memory_format(report))
        inputs.append(x)
    return inputs


def _compiled(network: Network, settings: Settings) -> nn.Module:
    """The network, compiled if that was asked for."""
    if not settings.compile:
        return network
    logging.getLogger("torch._inductor").setLevel(logging.ERROR)
    torch._dynamo.reset()  # else a second batch size would be compiled for sizes that vary
    return torch.compile(network, dynamic=False)  # type: ignore[return-value]  # it is a module


def _step_of(
    network: nn.Module, inputs: list[Tensor], settings: Settings, device: torch.device
) -> Callable[[], None]:
    """What is timed: a forward pass, and in training the backward pass of its outputs' mean."""
    cast: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
    if settings.by == "autocast":
        cast = torch.autocast(device.type, NUMBERS[settings.dtype])

    def infer() -> None:
        with torch.no_grad(), cast:
            network(*inputs)

    def train() -> None:
        for parameter in network.parameters():
            parameter.grad = None
        with cast:
            outputs = as_tuple(network(*inputs))
            loss = torch.stack([y.float().mean() for y in outputs]).sum()
        if loss.requires_grad:
            loss.backward()

    return train if settings.training else infer
