"""Writes measured time and memory, as tables and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..wording import DASH, bytes_text, duration_text
from .analyze import heading
from .formats.json import Json, diagnostic_data, document
from .formats.table import CYAN, DIM, bar, captioned, grid, outline, stacked, text

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table
    from rich.text import Text

    from ..torch_backend.profile.measure import LayerProfile, Measurement
    from ..torch_backend.profile.profile import Profile

WIDE, WIDEST = 100, 120  # columns that quartiles and long bars need; reserved memory needs
SHOWN = 40  # layers in a table; JSON lists all
BAR = 12  # cells of a long bar
OTHERS = 60  # columns of a screen that the figures take, without the path


def table(target: str, found: Profile, width: int) -> Group:
    """Write the batch sizes, then the layers and operators at the largest."""
    parts: list[RenderableType] = [_title(found)]
    if found.measurements:
        parts.append(_batches(found, width))
        parts += map(_warning, filter(lambda m: m.unreliable, found.measurements))
        last = found.measurements[-1]
        if last.layers:
            parts += [_layers(last, width, bool(found.environment["cuda"])), _operators(last)]
        else:
            parts.append(text(("compiled layers are fused, so they are not timed", DIM)))
    return stacked(*parts)


def json(target: str, found: Profile) -> Json:
    """Write every measurement, in seconds, bytes and FLOPs."""
    s = found.settings
    return document(
        {
            "spec": target,
            "name": found.report.name,
            "variant": found.report.variant,
            "input": found.report.inputs,
            **found.environment,
            "dtype": s.dtype,
            "dtype_by": s.by,
            "mode": s.mode,
            "warmup": s.warmup,
            "repeat": s.repeat,
            "compile": s.compile,
            "channels_last": s.channels_last,
            "batches": [_data(m) for m in found.measurements],
            "out_of_memory": found.too_large and {"batch": found.too_large, "fits": found.fits},
            "diagnostics": [diagnostic_data(d) for d in found.diagnostics],
        }
    )


def _warning(m: Measurement) -> Text:
    """Return a warning that the times of a batch size cannot be trusted."""
    words = f"at batch {m.batch:,}, {m.unreliable}: measure on an idle machine, with more --repeat"
    return text(("unreliable  ", "magenta"), words)


def _title(found: Profile) -> Text:
    """Return a heading with the network, the device, and how it was run."""
    from ..torch_backend.profile.clock import WARM

    s, env = found.settings, found.environment
    by = f"{env['threads']} threads"
    warm = f"{s.warmup} warm-up runs"
    if env["cuda"]:
        driver = f", driver {env['driver']}" if env["driver"] else ""
        by = f"CUDA {env['cuda']}{driver}"
        if s.warmup:
            warm = f"at least {warm} and {WARM} s"
    where = f"{env['device_name']} ({env['device']}), torch {env['torch']}, {by}"
    how = f"{', '.join(_options(found))}; {s.repeat} runs after {warm}"
    return heading(found.report, where, how, dtype=False)


def _options(found: Profile) -> Iterator[str]:
    """Yield how the network was run."""
    s = found.settings
    yield s.dtype if s.by == "as is" else f"{s.dtype} ({s.by})"
    if s.training:
        yield "training: forward, and backward of the mean of the outputs, no optimizer"
    else:
        yield "inference"
    if s.compile:
        yield "compiled"
    if s.channels_last:
        yield "channels last"


def _batches(found: Profile, width: int) -> Table:
    """Lay out a line for each batch size."""
    wide = width >= WIDE
    gpu = any(m.peak.reserved is not None for m in found.measurements)
    columns = {
        "batch": True,
        "latency": True,
        "quartiles": wide,
        "images/s": True,
        "GFLOP/s": True,
        "GB/s": True,
        "peak memory": True,
        "workspaces": gpu and width >= WIDEST,
        "reserved": gpu and width >= WIDEST,
        "predicted": True,
    }
    table = grid(*(name for name, shown in columns.items() if shown))
    for m in found.measurements:
        t = m.latency
        cells = {
            "batch": f"{m.batch:,}",
            "latency": duration_text(t.median),
            "quartiles": f"{duration_text(t.q1)} – {duration_text(t.q3)}",
            "images/s": f"{m.batch / t.median:,.1f}",
            "GFLOP/s": _rate(m.flops, t.median),
            "GB/s": _rate(m.bytes, t.median),
            "peak memory": bytes_text(m.peak.requested),
            "workspaces": bytes_text(m.peak.workspaces or 0),
            "reserved": bytes_text(m.peak.reserved or 0),
            "predicted": DASH if m.predicted_peak is None else bytes_text(m.predicted_peak),
        }
        table.add_row(*(cells[name] for name, shown in columns.items() if shown))
    return captioned(table, "; ".join(_notes()))


def _notes() -> Iterator[str]:
    """Yield what the columns mean."""
    yield "times are medians"
    yield "FLOP/s: 2·MAC of convolutions and linear layers"
    yield "GB/s: the bytes that must at least be moved"
    yield "predicted: the peak of memory, without what calls take and give back inside them"


def _layers(m: Measurement, width: int, gpu: bool) -> Table:
    """Lay out each layer's time and share; if there are many layers, only the slowest, in order."""
    found = [layer for layer in m.layers or () if layer.seconds > 0]
    kept = _slowest(found)
    training = any(layer.time.backward is not None for layer in kept)
    first = f"layer, at batch {m.batch:,}"
    directions = ["forward", "backward"] if training else []
    table = grid(first, *directions, "time", "share", "", "GFLOP/s", "GB/s", left=(first, ""))
    paths = [[layer.row.path] for layer in kept]
    longest = max((len(path) for (path,) in paths), default=0)
    heads = outline(paths) if longest > width - OTHERS else {}
    total = sum(layer.seconds for layer in found)
    peak = max((layer.seconds for layer in kept), default=0)
    for n, (layer, (path,)) in enumerate(zip(kept, paths)):
        if n in heads:
            table.add_row(text(heads[n], style=DIM))
        times = [layer.time.forward, layer.time.backward or 0] if training else []
        table.add_row(
            path,
            *map(duration_text, [*times, layer.seconds]),
            f"{layer.seconds / total:.1%}",
            _bar(layer.seconds, peak, BAR if width >= WIDE else BAR // 2),
            _rate(layer.flops, layer.seconds) if layer.flops else DASH,
            _rate(layer.bytes, layer.seconds) if layer.bytes else DASH,
        )
    share = f"{duration_text(total)}, {total / m.latency.median:.0%} of the latency"
    hidden = ", measured without the gaps between launches" if gpu else ""
    caption = f"the layers add up to {share}{hidden}"
    if rest := total - sum(layer.seconds for layer in kept):
        caption += f"; {len(found) - len(kept)} more layers take {duration_text(rest)} of it"
    return captioned(table, caption)


def _slowest(found: list[LayerProfile]) -> list[LayerProfile]:
    """Return the slowest layers, in order."""
    if len(found) <= SHOWN:
        return found
    bound = sorted((layer.seconds for layer in found), reverse=True)[SHOWN - 1]
    return [layer for layer in found if layer.seconds >= bound]


def _operators(m: Measurement) -> Table:
    """Lay out the time of each class of operator."""
    table = grid("operator", "layers", "time", "share", "", left=("operator", ""))
    times = [seconds for _, seconds in m.operators.values()]
    for op, (count, seconds) in m.operators.items():
        share = f"{seconds / sum(times):.1%}"
        drawn = _bar(seconds, max(times), BAR)
        table.add_row(op, f"{count:,}", duration_text(seconds), share, drawn)
    return table


def _bar(seconds: float, peak: float, cells: int) -> Text:
    """Draw a bar that is proportional to the longest time."""
    return text(bar(round(seconds * 1e9), round(peak * 1e9), cells), style=CYAN)


def _rate(count: int, seconds: float) -> str:
    """Return a count per second in units of 10⁹."""
    return f"{count / seconds / 1e9:,.1f}" if seconds else DASH


def _data(m: Measurement) -> dict[str, Any]:
    """Return a batch size for JSON."""
    t = m.latency.median
    return {
        "batch": m.batch,
        "latency": m.latency._asdict(),
        "images_per_second": m.batch / t,
        "unreliable": m.unreliable,
        "flops": m.flops,
        "flops_per_second": m.flops / t,
        "bytes": m.bytes,
        "bytes_per_second": m.bytes / t,
        "memory": {
            "peak_requested": m.peak.requested,
            "peak_allocated": m.peak.allocated,
            "peak_reserved": m.peak.reserved,
            "workspaces": m.peak.workspaces,
            "predicted_params": m.predicted_params,
            "predicted_activations": m.predicted_activations,
            "predicted": m.predicted_params + m.predicted_activations,
            "predicted_peak": m.predicted_peak,
        },
        **_parts(m),
    }


def _parts(m: Measurement) -> dict[str, Any]:
    """Return the layers and operators; null if they were not timed."""
    if m.layers is None:
        return {"layers": None, "operators": None}
    operators = [
        {"op": op, "layers": count, "seconds": seconds}
        for op, (count, seconds) in m.operators.items()
    ]
    return {"layers": [_layer_data(layer) for layer in m.layers], "operators": operators}


def _layer_data(layer: LayerProfile) -> dict[str, Any]:
    seconds = layer.seconds
    return {
        "path": layer.row.path,
        "op": layer.row.op,
        "seconds": seconds,
        "forward": layer.time.forward,
        "backward": layer.time.backward,
        "flops": layer.flops,
        "flops_per_second": layer.flops / seconds if seconds else None,
        "bytes": layer.bytes,
        "bytes_per_second": layer.bytes / seconds if seconds else None,
    }
