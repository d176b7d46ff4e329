"""What the network of a spec takes on a device: time, by layer too, and memory, beside what was predicted."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from ...analysis.analyze import analyze
from ...analysis.memory.storage import buffer_bytes
from ...analysis.rows import BYTES, Report, Row
from ...diagnostic import Diagnostic, Mistake, first_line
from ...language.spec import Spec
from ...num import product
from ..allocator import (
    Held,
    Peak,
    available,
    fits,
    fitting,
    held_by,
    largest_that_fits,
    peak_of,
    too_large,
)
from ..build import Network, assemble
from ..device import described, device_of, needs_tf32
from ..precision import float32_precision
from .clock import Clock, Spread
from .layer_times import LayerTime, layer_times

Mode = Literal["inference", "training"]
NUMBERS = {
    "float32": torch.float32,
    "tf32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}


class Settings(NamedTuple):
    """How a network is run."""

    device: str = "cpu"
    dtype: str = "float32"
    autocast: bool | None = (
        None  # weights stay float32 and operators choose; None: in training, not at inference
    )
    mode: Mode = "inference"
    warmup: int = 3
    repeat: int = 10
    compile: bool = False
    channels_last: bool = False

    def runs(self, batches: int) -> int:
        """How often the network is run for a number of batch sizes, by layer too."""
        return batches * (self.warmup + (1 if self.compile else 2) * self.repeat)

    @property
    def training(self) -> bool:
        return self.mode == "training"

    @property
    def by(self) -> str:
        """How the type of number is reached: ``cast`` or ``autocast``."""
        if NUMBERS[self.dtype] is torch.float32:
            return "as is"
        return "autocast" if (self.training if self.autocast is None else self.autocast) else "cast"


class Layer(NamedTuple):
    """Where the time goes. `flops` are 2·MAC of the batch, backward included in training; `bytes` what must at least be moved."""

    row: Row
    time: LayerTime
    flops: int
    bytes: int

    @property
    def seconds(self) -> float:
        return self.time.forward + (self.time.backward or 0)


class Measurement(NamedTuple):
    """One batch size. `flops` and `bytes` are those of one step, as a layer's."""

    batch: int
    latency: Spread
    flops: int
    bytes: int
    layers: list[Layer] | None  # None where they are fused
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


class Profile(NamedTuple):
    """All batch sizes that fit."""

    report: Report
    settings: Settings
    environment: dict[str, str | None]
    measurements: list[Measurement]
    too_large: int | None  # the first batch that did not fit
    fits: int | None  # the largest that did, if one did not

    @property
    def diagnostics(self) -> list[Diagnostic]:
        if self.too_large is None:
            return []
        other = (
            "a smaller batch, another --dtype, or --mode inference"
            if self.settings.training
            else "a smaller batch, or another --dtype"
        )
        return [too_large(self.too_large, self.fits, torch.device(self.settings.device), other)]


def profile(
    spec: Spec,
    variant: str | None = None,
    *,
    set: Mapping[str, Any] | None = None,
    input: Any = None,
    batches: Sequence[int] = (1,),
    settings: Settings = Settings(),
    tick: Callable[[str], None] = lambda what: None,
) -> Profile:
    """Runs the network of a spec at each batch size; `tick` hears of every run.

    Inference is a forward pass; training is one, the mean of its outputs, and the backward pass, no optimizer.
    Errors: a Mistake where the spec has errors, or the device, the type or compiling cannot be had.
    """
    device = device_of(settings.device, meta=False)
    report = analyze(spec, variant, set=set, input=input).or_mistake()
    tf32 = settings.dtype == "tf32"
    if tf32:
        needs_tf32(device)
    measurements: list[Measurement] = []
    first_too_large = fitted = None
    with float32_precision(tf32, device):
        before = held_by(device)
        network = placed(report, settings, device)

        def attempt(batch: int, settings: Settings = settings) -> Measurement | None:
            one = analyze(
                spec,
                variant,
                set=set,
                input=input,
                batch=batch,
                dtype="float32" if tf32 else settings.dtype,
            )
            return tried(network, one, settings, device, before, tick)

        for batch in sorted({*batches}):
            found = attempt(batch)
            if found is None:
                first_too_large, fitted = batch, measurements[-1].batch if measurements else None
                break
            measurements.append(found)
        if first_too_large and fitted is None:
            short = settings._replace(warmup=0, repeat=1, compile=False)
            fitted = largest_that_fits(first_too_large, lambda batch: attempt(batch, short))
    return Profile(report, settings, described(device), measurements, first_too_large, fitted)


def tried(
    network: Network,
    report: Report,
    settings: Settings,
    device: torch.device,
    before: Held,
    tick: Callable[[str], None],
) -> Measurement | None:
    """One batch size, or None where it does not fit. By then all that it had taken is free again."""
    found: list[Measurement] = []

    def attempt() -> None:
        try:
            found.append(measure(network, report, settings, device, before, tick))
        finally:
            network.zero_grad()

    try:
        fits(attempt)
    except Exception as error:
        raise Mistake(
            Diagnostic(
                "CNN404", f"the network does not run at batch {report.batch}: {first_line(error)}"
            )
        ) from error
    return found[0] if found else None


def placed(report: Report, settings: Settings, device: torch.device) -> Network:
    """The network on the device, in its type, mode and order of axes."""
    with fitting("the network alone, without an image,", device):
        network = assemble(
            report.graph, device, NUMBERS[settings.dtype] if settings.by == "cast" else None
        )
    network.train(settings.training)
    if settings.channels_last:
        network.to(memory_format=memory_format(report))  # type: ignore[call-overload]
    return network


