"""Measured time and memory, as tables and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from .columns import mebibytes
from .json import SCHEMA_VERSION, diagnostic_data, dumps
from .table import heading, outline, share

if TYPE_CHECKING:
    from ..torch_backend.profile.profile import Layer, Measurement, Profile

SHOWN = 40  # layers in a table; JSON has all
PLAIN = {"box": box.SIMPLE_HEAD, "pad_edge": False, "padding": (0, 1, 0, 0)}


def render(found: Profile, width: int) -> Group:
    """The batch sizes, then the layers and operators of the largest."""
    from ..torch_backend.profile.clock import WARM

    s, env = found.settings, found.environment
    mode = (
        "training: forward, and backward of the mean of the outputs, no optimizer"
        if s.training
        else "inference"
    )
    options = [
        f"{s.dtype} ({s.by})" if s.by != "as is" else s.dtype,
        mode,
        *(["compiled"] if s.compile else []),
        *(["channels last"] if s.channels_last else []),
    ]
    title = heading(found.report, dtype=False)
    driver = f", driver {env['driver']}" if env["driver"] else ""
    by = f", CUDA {env['cuda']}{driver}" if env["cuda"] else f", {env['threads']} threads"
    title.append(f"\n{env['device_name']} ({env['device']}), torch {env['torch']}{by}", "dim")
    warm = f"{s.warmup} to warm up" + (
        f", or more, for {WARM} s" if env["cuda"] and s.warmup else ""
    )
    title.append(f"\n{', '.join(options)}; {s.repeat} runs after {warm}", "dim")
    parts: list[Any] = [title]
    if found.measurements:
        parts.append(batches(found, width))
        last = found.measurements[-1]
        parts += (
            [layers(last, width, bool(env["cuda"])), operators(last)]
            if last.layers
            else [Text("compiled layers are fused: no times by layer", "dim")]
        )
    return Group(*parts)


def batches(found: Profile, width: int) -> Table:
    """A line for each batch size."""
    grid = Table(**PLAIN)  # type: ignore[arg-type]
    wide, widest, gpu = (
        width >= 100,
        width >= 120,
        any(m.peak.reserved is not None for m in found.measurements),
    )
    for name in (
        "batch",
        "latency",
        *(("quartiles",) if wide else ()),
        "images/s",
        "GFLOP/s",
        "GB/s",
        "peak memory",
        *(("workspaces", "reserved") if gpu and widest else ()),
        "all outputs",
    ):
        grid.add_column(name, justify="right", no_wrap=True)
    for m in found.measurements:
        t = m.latency
        spread = [f"{milliseconds(t.q1)} – {milliseconds(t.q3)}"] if wide else []
        held = (
            [mebibytes(m.peak.workspaces or 0), mebibytes(m.peak.reserved or 0)]
            if gpu and widest
            else []
        )
        predicted = mebibytes(m.predicted_params + m.predicted_activations)
        grid.add_row(
            f"{m.batch:,}",
            milliseconds(t.median),
            *spread,
            f"{m.batch / t.median:,.1f}",
            rate(m.flops, t.median),
            rate(m.bytes, t.median),
            mebibytes(m.peak.requested),
            *held,
            predicted,
        )
    gradients = ", their gradients" if found.settings.training else ""
    frees = "" if found.settings.training else ", though inference lets each go after its last use"
    grid.caption = f"medians; FLOP/s: 2·MAC of convolutions and linear layers; GB/s: what must at least be moved; all outputs: predicted parameters{gradients} and every output{frees}"
    grid.caption_justify = "left"
    return grid


def layers(m: Measurement, width: int, gpu: bool) -> Table:
    """Each layer's time with its share of all; of many, the slowest, in order."""
    found = [layer for layer in m.layers or () if layer.seconds > 0]
    kept = found
    if len(found) > SHOWN:
        least = sorted((layer.seconds for layer in found), reverse=True)[SHOWN - 1]
        kept = [layer for layer in found if layer.seconds >= least]
    total = sum(layer.seconds for layer in found)
    training = any(layer.time.backward is not None for layer in kept)
    bar = 12 if width >= 100 else 6
    body = [[layer.row.path] for layer in kept]
    heads = outline(body) if max((len(line[0]) for line in body), default=0) > width - 60 else {}
    grid = Table(**PLAIN)  # type: ignore[arg-type]
    grid.add_column(f"layer, at batch {m.batch:,}", no_wrap=True, overflow="ellipsis")
    for name in (*(("forward", "backward") if training else ()), "time"):
        grid.add_column(name, justify="right", no_wrap=True)
    for name, justify in (
        ("share", "right"),
        ("", "left"),
        ("GFLOP/s", "right"),
        ("GB/s", "right"),
    ):
        grid.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    peak = max((layer.seconds for layer in kept), default=0)
    for n, (layer, line) in enumerate(zip(kept, body)):
        if n in heads:
            grid.add_row(Text(heads[n], "dim"))
        parts = (
            [milliseconds(layer.time.forward), milliseconds(layer.time.backward or 0)]
            if training
            else []
        )
        grid.add_row(
            line[0],
            *parts,
            milliseconds(layer.seconds),
            f"{layer.seconds / total:.1%}",
            Text(eighths(layer, peak, bar), "cyan"),
            *rates(layer),
        )
    rest = total - sum(layer.seconds for layer in kept)
    hidden = ", measured without the gaps between launches" if gpu else ""
    sum_of = f"the layers add up to {milliseconds(total)}, {total / m.latency.median:.0%} of the latency{hidden}"
    grid.caption = sum_of + (
        f"; {len(found) - len(kept)} more layers take {milliseconds(rest)} of it" if rest else ""
    )
    grid.caption_justify = "left"
    return grid


