"""Reads and writes the file of a device: its peaks, and what was fitted on it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ...diagnostic import Diagnostic, Mistake
from ...text_file import read_text, reason
from ..memory.devices import Speed
from .model import Coefficients

# Types of number, and the names of their peaks.
NUMBERS = {
    "float32": "fp32",
    "tf32": "tf32",
    "float16": "fp16",
    "bfloat16": "bf16",
    "int8": "int8",
}


class Device(NamedTuple):
    """A device: its peaks, and what was fitted on it."""

    name: str
    speed: Speed
    fits: Sequence[Mapping[str, Any]]
    launch: float | None = None


SCHEMA_VERSION = 1
_NEEDED = ("dtype", "amp", "channels_last", "compile", "torch", "networks", "batches", "left_out")


def text_of(found: Device) -> str:
    """Return the file of a device as text, with one line for each fit."""
    speed = found.speed
    head = {
        "schema_version": SCHEMA_VERSION,
        "device": found.name,
        "tflops": dict(speed.tflops),
        "gb_per_s": speed.gb_per_s,
        "cpu": speed.is_cpu,
        "source": speed.source,
    }
    lines = ",\n  ".join(json.dumps(one, ensure_ascii=False) for one in found.fits)
    start = json.dumps(head, ensure_ascii=False)[1:-1]
    return f'{{{start},\n "fits": [\n  {lines}\n ]}}'


def read(file: str) -> Device:
    """Return the device that a file holds.

    Errors: CNN002 if the file cannot be read, CNN426 if it is not the file of a device.
    """
    try:
        data = json.loads(read_text(file))
        return _device(data)
    except OSError as error:
        raise Mistake(Diagnostic("CNN002", f"cannot read {file}: {reason(error)}")) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        message = f"{file} is not the file of a device"
        help = "`cnncalc latency --calibrate profile.json -o device.json` writes one"
        raise Mistake(Diagnostic("CNN426", message, help=help)) from None


def _device(data: Mapping[str, Any]) -> Device:
    peaks = {name: positive(data["tflops"][name]) for name in data["tflops"]}
    if not peaks or not peaks.keys() <= set(NUMBERS.values()):
        raise ValueError
    speed = Speed(
        name=_word(data["device"]),
        tflops=peaks,
        gb_per_s=positive(data["gb_per_s"]),
        source=_word(data.get("source", "")),
        checked=False,
        is_cpu=data.get("cpu", False) is True,
    )
    return Device(speed.name, speed, [_fit(one) for one in data["fits"]])


def _fit(one: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a fit whose numbers can be computed with."""
    for key in _NEEDED:
        one[key]
    values = {name: positive(value) for name, value in one["coefficients"].items()}
    Coefficients(**values)
    low, high = positive(one["left_out"]["low"]), positive(one["left_out"]["high"])
    first, last = one["batches"]
    if not low <= high or not 1 <= int(first) <= int(last):
        raise ValueError
    return {**one, "coefficients": values, "device": one.get("device", "")}


def positive(value: Any) -> float:
    """Return a number that can be computed with.

    Errors: a ValueError or TypeError for what is none, as found in the file of a user.
    """
    if isinstance(value, (bool, str)) or not 0 < float(value) < 1e18:
        raise ValueError
    return float(value)


def _word(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 200:
        raise ValueError
    return value
