"""Measures a network at one batch size: its time, its memory, and the time of each layer."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...analysis.result import BYTES, Report, Row
from ...analysis.traffic import moved_bytes
from ...diagnostic import Diagnostic, Mistake
from ..allocator import AllocatorBytes, Peak, peak_of, refuse_beyond_memory, settle
from ..build import Network, as_tuple
from ..inputs import random_inputs
from .clock import Clock, Spread
from .layer_times import LayerTime, layer_times
from .predictions import fewest_bytes, held_bytes, predicted_peak, step_flops
from .settings import NUMBERS, Settings

_FAR = 2.0  # times that layers and network may differ by: hooks and gaps between layers take time


class LayerProfile(NamedTuple):
    """The part of a step that one layer takes."""

    row: Row
    time: LayerTime
    flops: int  # 2·MAC of the batch; in training, including the backward pass
    bytes: int  # the fewest that must be moved

    @property
    def seconds(self) -> float:
        """Return the seconds of both passes."""
        return self.time.forward + (self.time.backward or 0)


class Measurement(NamedTuple):
    """What was measured at one batch size. `flops` and `bytes` are the sums over all layers."""

    batch: int
    latency: Spread
    flops: int
    bytes: int
    layers: list[LayerProfile] | None  # None where they are fused
    peak: Peak
    predicted_params: int  # bytes of parameters and buffers, and of gradients in training
    predicted_activations: int  # bytes of the inputs and of every output, each kept once
    predicted_peak: int | None  # the most in memory at once; None where it is not predicted

    @property
    def layer_share(self) -> float | None:
        """Return the seconds of all layers in latencies; None if they were not timed."""
        if self.layers is None or not self.latency.median:
            return None
        return sum(layer.seconds for layer in self.layers) / self.latency.median

    @property
    def unreliable(self) -> str | None:
        """Say why the times cannot be trusted, if so: layers and network contradict each other."""
        share = self.layer_share
        if share is None or 1 / _FAR <= share <= _FAR:
            return None
        return f"the layers add up to {share:.0%} of the latency"

    @property
    def operators(self) -> dict[str, tuple[int, float]]:
        """Return how many layers each operator has, and their seconds; the slowest is first."""
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
    """Measure the time at one batch size, then its memory, then the time of each layer.

    Memory that was held `before` is left out.

    Errors: a MemoryError if the CPU has less memory than a step takes.
    """
    batch, width, training = report.batch, BYTES[report.dtype], settings.training
    refuse_beyond_memory(fewest_bytes(report, settings), device)
    inputs = _inputs(report, settings, device)
    settle(device)
    step = _step_of(_compiled(network, settings), inputs, settings, device)
    clock = Clock(device)
    seconds = _step_times(step, clock, settings, lambda: tick(f"batch {batch}"))
    network.zero_grad()  # the memory of the next step does not include the last step's gradients
    held = [*network.parameters(), *network.buffers(), *inputs]
    peak = peak_of(step, held, device, before)
    flops = step_flops(report, training)
    moved = [moved_bytes(report, row, training, width) for row in report.rows]
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
        predicted_peak=predicted_peak(report, settings),
    )


def memory_format(report: Report) -> torch.memory_format:
    """Return torch's memory format that stores the channels last.

    Errors: a Mistake if an input has fewer than two spatial axes.
    """
    ranks = {len(shape) for shape in report.inputs.values()}
    if ranks == {3}:
        return torch.channels_last
    if ranks == {4}:
        return torch.channels_last_3d
    message = "--channels-last needs inputs with two or three spatial axes"
    raise Mistake(Diagnostic("CNN111", message))


def _step_times(
    step: Callable[[], None], clock: Clock, settings: Settings, tick: Callable[[], None]
) -> list[float]:
    """Return the seconds of repeated steps, after a few that do not count."""
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
    """Return random images on the device."""
    inputs = random_inputs(report.graph, report.batch, device=device, dtype=settings.stored)
    if not settings.channels_last:
        return inputs
    return [x.to(memory_format=memory_format(report)) for x in inputs]


def _compiled(network: Network, settings: Settings) -> nn.Module:
    """Return the network, compiled if the settings say so."""
    if not settings.compile:
        return network
    logging.getLogger("torch._inductor").setLevel(logging.ERROR)
    torch._dynamo.reset()  # otherwise, a second batch size would be compiled for varying sizes
    return torch.compile(network, dynamic=False)  # type: ignore[return-value]  # it is a module


def _step_of(
    network: nn.Module, inputs: list[Tensor], settings: Settings, device: torch.device
) -> Callable[[], None]:
    """Return what is timed: a forward pass and, in training, backward from its outputs' mean."""
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