def memory_format(report: Report) -> torch.memory_format:
    ranks = {len(shape) for shape in report.inputs.values()}
    if ranks == {3}:
        return torch.channels_last
    if ranks == {4}:
        return torch.channels_last_3d
    raise Mistake(
        Diagnostic("CNN111", "--channels-last is for inputs with two or three spatial axes")
    )


def measure(
    network: Network,
    report: Report,
    settings: Settings,
    device: torch.device,
    before: Held,
    tick: Callable[[str], None],
) -> Measurement:
    """One batch size: time, then memory without what was held before, then time by layer."""
    width = BYTES[report.dtype]
    params, activations = predicted_bytes(report, settings)
    if device.type == "cpu" and least_bytes(report, settings) > available():
        raise MemoryError  # not tried: a CPU that has no more memory ends the process instead of refusing
    inputs = inputs_of(report, settings, device)
    step = step_of(compiled(network, settings), inputs, settings, device)
    clock, times = Clock(device), []
    clock.warm_up(step, settings.warmup, lambda: tick(f"batch {report.batch}"))
    for _ in range(settings.repeat):
        start = clock.mark()
        step()
        end = clock.mark()
        clock.wait()
        times.append(clock.seconds(start, end))
        tick(f"batch {report.batch}")
    network.zero_grad()  # the last step's gradients are no part of the next one's
    peak = peak_of(step, [*network.parameters(), *network.buffers(), *inputs], device, before)
    layers, counts = None, flops_of(report, settings)
    if not settings.compile:
        eager = step_of(network, inputs, settings, device)
        seconds = layer_times(
            network, eager, clock, settings.repeat, lambda: tick(f"batch {report.batch}, by layer")
        )
        layers = [
            Layer(row, time, count, bytes_of(row, report, width, settings))
            for row, time, count in zip(report.rows, seconds, counts)
        ]
    flops = sum(counts)
    moved = sum(bytes_of(row, report, width, settings) for row in report.rows)
    return Measurement(
        report.batch, Spread.of(times), flops, moved, layers, peak, params, activations
    )


def inputs_of(report: Report, settings: Settings, device: torch.device) -> list[Tensor]:
    """Random images."""
    dtype = NUMBERS[settings.dtype] if settings.by == "cast" else torch.float32
    inputs = [
        torch.randn(report.batch, *shape, device=device, dtype=dtype)
        for shape in report.inputs.values()
    ]
    return (
        [x.to(memory_format=memory_format(report)) for x in inputs]
        if settings.channels_last
        else inputs
    )


def compiled(network: Network, settings: Settings) -> nn.Module:
    if not settings.compile:
        return network
    logging.getLogger("torch._inductor").setLevel(logging.ERROR)
    torch._dynamo.reset()  # else a second batch size would be compiled for sizes that vary
    return torch.compile(network, dynamic=False)  # type: ignore[return-value]


def step_of(
    network: nn.Module, inputs: list[Tensor], settings: Settings, device: torch.device
) -> Callable[[], None]:
    """What is timed: a forward pass, and in training the backward pass of the mean of its outputs."""
    cast = (
        torch.autocast(device.type, NUMBERS[settings.dtype])
        if settings.by == "autocast"
        else contextlib.nullcontext()
    )

    def infer() -> None:
        with torch.no_grad(), cast:
            network(*inputs)

    def train() -> None:
        for parameter in network.parameters():
            parameter.grad = None
        with cast:
            y = network(*inputs)
            loss = torch.stack(
                [output.float().mean() for output in (y if isinstance(y, tuple) else (y,))]
            ).sum()
        if loss.requires_grad:
            loss.backward()

    return train if settings.training else infer


def predicted_bytes(report: Report, settings: Settings) -> tuple[int, int]:
    """Of parameters, buffers and gradients, and of activations."""
    full = 4 if settings.by != "cast" else BYTES[report.dtype]
    params = report.totals.params * full * (2 if settings.training else 1)
    return params + buffer_bytes(report.graph, full), report.totals.activation_bytes


def least_bytes(report: Report, settings: Settings) -> int:
    """What a step takes at the very least beside the network: the largest layer's input and output, or all activations in training."""
    if settings.training:
        return report.totals.activation_bytes
    width = BYTES[report.dtype]
    return max(
        (
            report.batch * width * (sum(map(product, row.input_shapes)) + product(row.output_shape))
            for row in report.rows
        ),
        default=0,
    )


def flops_of(report: Report, settings: Settings) -> list[int]:
    """2·MAC of each layer; backward takes as much for the weights, and again for the input where something trained comes before."""
    trained: dict[str, bool] = dict.fromkeys(report.inputs, False)
    counts = []
    for row in report.rows:
        before = any(trained[path] for path in row.inputs)
        trained[row.path] = before or bool(row.params) or row.shared_with is not None
        counts.append(2 * row.macs * ((3 if before else 2) if settings.training else 1))
    return counts


def bytes_of(row: Row, report: Report, width: int, settings: Settings) -> int:
    """Inputs read, output written, weights read: the least that must be moved. In training three times as much: their gradients."""
    if row.flops == 0 and row.activations == 0:
        return 0  # a view, or nothing to do
    values = report.batch * (sum(map(product, row.input_shapes)) + product(row.output_shape))
    return (values + row.params) * width * (3 if settings.training else 1)