def eighths(layer: Layer, peak: float, cells: int) -> str:
    return share(round(layer.seconds * 1e9), round(peak * 1e9), cells)


def rates(layer: Layer) -> tuple[str, str]:
    return (rate(layer.flops, layer.seconds) if layer.flops else "–"), (
        rate(layer.bytes, layer.seconds) if layer.bytes else "–"
    )


def operators(m: Measurement) -> Table:
    """Time by class of operator."""
    total = sum(seconds for _, seconds in m.operators.values())
    grid = Table(**PLAIN)  # type: ignore[arg-type]
    for name, justify in (
        ("operator", "left"),
        ("layers", "right"),
        ("time", "right"),
        ("share", "right"),
        ("", "left"),
    ):
        grid.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    peak = max(seconds for _, seconds in m.operators.values())
    for op, (count, seconds) in m.operators.items():
        grid.add_row(
            op,
            f"{count:,}",
            milliseconds(seconds),
            f"{seconds / total:.1%}",
            Text(share(round(seconds * 1e9), round(peak * 1e9), 12), "cyan"),
        )
    return grid


def milliseconds(seconds: float) -> str:
    """``12.3 ms``, three digits."""
    if seconds >= 10:
        return f"{seconds:.1f} s"
    if seconds >= 0.1:
        return f"{seconds * 1e3:,.0f} ms"
    return (
        f"{seconds * 1e3:.1f} ms"
        if seconds >= 0.01
        else f"{seconds * 1e3:.2f} ms"
        if seconds >= 1e-3
        else f"{seconds * 1e6:.0f} µs"
    )


def rate(count: int, seconds: float) -> str:
    return f"{count / seconds / 1e9:,.1f}" if seconds else "–"


def json(target: str, found: Profile) -> str:
    """The object that `profile --format json` prints. Seconds, bytes, FLOPs."""
    s = found.settings
    return dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "spec": target,
            "name": found.report.name,
            "variant": found.report.variant,
            "input": {name: list(shape) for name, shape in found.report.inputs.items()},
            **found.environment,
            "dtype": s.dtype,
            "dtype_by": s.by,
            "mode": s.mode,
            "warmup": s.warmup,
            "repeat": s.repeat,
            "compile": s.compile,
            "channels_last": s.channels_last,
            "batches": [data(m) for m in found.measurements],
            "out_of_memory": None
            if found.too_large is None
            else {"batch": found.too_large, "fits": found.fits},
            "diagnostics": [diagnostic_data(d) for d in found.diagnostics],
        }
    )


def data(m: Measurement) -> dict[str, Any]:
    """One batch size."""
    t = m.latency.median
    return {
        "batch": m.batch,
        "latency": m.latency._asdict(),
        "images_per_second": m.batch / t,
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
        },
        "layers": None if m.layers is None else [layer_data(layer) for layer in m.layers],
        "operators": None
        if m.layers is None
        else [
            {"op": op, "layers": count, "seconds": seconds}
            for op, (count, seconds) in m.operators.items()
        ],
    }


def layer_data(layer: Layer) -> dict[str, Any]:
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
