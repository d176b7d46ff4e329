"""Fits a device to what `cnncalc profile` measured on it.

A profile is the JSON of that command. Its network is read again, and must have as many
multiply–accumulates as were measured.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...diagnostic import Diagnostic, Mistake
from ...graph import Graph
from ...language.load import load
from ...text_file import read_text, reason
from ...wording import listed, plural
from ..memory.devices import Speed
from . import fitting
from .device_file import NUMBERS, Device, positive
from .devices import device, entry, peaks_of, start_of
from .kernels import Way, kernels
from .model import Coefficients

STEADY = 0.25  # of the median, by which the quartiles of a run may lie apart
FEWEST = 5  # networks from which a device is fitted
_SOURCE = "cnncalc latency --calibrate"
# Shares of the fastest layers that were measured on a CPU, which its caches make fast.
OF_FASTEST = Coefficients(
    dense=1.0,
    pointwise=0.7,
    linear=0.2,
    functions=0.013,
    product=0.3,
    depthwise_bytes=0.2,
    elementwise=0.5,
    broadcast=0.4,
    norm=0.4,
    reduction=0.3,
    copy=0.2,
    weights=0.12,
    linear_weights=0.4,
    order=0.5,
    fresh=0.03,
    launch=1e-5,
)


class Profile(NamedTuple):
    """One measurement: a network at a batch, and how it ran."""

    file: str
    network: str
    measured: fitting.Measured
    way: Way
    dtype: str
    torch: str
    device: str


class Calibration(NamedTuple):
    """A device that was fitted, what was left out, and by how much each measurement is off.

    `errors` are the logarithms of predicted over measured seconds, by a fit without the network.
    """

    device: Device
    profiles: list[Profile]
    errors: list[float]
    predicted: list[float]
    diagnostics: list[Diagnostic]


def calibrate(files: Sequence[str], name: str | None = None) -> Calibration:
    """Fit a device to profiles of inference; `name` is its name or its peaks.

    Errors: a Mistake for files that cannot be read (CNN002), that are no profiles (CNN426), and for
    too few measurements (CNN427).
    """
    faults: list[Diagnostic] = []
    rates: list[tuple[float, float]] = []
    profiles: list[Profile] = []
    for file in files:
        found, own_rates, wrong = _profiles(file)
        profiles += found
        rates += own_rates
        faults += wrong
    profiles = _alike(profiles, faults)
    networks = list(dict.fromkeys(one.network for one in profiles))
    if len(networks) < FEWEST:
        message = f"{plural(len(networks), 'network')} can be used, but a fit needs {FEWEST}"
        help = "`cnncalc latency --suite DIR` writes specs to measure"
        raise Mistake(*faults, Diagnostic("CNN427", message, help=help))
    first = profiles[0]
    base = _base(name, first, rates)
    peaks = peaks_of(base, first.way, first.dtype)
    table = fitting.Table([one.measured for one in profiles], first.way, peaks)
    on_cpu = name is None and first.way.eager_cpu
    usual = start_of(peaks, OF_FASTEST) if on_cpu else start_of(peaks)
    logarithms = fitting.fit(table, usual)
    errors = fitting.left_out(table, usual, lambda one: one.name)
    one = entry(
        device=base.name,
        way=first.way,
        torch=first.torch,
        found=table,
        coefficients=fitting.coefficients(logarithms),
        errors=errors,
        source=_SOURCE,
        dtype=first.dtype,
    )
    return Calibration(
        device=base._replace(fits=[one]),
        profiles=profiles,
        errors=errors,
        predicted=[float(seconds) for seconds in table.predicted(logarithms)],
        diagnostics=faults,
    )


def _base(name: str | None, first: Profile, rates: Sequence[tuple[float, float]]) -> Device:
    """Return the device with its peaks; without a name, they are the fastest layers that ran."""
    is_cpu = first.way.device == "cpu"
    if name is not None:
        found = device(name)
        return found._replace(speed=found.speed._replace(is_cpu=is_cpu), fits=[])
    flops = max((rate for rate, _ in rates), default=0.0)
    moved = max((rate for _, rate in rates), default=0.0)
    if not flops or not moved:
        message = "the profiles have no layers from which the peaks could be read"
        help = "give them: --device fp32=0.1,bw=20, in TFLOP/s and GB/s"
        raise Mistake(Diagnostic("CNN427", message, help=help))
    number = NUMBERS[first.way.amp or first.dtype]
    speed = Speed(
        name=first.device,
        tflops={number: round(flops / 1e12, 4)},
        gb_per_s=round(moved / 1e9, 2),
        source="the fastest layers that were measured",
        checked=False,
        is_cpu=is_cpu,
    )
    return Device(first.device, speed, [])


def _profiles(file: str) -> tuple[list[Profile], list[tuple[float, float]], list[Diagnostic]]:
    """Read the measurements of a file, the rates of its layers, and what cannot be used."""
    try:
        data = json.loads(read_text(file))
    except OSError as error:
        raise Mistake(Diagnostic("CNN002", f"cannot read {file}: {reason(error)}")) from None
    except (ValueError, RecursionError):
        raise Mistake(_no_profile(file, ": it is not JSON, or was cut off")) from None
    try:
        return _read(file, data)
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError):
        raise Mistake(_no_profile(file)) from None


def _no_profile(file: str, why: str = "") -> Diagnostic:
    help = "`cnncalc profile SPEC --format json -o FILE` writes one"
    return Diagnostic("CNN426", f"{file} is not a profile{why}", help=help)


_Read = tuple[list[Profile], list[tuple[float, float]], list[Diagnostic]]


def _read(file: str, data: dict[str, Any]) -> _Read:
    target, faults = str(data["spec"]), []
    if data["mode"] != "inference":
        return [], [], [_unusable(file, "it measured training, and only inference is fitted")]
    graph = _graph(file, target, data)
    way = Way(
        width=4 if data["dtype"] in ("float32", "tf32") or data["dtype_by"] == "autocast" else 2,
        amp=data["dtype"] if data["dtype_by"] == "autocast" else None,
        channels_last=bool(data["channels_last"]),
        compile=bool(data["compile"]),
        device="cuda" if str(data["device"]).startswith("cuda") else "cpu",
    )
    parts = tuple(kernels(graph, way))
    macs = sum(kernel.macs for kernel in parts)
    found, rates, unsteady = [], [], {}
    if not data["batches"]:
        return [], [], [_unusable(file, "nothing was measured, as its first batch did not fit")]
    for one in data["batches"]:
        batch, times = int(positive(one["batch"])), one["latency"]
        if int(one["flops"]) != 2 * macs * batch:
            why = f"it is of another network than {target}: {one['flops'] // 2 // batch:,} MACs"
            return [], [], [_unusable(file, f"{why}, not {macs:,}")]
        middle, least = positive(times["median"]), positive(times["least"])
        apart = (positive(times["q3"]) - positive(times["q1"])) / middle
        if apart > STEADY:
            unsteady[batch] = apart
            continue
        seconds = least if way.device == "cpu" else middle
        measured = fitting.Measured(target, target, parts, batch, seconds)
        dtype = "float32" if way.amp else str(data["dtype"])
        found.append(
            Profile(
                file=file,
                network=target,
                measured=measured,
                way=way,
                dtype=dtype,
                torch=str(data["torch"]),
                device=str(data["device_name"]),
            )
        )
        for layer in one["layers"] or ():
            both = layer["flops_per_second"], layer["bytes_per_second"]
            flops, moved = (positive(rate) if rate else 0.0 for rate in both)
            rates.append((flops, moved))
    if unsteady:
        batches = listed([f"{batch:,}" for batch in unsteady])
        why = f"at batch {batches} its runs lie apart by up to {max(unsteady.values()):.0%}"
        faults.append(_unusable(file, f"{why}: the device was throttled, or busy"))
    return found, rates, faults


def _graph(file: str, target: str, data: dict[str, Any]) -> Graph:
    """Read the network of a profile, from the folder of the profile too."""
    beside = Path(file).parent / target
    path = str(beside) if beside.suffix in (".yaml", ".yml") and beside.is_file() else target
    try:
        spec = load(path)
    except Mistake as mistake:
        message = f"the network of {file} cannot be read: {mistake.diagnostics[0].message}"
        raise Mistake(Diagnostic("CNN426", message)) from None
    given = {name: tuple(shape) for name, shape in data["input"].items()}
    graph = spec.graph(data["variant"] or spec.variant, None, given)
    if not graph.outputs:
        raise ValueError
    return graph


def _unusable(file: str, why: str) -> Diagnostic:
    return Diagnostic("CNN426", f"{file} is not used: {why}", severity="warning")


def _alike(profiles: list[Profile], faults: list[Diagnostic]) -> list[Profile]:
    """Keep the profiles that ran as most of them did, and name the others."""

    def how(one: Profile) -> tuple[Any, ...]:
        return one.device, one.torch, one.way, one.dtype

    ways = [how(one) for one in profiles]
    if not ways:
        return []
    usual = max(dict.fromkeys(ways), key=ways.count)
    words = ("device", "version of torch", "way to run", "type of number")
    kept, named = [], set()
    for one, way in zip(profiles, ways):
        if way == usual:
            kept.append(one)
        elif one.file not in named:
            named.add(one.file)
            differing = [word for word, a, b in zip(words, way, usual) if a != b]
            faults.append(_unusable(one.file, f"another {listed(differing)} than the others"))
    return kept
