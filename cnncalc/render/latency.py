"""Writes predicted times in every format: devices beside each other, then the layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..analysis.latency.kernels import PRODUCTS
from ..analysis.latency.predict import BOUNDS, LayerTime, Part, Prediction
from ..analysis.result import Report
from ..wording import DASH, duration_text, listed, plural, short
from .analyze import heading
from .formats.csv import Csv
from .formats.json import Json, document
from .formats.markdown import Page
from .formats.table import CYAN, bar, captioned, facts, fitting, on_lines, stacked, text

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

SHOWN = 15  # layers in a table; the other formats have all
BAR = 10  # cells of a long bar
NAMES = {
    "dense": "convolutions",
    "pointwise": "1×1 convolutions",
    "grouped": "grouped convolutions",
    "depthwise": "depthwise convolutions",
    "linear": "linear layers",
    "elementwise": "layers that work value by value",
    "broadcast": "products and sums of different sizes",
    "norm": "normalizations",
    "window": "pools and the like",
    "reduction": "means over a map",
    "copy": "copies",
}
TITLES = ("device", "batch", "time", "an image", "images/s", "80 % interval", "bound by", "of peak")


def table(report: Report, found: list[Prediction], width: int) -> Group:
    """Write the times, what they are made of, and the slowest layers of the last one."""
    last = found[-1]
    rows = [list(_cells(one)) for one in found]
    results = fitting(
        TITLES, rows, width, left=("device", "bound by"), optional=("of peak", "an image", "time")
    )
    labels = facts(_facts(report, found))
    return stacked(_title(report, last), results, labels, _layers(last, width))


def json(report: Report, found: list[Prediction]) -> Json:
    """Write every result with its layers, in seconds, bytes and operations of the batch."""
    return document(
        {
            "name": report.name,
            "variant": report.variant,
            "input": report.inputs,
            "results": [_data(one) for one in found],
        }
    )


def csv(report: Report, found: list[Prediction]) -> Csv:
    """Write a line for each layer of each result, and one for the network."""
    titles = (
        "device",
        "batch",
        "path",
        "seconds",
        "low",
        "high",
        "share",
        "bound",
        "macs",
        "bytes",
    )
    rows: list[tuple[Any, ...]] = [titles]
    for one in found:
        start = (one.model.device, one.batch)
        for layer in one.layers:
            share = layer.seconds / one.seconds
            of_layer = (_digits(layer.seconds), None, None, f"{share:.4f}")
            rows.append((*start, layer.path, *of_layer, layer.bound, layer.macs, layer.bytes))
        numbers = (_digits(one.seconds), *map(_digits, one.interval), "1")
        rows.append((*start, "total", *numbers, one.bound, one.macs, one.bytes))
    return Csv(*rows)


def _digits(seconds: float) -> str:
    return f"{seconds:.6g}"


def markdown(report: Report, found: list[Prediction]) -> Page:
    """Write the times, and what they are made of."""
    page = Page()
    page.heading(f"{report.name}: {_how(found[-1])}")
    numeric = [title not in ("device", "bound by") for title in TITLES]
    page.table(TITLES, numeric, [list(_cells(one)) for one in found])
    rows = [_layer_cells(layer, found[-1]) for layer in found[-1].layers]
    page.table(_layer_titles(), [False, True, True, False, True, True], rows)
    return page


def _title(report: Report, last: Prediction) -> Text:
    return heading(report, _how(last), dtype=False)


def _how(one: Prediction) -> str:
    """Write how the network runs: ``inference, AMP float16, channels last``."""
    asked = one.asked
    words: list[str] = [asked.mode]
    if asked.mode == "training":
        words[0] = f"training with {asked.optimizer}"
    words.append(f"AMP {asked.amp}" if asked.amp else asked.dtype)
    words += ["channels last"] if asked.channels_last else []
    words += ["compiled"] if asked.compile else []
    return ", ".join(words)


def _cells(one: Prediction) -> Iterator[str]:
    yield one.model.device
    yield f"{one.batch:,}"
    yield duration_text(one.seconds)
    yield duration_text(one.seconds / one.batch)
    yield _rate(one.images_per_second)
    low, high = one.interval
    yield f"{_rate(one.batch / high)} – {_rate(one.batch / low)}"
    yield f"{one.bound} {one.bounds[one.bound] / one.seconds:.0%}"
    yield f"{one.reached:.0%}"


def _rate(images: float) -> str:
    """Write images a second with three digits or more."""
    return f"{images:,.0f}" if images >= 100 else f"{images:,.3g}"


def _facts(report: Report, found: Sequence[Prediction]) -> Iterator[tuple[str, str | Text]]:
    """Yield what the results are made of, and where they are from."""
    last = found[-1]
    yield "interval", "of images/s; 80 % of the networks left out of a fit lie inside"
    for one in {one.model.device: one for one in found}.values():
        yield one.model.device, "; ".join([one.model.basis, *one.notes])
    yield "at the peak", _promise(last)
    yield "roofline", _roofline(last)
    yield "time", on_lines(*[text(words) for words in _shares(last)])


def _promise(one: Prediction) -> str:
    """Write what the multiply–accumulates alone would take."""
    peak = 2 * one.macs / one.model.peaks.operations
    rate = _rate(one.batch / peak) if peak else DASH
    return (
        f"{short(one.macs // one.batch)} MACs an image take {duration_text(peak / one.batch)}:"
        f" {rate} images/s; it reaches {one.reached:.0%} of that"
    )


def _roofline(one: Prediction) -> str:
    """Write where the network is on the roofline of the device."""
    side = "below" if one.intensity < one.ridge else "above"
    means = "bytes decide" if side == "below" else "operations decide"
    return (
        f"{one.intensity:,.0f} FLOP/byte, {side} the ridge at {one.ridge:,.0f}: at the peaks,"
        f" {means}"
    )


def _shares(one: Prediction) -> Iterator[str]:
    """Yield what each bound and each kind of kernel takes of the time."""
    bounds = [f"{one.bounds[bound] / one.seconds:.0%} {bound}" for bound in BOUNDS]
    yield f"bound by: {listed(bounds)}"
    for part in one.parts:
        if part.seconds >= 0.03 * one.seconds:
            yield _part(part, one)


def _part(part: Part, one: Prediction) -> str:
    words = f"{part.seconds / one.seconds:4.0%} {NAMES[part.kind]}"
    if part.kind in PRODUCTS:
        share = part.macs / one.macs if one.macs else 0
        return f"{words}, with {share:.0%} of the MACs"
    return f"{words}, without MACs"


def _layers(one: Prediction, width: int) -> Table:
    """Lay out the slowest layers in order, with their share of the time."""
    bound = sorted((layer.seconds for layer in one.layers), reverse=True)[:SHOWN][-1]
    kept = [layer for layer in one.layers if layer.seconds >= bound][:SHOWN]
    first = f"layer, {one.model.device}, batch {one.batch:,}"
    if len(first) > width // 2:  # a device that is described by its peaks
        first = f"layer, batch {one.batch:,}"
    titles = (first, *_layer_titles()[1:3], "", *_layer_titles()[3:])
    most = max(layer.seconds for layer in kept)
    rows = []
    for layer in kept:
        cells: list[str | Text] = list(_layer_cells(layer, one))
        drawn = bar(round(layer.seconds * 1e9), round(most * 1e9), BAR)
        cells.insert(3, text((drawn, CYAN)))
        rows.append(cells)
    optional = ("", "FLOP/byte", "GFLOP/s")
    found = fitting(titles, rows, width, left=(first, "", "bound by"), optional=optional)
    rest = len(one.layers) - len(kept)
    if rest <= 0:
        return found
    seconds = one.seconds - sum(layer.seconds for layer in kept)
    words = f"{plural(rest, 'more layer')} take {duration_text(seconds)}: --format csv has all"
    return captioned(found, words)


def _layer_titles() -> tuple[str, ...]:
    return ("layer", "time", "share", "bound by", "GFLOP/s", "FLOP/byte")


def _layer_cells(layer: LayerTime, one: Prediction) -> list[str]:
    rate = 2 * layer.macs / layer.seconds / 1e9 if layer.seconds else 0
    return [
        layer.path,
        duration_text(layer.seconds),
        f"{layer.seconds / one.seconds:.1%}",
        layer.bound,
        f"{rate:,.0f}" if layer.macs else DASH,
        f"{layer.intensity:,.1f}" if layer.macs and layer.intensity else DASH,
    ]


def _data(one: Prediction) -> dict[str, Any]:
    asked, found = one.asked, one.model
    return {
        "device": found.device,
        "batch": one.batch,
        "dtype": asked.dtype,
        "amp": asked.amp,
        "channels_last": asked.channels_last,
        "compile": asked.compile,
        "mode": asked.mode,
        "optimizer": asked.optimizer if asked.mode == "training" else None,
        "seconds": one.seconds,
        "images_per_second": one.images_per_second,
        "interval": list(one.interval),
        "bound": one.bound,
        "bounds": one.bounds,
        "macs": one.macs,
        "bytes": one.bytes,
        "peak_share": one.reached,
        "flop_per_byte": one.intensity,
        "ridge": one.ridge,
        "basis": found.basis,
        "notes": one.notes,
        "kinds": [part._asdict() for part in one.parts],
        "layers": [
            {
                "path": layer.path,
                "seconds": layer.seconds,
                "bound": layer.bound,
                "kind": layer.kind,
                "macs": layer.macs,
                "bytes": layer.bytes,
            }
            for layer in one.layers
        ],
    }


__all__ = ["csv", "json", "markdown", "table"]
