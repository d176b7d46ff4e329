"""Knows how fast devices are: their peaks by data sheets, and coefficients that were fitted.

`fitted.json` has the coefficients of some devices, with how far they were off on families of
networks that they were not fitted to. For all others, their mean is used, and the interval
is as wide as that one is off.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...diagnostic import Diagnostic, Mistake, misspelled
from ..memory.devices import Speed, known_speeds, plain_name
from .device_file import NUMBERS, Device, read
from .kernels import Way
from .model import GIGA, TERA, Coefficients, Peaks

if TYPE_CHECKING:
    from .fitting import Table

FITTED = Path(__file__).with_name("fitted.json")
KEYS = (*NUMBERS.values(), "bw", "launch")  # of a device that is described by numbers
LOWEST, HIGHEST = 0.0001, 1e9  # of these numbers
_EXAMPLE = "such as `fp16=60,bw=500`: 60 TFLOP/s in float16, and 500 GB/s"
BEYOND = 1.35  # how far a mean of other devices is usually off, as a factor, where none is known
UNMEASURED = 1.25  # by how much more, if no device was measured in this way at all
FILLING = 2e2  # values that half fill a device, for each TFLOP/s in float32
OTHER_BATCH = 4  # batches that are so many times smaller or larger than the measured ones are new


class Model(NamedTuple):
    """How long a device takes: peaks, coefficients, and factors between which times lie.

    `basis` says in words where the coefficients are from, and `batches` are those that were
    measured, if any were.
    """

    device: str
    peaks: Peaks
    coefficients: Coefficients
    low: float
    high: float
    basis: str
    batches: tuple[int, int] | None = None
    trained: bool = False  # whether training was measured


@cache
def fits() -> tuple[Mapping[str, Any], ...]:
    """Return what was fitted to measurements, the newest last."""
    if not FITTED.exists():
        return ()
    return tuple(json.loads(FITTED.read_text("utf-8"))["fits"])


def device(text: str) -> Device:
    """Return a device by its name, its numbers such as ``fp16=60,bw=500``, or its file.

    Errors: a Mistake (CNN424) for an unknown name, with the most similar one, and for numbers that
    cannot be read; CNN426 for a file that does not describe one.
    """
    if text.endswith(".json"):
        return read(text)
    if "=" in text:
        return _described(text)
    by_plain = {plain_name(speed.name): speed for speed in known_speeds()}
    found = by_plain.get(plain_name(text))
    if found is None:
        fault = Diagnostic("CNN424", f"unknown device `{text}`")
        names = f"the devices are {', '.join(speed.name for speed in by_plain.values())};"
        listing = f"{names} or give its peaks, such as `fp16=60,bw=500`, in TFLOP/s and GB/s"
        known = [speed.name.lower() for speed in by_plain.values()]
        raise Mistake(misspelled(fault, text.lower(), known, listing))
    return Device(found.name, found, [one for one in fits() if one["device"] == found.name])


def _described(text: str) -> Device:
    """Read ``fp16=60,bw=500``: peaks in TFLOP/s, bytes in GB/s, launches in µs."""
    given: dict[str, float] = {}
    for part in text.split(","):
        key, _, value = part.partition("=")
        key, value = key.strip().lower(), value.strip()
        if not key:
            message = f"a name is missing in `{text}`"
            raise Mistake(Diagnostic("CNN424", message, help=_EXAMPLE))
        if key not in KEYS:
            fault = Diagnostic("CNN424", f"unknown peak `{key}` of a device")
            raise Mistake(misspelled(fault, key, KEYS, f"the peaks are {', '.join(KEYS)}"))
        if key in given:
            raise Mistake(Diagnostic("CNN424", f"`{key}` is given twice in `{text}`"))
        given[key] = _peak(key, value)
    if "bw" not in given or not given.keys() & set(NUMBERS.values()):
        message = f"a device needs a peak and a bandwidth, and `{text}` lacks one"
        raise Mistake(Diagnostic("CNN424", message, help=_EXAMPLE))
    peaks = {key: given[key] for key in NUMBERS.values() if key in given}
    speed = Speed(
        name=text,
        tflops=peaks,
        gb_per_s=given["bw"],
        source="as given",
        checked=False,
    )
    return Device(text, speed, (), given.get("launch", 0) * 1e-6 or None)


def _peak(key: str, value: str) -> float:
    """Read the number of a peak; fractions of a number that no device has would be infinite."""
    if not re.fullmatch(r"[0-9]*\.?[0-9]+(e[+-]?[0-9]{1,2})?", value):
        message = f"`{key}` takes a positive number without a unit, not `{value}`"
        raise Mistake(Diagnostic("CNN424", message, help=_EXAMPLE))
    if not LOWEST <= float(value) <= HIGHEST:
        message = f"`{key}` takes a number from {LOWEST} to {HIGHEST:,.0f}, not `{value}`"
        raise Mistake(Diagnostic("CNN424", message, help=_EXAMPLE))
    return float(value)


def peaks_of(found: Device | str, way: Way, dtype: str = "float32") -> Peaks:
    """Return the peaks of a device for the type of number that a network computes with.

    Errors: a Mistake (CNN425) for a type that it has no peak for.
    """
    if isinstance(found, str):
        found = device(found)
    number = NUMBERS.get(way.amp or dtype)
    peaks = found.speed.tflops
    if number not in peaks:
        has = [name for name, key in NUMBERS.items() if key in peaks]
        message = f"`{found.name}` has no peak for {way.amp or dtype}"
        raise Mistake(Diagnostic("CNN425", message, help=f"it has one for {', '.join(has)}"))
    assert number is not None
    float32 = peaks.get("fp32", peaks[number] / 2)
    return Peaks(
        operations=peaks[number] * TERA,
        float32=float32 * TERA,
        bandwidth=found.speed.gb_per_s * GIGA,
    )


def model(found: Device, way: Way, dtype: str = "float32") -> Model:
    """Return how long a device takes in this way.

    Errors: a Mistake (CNN425) for a type that it has no peak for.
    """
    peaks = peaks_of(found, way, dtype)
    wanted = _key(way, dtype)
    own = [one for one in found.fits if _key_of(one) == wanted]
    if own:
        one = own[-1]
        low, high = one["left_out"]["low"], one["left_out"]["high"]
        words = f"fitted to {one['networks']} measurements, PyTorch {one['torch']}"
        return Model(
            device=found.name,
            peaks=peaks,
            coefficients=Coefficients(**one["coefficients"]),
            low=low,
            high=high,
            basis=words,
            batches=(one["batches"][0], one["batches"][1]),
        )
    alike = [one for one in fits() if _class_of(one) == _class(way, dtype)]
    names = sorted({one["device"] for one in alike})
    spread = BEYOND if alike else BEYOND * UNMEASURED
    basis = "by its peaks alone"
    if names:
        basis = f"by its peaks, with the coefficients of {' and '.join(names)}"
    c = usual(way, peaks, dtype=dtype)
    if found.launch is not None:
        c = c._replace(launch=found.launch)
    return Model(found.name, peaks, c, 1 / spread, spread, basis)


def usual(way: Way, peaks: Peaks, but: str | None = None, dtype: str = "float32") -> Coefficients:
    """Return the geometric mean of what was fitted in a way, on all devices but one.

    These are the defaults of `Coefficients` if nothing was. How many values fill a device depends
    on its size.
    """
    start = start_of(peaks)
    alike = [one for one in fits() if _class_of(one) == _class(way, dtype) and one["device"] != but]
    by_device: dict[str, list[list[float]]] = {}
    for one in alike:
        values = [math.log(value) for value in Coefficients(**one["coefficients"])]
        by_device.setdefault(one["device"], []).append(values)
    if not by_device:
        return start
    means = [_mean(values) for values in by_device.values()]
    return Coefficients(*[math.exp(value) for value in _mean(means)])._replace(fill=start.fill)


def start_of(peaks: Peaks, first: Coefficients = Coefficients()) -> Coefficients:
    """Return the coefficients before anything was fitted."""
    return first._replace(fill=peaks.float32 / TERA * FILLING)


def _mean(rows: Sequence[Sequence[float]]) -> list[float]:
    return [sum(column) / len(column) for column in zip(*rows)]


_Key = tuple[str, bool, bool]


def _key(way: Way, dtype: str) -> _Key:
    """Return what a fit is for: the type and how it is reached, the layout, and compiling."""
    numbers = f"amp {way.amp}" if way.amp else dtype
    return numbers, way.channels_last, way.compile


def _key_of(one: Mapping[str, Any]) -> _Key:
    numbers = f"amp {one['amp']}" if one["amp"] else one["dtype"]
    return numbers, one["channels_last"], one["compile"]


def _class(way: Way, dtype: str) -> tuple[bool, bool, bool]:
    """Return what decides which coefficients are alike: 16 bits, the layout, and compiling."""
    half = way.amp is not None or dtype in ("float16", "bfloat16")
    return half, way.channels_last and not way.compile, way.compile


def _class_of(one: Mapping[str, Any]) -> tuple[bool, bool, bool]:
    way = Way(amp=one["amp"], channels_last=one["channels_last"], compile=one["compile"])
    return _class(way, one["dtype"])


def entry(
    device: str,
    way: Way,
    torch: str,
    found: Table,
    coefficients: Coefficients,
    errors: Sequence[float],
    source: str,
    dtype: str = "float32",
) -> dict[str, Any]:
    """Return the entry of a fit in a file of devices; `errors` are those on what was left out."""
    from . import fitting

    families = [one.family for one in found.measured]
    low, high = fitting.interval(errors, families)
    off = fitting.summary(found, errors)
    batches = [one.batch for one in found.measured]
    return {
        "device": device,
        "dtype": dtype,
        "amp": way.amp,
        "channels_last": way.channels_last,
        "compile": way.compile,
        "torch": torch,
        "networks": len(found.measured),
        "batches": [min(batches), max(batches)],
        "source": source,
        "left_out": {
            "mean": round(off.mean, 4),
            "median": round(off.median, 4),
            "rank": round(off.rank, 4),
            "low": round(low, 3),
            "high": round(high, 3),
            "coverage": round(fitting.coverage(errors, families), 3),
        },
        "coefficients": coefficients._asdict(),
    }
