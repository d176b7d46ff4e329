"""Predicts how long a network takes on a device, layer by layer, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from ...diagnostic import Diagnostic, Mistake
from ...graph import Graph
from ...ops.autocast import Amp
from ..result import BYTES
from .backward import training_kernels
from .device_file import Device
from .devices import OTHER_BATCH, Model, model
from .kernels import Kernel, Way, kernels
from .model import Coefficients, Peaks, Times, channels_first, times, traits

Bound = Literal["compute", "memory", "launch"]
BOUNDS: tuple[Bound, ...] = ("compute", "memory", "launch")
Mode = Literal["inference", "training"]
NEW_BATCH = 1.5  # by how much an interval is wider, as a power, for batches far from measured ones
NEW_MODE = 1.5  # the same for training, of which there are no measurements


class Asked(NamedTuple):
    """How the network runs."""

    dtype: str = "float32"
    amp: Amp | None = None
    channels_last: bool = False
    compile: bool = False
    mode: Mode = "inference"
    optimizer: str = "sgd"

    @property
    def way(self) -> Way:
        """What decides about the kernels."""
        return Way(
            width=BYTES["float32" if self.amp or self.dtype == "tf32" else self.dtype],
            amp=self.amp,
            channels_last=self.channels_last,
            compile=self.compile,
        )


class LayerTime(NamedTuple):
    """The seconds of one layer for the batch, and what bounds it."""

    layer: int
    path: str
    kind: str  # of the kernel that takes longest
    seconds: float
    bound: Bound
    macs: int  # of the batch
    bytes: int  # of the batch

    @property
    def intensity(self) -> float | None:
        """FLOP for each byte; None if it moves none."""
        return 2 * self.macs / self.bytes if self.bytes else None


class Part(NamedTuple):
    """What kernels of one kind take together: seconds and multiply–accumulates of the batch."""

    kind: str
    seconds: float
    macs: int


class Prediction(NamedTuple):
    """The time of a network on a device at one batch."""

    model: Model
    asked: Asked
    batch: int
    seconds: float
    interval: tuple[float, float]
    layers: list[LayerTime]
    bounds: dict[Bound, float]  # seconds by what bounds them
    parts: list[Part]  # by kind of kernel; the slowest first
    macs: int
    bytes: int
    notes: list[str]

    @property
    def images_per_second(self) -> float:
        """Images a second."""
        return self.batch / self.seconds

    @property
    def bound(self) -> Bound:
        """What bounds the largest part of the time."""
        return max(BOUNDS, key=lambda bound: self.bounds[bound])

    @property
    def intensity(self) -> float:
        """FLOP for each byte that is moved."""
        return 2 * self.macs / self.bytes if self.bytes else 0.0

    @property
    def ridge(self) -> float:
        """The intensity from which a kernel at the peaks is bound by compute."""
        return self.model.peaks.operations / self.model.peaks.bandwidth

    @property
    def reached(self) -> float:
        """The share of the peak that the multiply–accumulates reach."""
        return 2 * self.macs / self.seconds / self.model.peaks.operations


def predict(graph: Graph, device: Device, batches: Iterable[int], asked: Asked) -> list[Prediction]:
    """Predict the time at each batch.

    Errors: a Mistake: CNN425 for a type of number that the device has no peak for, CNN111 for a
    network that does no work, or of which some is not declared.
    """
    way = asked.way._replace(device="cpu" if device.speed.is_cpu else "cuda")
    found = predictions(graph, model(device, way, asked.dtype), batches, asked, way)
    if not all(prediction.layers for prediction in found):
        raise Mistake(Diagnostic("CNN111", "the network does no work: there is no time to predict"))
    return found


def predictions(
    graph: Graph, found: Model, batches: Iterable[int], asked: Asked, way: Way
) -> list[Prediction]:
    """Predict the time at each batch by a model.

    Errors: a Mistake (CNN111) if a layer does not declare its multiply–accumulates.
    """
    parts = all_kernels(graph, asked, way)
    return [_at(graph, parts, found, batch, asked, way) for batch in batches]


def all_kernels(graph: Graph, asked: Asked, way: Way) -> list[Kernel]:
    """Return the kernels of inference, or of a step of training.

    Errors: a Mistake (CNN111) if a layer does not declare its multiply–accumulates.
    """
    for node in graph.nodes:
        if node.op is not None and "macs" in node.op.undeclared:
            message = f"`{node.path}` does not declare its `macs`"
            help = "write `macs` beside `out`: without them, its time is unknown"
            raise Mistake(Diagnostic("CNN111", message, node.position, help))
    forward = kernels(graph, way)
    if asked.mode == "training":
        return training_kernels(graph, way, forward, asked.optimizer)
    return forward


def _at(
    graph: Graph, parts: Sequence[Kernel], found: Model, batch: int, asked: Asked, way: Way
) -> Prediction:
    layers: dict[int, list[tuple[Kernel, Times]]] = {}
    bounds: dict[Bound, float] = dict.fromkeys(BOUNDS, 0.0)
    kinds: dict[str, Part] = {}
    for kernel, time in zip(parts, each(parts, found.coefficients, found.peaks, way, batch)):
        layers.setdefault(kernel.layer, []).append((kernel, time))
        for bound, seconds in split(time).items():
            bounds[bound] += seconds
        part = kinds.get(kernel.kind, Part(kernel.kind, 0.0, 0))
        macs = part.macs + kernel.macs * batch
        kinds[kernel.kind] = Part(kernel.kind, part.seconds + time.total(), macs)
    rows = [_layer(graph, layer, own, batch) for layer, own in sorted(layers.items())]
    seconds = sum(row.seconds for row in rows)
    low, high, notes = _spread(found, batch, asked)
    return Prediction(
        model=found,
        asked=asked,
        batch=batch,
        seconds=seconds,
        interval=(seconds * low, seconds * high),
        layers=rows,
        bounds=bounds,
        parts=sorted(kinds.values(), key=lambda part: -part.seconds),
        macs=sum(row.macs for row in rows),
        bytes=sum(row.bytes for row in rows),
        notes=notes,
    )


def each(
    parts: Sequence[Kernel], c: Coefficients, peaks: Peaks, way: Way, batch: int
) -> list[Times]:
    """Return the times of kernels; equal ones are computed once."""
    first = channels_first(parts, way)
    known: dict[tuple[object, ...], Times] = {}
    found = []
    for kernel in parts:
        key = kernel.work
        if key not in known:
            known[key] = times(traits(kernel, way, first), c, peaks, batch)
        found.append(known[key])
    return found


def split(time: Times) -> dict[Bound, float]:
    """Return the seconds by what bounds them."""
    computed = time.compute if time.compute >= time.memory else 0.0
    moved = time.beside if computed else time.memory + time.beside
    return {"compute": computed, "memory": moved, "launch": time.launch}


def _layer(graph: Graph, layer: int, own: list[tuple[Kernel, Times]], batch: int) -> LayerTime:
    bounds: dict[Bound, float] = dict.fromkeys(BOUNDS, 0.0)
    for _, time in own:
        for bound, seconds in split(time).items():
            bounds[bound] += seconds
    slowest = max(own, key=lambda one: one[1].total())[0]
    return LayerTime(
        layer=layer,
        path=graph.nodes[layer].path if layer >= 0 else "optimizer",
        kind=slowest.kind,
        seconds=sum(bounds.values()),
        bound=max(BOUNDS, key=lambda bound: bounds[bound]),
        macs=sum(kernel.macs for kernel, _ in own) * batch,
        bytes=sum((kernel.read + kernel.written) * batch + kernel.weights for kernel, _ in own),
    )


def _spread(found: Model, batch: int, asked: Asked) -> tuple[float, float, list[str]]:
    """Return the factors of the interval, and why it is wider than usual."""
    low, high, notes = found.low, found.high, []
    if found.batches is not None:
        least, most = found.batches
        if not least / OTHER_BATCH <= batch <= most * OTHER_BATCH:
            low, high = low**NEW_BATCH, high**NEW_BATCH
            measured = f"{least:,}" if least == most else f"{least:,} to {most:,}"
            notes.append(f"measured at batch {measured}: at {batch:,} the interval is wider")
    if asked.mode == "training" and not found.trained:
        low, high = low**NEW_MODE, high**NEW_MODE
        notes.append("nothing was measured in training: the interval is wider")
    return low, high, notes
