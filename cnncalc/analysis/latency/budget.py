"""Budgets on latency: reads on which device and how the network runs, and computes the time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ...diagnostic import Diagnostic, Mistake, misspelled
from ...language.inputs import MAX_SIZE
from ...language.schema import Schema, limit_schema
from ...language.validation import shown, unknown_key
from ...language.yaml_tree import Marks
from ...wording import either
from ..figures import LATENCY
from ..memory.optimizers import OPTIMIZERS
from ..result import Report
from .device_file import NUMBERS
from .predict import Asked
from .timing import Timing

Settings = dict[str, Any]
_LIMITS = ("max", "min")
_LONGEST = 200  # characters of a device
_FLAG: Schema = {"type": "boolean"}
SETTINGS: dict[str, Schema] = {
    "device": {
        "type": "string",
        "description": "the device: a name such as rtx4090, peaks such as fp16=60,bw=500, or the"
        " file of a device",
    },
    "batch": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_SIZE,
        "description": "images per batch (default: that of the command, so 1 in check)",
    },
    "dtype": {
        "enum": list(NUMBERS),
        "description": "the type of the numbers (default: that of the command, float32)",
    },
    "amp": {
        "enum": ["float16", "bfloat16"],
        "description": "the type of automatic mixed precision (default: none)",
    },
    "channels_last": {**_FLAG, "description": "channels are the last axis in memory"},
    "compile": {**_FLAG, "description": "the network is compiled"},
    "mode": {"enum": ["inference", "training"], "description": "default: inference"},
    "optimizer": {"enum": list(OPTIMIZERS), "description": "in training (default: sgd)"},
}
_WRITTEN = "{max: 5 ms, device: rtx4090}"


def schema() -> Schema:
    """Return the JSON Schema of a limit of latency."""
    about = f"a limit of the time of a batch, and how the network runs: {', '.join(SETTINGS)}"
    return limit_schema(about, SETTINGS, ("device",))


class Computed(NamedTuple):
    """A time in nanoseconds, and what takes most of it."""

    value: int
    about: str


def settings_of(limit: Any, marks: Marks, file: str) -> tuple[Settings, Diagnostic | None]:
    """Read what is beside a limit, and report the first fault. `marks` are those of the limit."""
    given = limit if isinstance(limit, dict) else {}
    for key in given:
        if key not in (*_LIMITS, *SETTINGS):
            place = marks.key(file, key)
            known = [*_LIMITS, *SETTINGS]
            return {}, unknown_key(key, place, known, f"a budget of `{LATENCY}`", given)
    place = marks.position(file)
    if "device" not in given:
        message = f"a budget of `{LATENCY}` needs `device`"
        return {}, Diagnostic("CNN102", message, place, f"write it as {_WRITTEN}")
    if not given.keys() & set(_LIMITS):
        message = f"a budget of `{LATENCY}` needs a limit, `max` or `min`"
        return {}, Diagnostic("CNN102", message, place, f"write it as {_WRITTEN}")
    settings = {key: given[key] for key in SETTINGS if key in given}
    for key, value in settings.items():
        fault = _fault(key, value)
        if fault is not None:
            return {}, fault.at(marks.find(key).position(file))
    if "amp" in settings and settings.get("dtype", "float32") != "float32":
        message = f"with `amp`, parameters are float32, not {settings['dtype']}"
        return {}, Diagnostic("CNN103", message, marks.find("dtype").position(file))
    if "optimizer" in settings and settings.get("mode") != "training":
        message = "inference has no optimizer"
        help = "write `mode: training`"
        return {}, Diagnostic("CNN103", message, marks.find("optimizer").position(file), help)
    try:
        timing_of(settings, settings.get("dtype", "float32"))
    except Mistake as mistake:
        fault = mistake.diagnostics[0]._replace(code="CNN103")
        return {}, fault.at(marks.find("device").position(file))
    return settings, None


def _fault(key: str, value: Any) -> Diagnostic | None:
    """Report a value of the wrong type, or an unknown word."""
    known = SETTINGS[key].get("enum")
    if known:
        fault = Diagnostic("CNN103", f"`{key}` takes {either(known)}, not {shown(value)}")
        if value not in known:
            return misspelled(fault, value, known) if isinstance(value, str) else fault
        return None
    kind = SETTINGS[key]["type"]
    takes, right = "true or false", isinstance(value, bool)
    if kind == "integer":
        takes = f"a whole number from 1 to {MAX_SIZE:,}"
        right = type(value) is int and 1 <= value <= MAX_SIZE
    elif kind == "string":
        takes, right = "a device such as rtx4090", isinstance(value, str)
        right = right and len(value) <= _LONGEST
    return None if right else Diagnostic("CNN103", f"`{key}` takes {takes}, not {shown(value)}")


def timing_of(settings: Mapping[str, Any], dtype: str) -> Timing:
    """Return the device and how the network runs there.

    Errors: a Mistake for an unknown device, or one without a peak for the type.
    """
    asked = Asked(
        dtype="float32" if "amp" in settings else settings.get("dtype", dtype),
        amp=settings.get("amp"),
        channels_last=settings.get("channels_last", False),
        compile=settings.get("compile", False),
        mode=settings.get("mode", "inference"),
        optimizer=settings.get("optimizer", "sgd"),
    )
    return Timing.on(settings["device"], asked)


def computed(report: Report, settings: Mapping[str, Any]) -> Computed:
    """Return the time of the network in nanoseconds.

    Errors: a Mistake for a type that the device has no peak for.
    """
    timing = timing_of(settings, report.dtype)
    batch = settings.get("batch", report.batch)
    found = timing.predicted(report.graph, batch)
    if not found.layers:
        return Computed(0, "no layer does any work")
    slowest = max(found.layers, key=lambda layer: layer.seconds)
    share = slowest.seconds / found.seconds
    about = f"`{slowest.path}` takes {share:.0%} of it, bound by {slowest.bound}"
    return Computed(timing.nanoseconds(report.graph, batch), about)
