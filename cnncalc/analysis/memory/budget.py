"""Budgets on memory: reads how the network runs, and computes the figure that is limited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ...diagnostic import Diagnostic, Mistake, misspelled
from ...language.inputs import MAX_SIZE
from ...language.schema import Schema, limit_schema
from ...language.validation import shown, unknown_key
from ...language.yaml_tree import Marks
from ...wording import bytes_text, either, megabytes_text
from ..figures import MAX_BATCH
from ..result import BYTES, Report
from . import devices
from .fit import fit
from .losses import LOSSES
from .optimizers import OPTIMIZERS
from .overview import trainable, when
from .run import Run
from .summary import Summary, summary
from .unknown import unknown_memory

Settings = dict[str, Any]


def _words(description: str, *known: str) -> Schema:
    return {"enum": list(known), "description": description}


# What may be beside the limit, as JSON Schema.
SETTINGS: dict[str, Schema] = {
    "memory": {
        "type": "string",
        "description": "what it must fit in: a size such as 24 GiB, or a device such as rtx3090",
    },
    "context": {
        "type": "string",
        "description": "what a process takes of it beside its tensors, a size such as 600 MiB"
        " (default: 600 MiB on cuda, nothing on the cpu)",
    },
    "mode": _words(
        "what the network does (default: inference, but training if there is an optimizer, a loss"
        " or accumulate)",
        "inference",
        "training",
    ),
    "batch": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_SIZE,
        "description": "images per batch (default: that of the command, so 1 in check)",
    },
    "dtype": _words("the type of the values (default: that of the command, float32)", *BYTES),
    "amp": _words("the type of automatic mixed precision (default: none)", "float16", "bfloat16"),
    "optimizer": _words("the optimizer in training (default: sgd)", *OPTIMIZERS),
    "loss": _words("the loss on the outputs (default: none)", *LOSSES),
    "accumulate": {
        "type": "boolean",
        "description": "whether gradients of an earlier part of the batch are there already"
        " (default: false)",
    },
    "device": _words("where the network runs (default: cuda)", "cuda", "cpu"),
}
_LONGEST = 60  # characters of a size or a name
_TEXTS = {
    "memory": "a size such as 24 GiB, or a device such as rtx3090",
    "context": "a size such as 600 MiB",
}
_RUN = ("dtype", "amp", "device")
_TRAINING = ("optimizer", "loss", "accumulate")
SETTINGS_OF = {
    "inference_peak": ("batch", *_RUN),
    "saved": ("batch", *_RUN),
    "training_peak": ("batch", *_RUN, *_TRAINING),
    MAX_BATCH: ("memory", "context", "mode", *_RUN, *_TRAINING),
}
_LIMITS = ("max", "min")


def schemas() -> dict[str, Schema]:
    """Return for each figure the JSON Schema of its limit."""
    found = {}
    for what, keys in SETTINGS_OF.items():
        beside = {key: SETTINGS[key] for key in keys}
        about = f"a limit of {what}, and how the network runs: {', '.join(keys)}"
        found[what] = limit_schema(about, beside, ("memory",) if "memory" in keys else ())
    return found


class Computed(NamedTuple):
    """A figure of memory; `value` is None if there is none, and `unknown` says why if it has none.

    `about` is what makes it so large, or so small.
    """

    value: int | None
    about: str = ""
    unknown: str | None = None


def settings_of(
    what: str, limit: Any, marks: Marks, file: str
) -> tuple[Settings, Diagnostic | None]:
    """Read what is beside a limit, and report the first fault. `marks` are those of the limit."""
    given = limit if isinstance(limit, dict) else {}
    known = SETTINGS_OF[what]
    for key in given:
        if key not in (*_LIMITS, *known):
            place = marks.key(file, key)
            return {}, unknown_key(key, place, [*_LIMITS, *known], f"a budget of `{what}`", given)
    settings = {key: given[key] for key in known if key in given}
    for key, value in settings.items():
        fault = _fault(key, value) or _unreadable(key, value)
        if fault is not None:
            return {}, fault.at(marks.find(key).position(file))
    fault = _lacking(what, given, marks, file) or _at_odds(what, settings, marks, file)
    return _complete(what, settings), fault


def _complete(what: str, settings: Settings) -> Settings:
    """Add the mode and the optimizer, where these decide and nothing was written."""
    run = run_under(what, settings)
    decide: Settings = {"mode": run.mode}
    if run.training:
        decide["optimizer"] = run.optimizer
    known = SETTINGS_OF[what]
    given = {key: value for key, value in decide.items() if key in known} | settings
    return {key: given[key] for key in known if key in given}


def _fault(key: str, value: Any) -> Diagnostic | None:
    """Report a value of the wrong type, or an unknown word."""
    schema = SETTINGS[key]
    if known := schema.get("enum"):
        fault = Diagnostic("CNN103", f"`{key}` takes {either(known)}, not {shown(value)}")
        if value not in known:
            return misspelled(fault, value, known) if isinstance(value, str) else fault
        return None
    takes, right = "true or false", isinstance(value, bool)
    if schema["type"] == "integer":
        takes = f"a whole number from 1 to {MAX_SIZE:,}"
        right = type(value) is int and 1 <= value <= MAX_SIZE
    elif schema["type"] == "string":
        takes, right = _TEXTS[key], isinstance(value, str) and len(value) <= _LONGEST
    return None if right else Diagnostic("CNN103", f"`{key}` takes {takes}, not {shown(value)}")


def _unreadable(key: str, value: Any) -> Diagnostic | None:
    """Report a size that cannot be read, or an unknown device."""
    try:
        if key == "memory":
            devices.limit(value, f"`{key}`")
        elif key == "context":
            devices.size(value, f"`{key}`")
    except Mistake as mistake:
        return mistake.diagnostics[0]._replace(code="CNN103")
    return None


def _lacking(what: str, given: Mapping[str, Any], marks: Marks, file: str) -> Diagnostic | None:
    """Report a limit or a size of memory that is not there."""
    place, written = marks.position(file), "{max: 24 GiB}"
    if what == MAX_BATCH:
        written = "{min: 64, memory: 24 GiB}"
        if "memory" not in given:
            message = f"a budget of `{what}` needs `memory`"
            return Diagnostic("CNN102", message, place, f"write it as {written}")
    if given and not given.keys() & set(_LIMITS):
        message = f"a budget of `{what}` needs a limit, `max` or `min`"
        return Diagnostic("CNN102", message, place, f"write it as {written}")
    return None


def _at_odds(what: str, settings: Settings, marks: Marks, file: str) -> Diagnostic | None:
    """Report settings that exclude each other."""
    trains = run_under(what, settings).training
    dtype = settings.get("dtype", "float32")
    if "amp" in settings and dtype != "float32":
        message = f"with `amp`, parameters are float32, not {dtype}"
        return Diagnostic("CNN103", message, marks.find("dtype").position(file))
    if trains and settings.get("mode") == "inference":
        message = "inference has no optimizer, loss or gradients"
        place = marks.find("mode").position(file)
        return Diagnostic("CNN103", message, place, "write `mode: training`")
    if trains and not trainable(dtype):
        message = f"training needs numbers that have gradients, not {dtype}"
        return Diagnostic("CNN103", message, marks.find("dtype").position(file))
    return None


def run_under(what: str, settings: Settings, batch: int = 1, dtype: str = "float32") -> Run:
    """Return the run that settings describe; `batch` and `dtype` hold where they do not say."""
    optimizer, loss = settings.get("optimizer"), settings.get("loss", "none")
    accumulate = settings.get("accumulate", False)
    trains = what in ("saved", "training_peak") or settings.get("mode") == "training"
    trains = trains or optimizer is not None or loss != "none" or accumulate
    return Run(
        mode="training" if trains else "inference",
        batch=settings.get("batch", batch),
        width=BYTES["float32" if "amp" in settings else settings.get("dtype", dtype)],
        amp=settings.get("amp"),
        optimizer=(optimizer or "sgd") if trains else "none",
        loss=loss,
        kept_gradients=accumulate,
        device=settings.get("device", "cuda"),
    )


def computed(report: Report, what: str, at: str | None, settings: Settings) -> Computed:
    """Return a figure of the network, or of the layer or block `at`."""
    run = run_under(what, settings, report.batch, report.dtype)
    if run.training and not trainable(settings.get("dtype", report.dtype)):
        return Computed(None, unknown=f"{report.dtype} numbers have no gradients")
    if what == MAX_BATCH:
        return Computed(None) if at else _largest_batch(report, run, settings)
    found = summary(report.graph, run)
    return _of_layers(report, what, at, found) if at else _of_network(report, what, found)


def _largest_batch(report: Report, run: Run, settings: Settings) -> Computed:
    if why := unknown_memory(report.graph, run):
        return Computed(None, unknown=why)
    limit = devices.limit(settings["memory"], "memory")
    context = devices.context(run.device).usual
    if "context" in settings:
        context = devices.size(settings["context"], "context")
    found = fit(report.graph, run, limit.size, context)
    place = when(found.at, _path(report, found.at.layer))
    need = megabytes_text(found.beyond + context)
    return Computed(found.max_batch, f"batch {found.max_batch + 1:,} takes {need}, {place}")


def _of_network(report: Report, what: str, found: Summary) -> Computed:
    if what != "saved":
        place = when(found.at, _path(report, found.at.layer))
        return Computed(found.peak, f"the peak is {place}")
    if not found.kept:
        return Computed(0)
    layer = max(found.kept, key=lambda n: found.kept[n])
    most = bytes_text(found.kept[layer])
    return Computed(found.saved, f"{most} of it are kept first by `{_path(report, layer)}`")


def _of_layers(report: Report, what: str, at: str, found: Summary) -> Computed:
    """Return what a layer or block adds to what is saved, or the most in memory while it runs."""
    inside = {n for n in report.graph.within(at) if report.graph.nodes[n].op is not None}
    if not inside:
        return Computed(None)
    if what == "saved":
        return Computed(sum(found.kept.get(n, 0) for n in inside))
    layers = [layer for layer in found.layers if layer.layer in inside]
    return Computed(max(max(layer.forward, layer.backward or 0) for layer in layers))


def _path(report: Report, layer: int | None) -> str | None:
    return None if layer is None else report.graph.nodes[layer].path
