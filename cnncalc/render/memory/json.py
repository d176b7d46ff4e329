"""Writes the memory of a network as JSON, in bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...analysis.memory.fit import Fit
from ...analysis.memory.overview import Overview
from ...analysis.memory.ways import Way, checkpoints_tried
from ...analysis.result import Report
from ..formats.json import Json, diagnostic_data, document, with_unknown
from .allocator import allocator_data


def render(report: Report, found: Overview | None) -> Json:
    """Write every figure, in bytes; null where the network has errors."""
    return document(
        {
            "name": report.name,
            "variant": report.variant,
            "file": report.file,
            "input": report.inputs,
            "batch": report.batch,
            "dtype": report.dtype,
            **(_data(report, found) if found else {"figures": None, "peak": None}),
            "diagnostics": [diagnostic_data(d) for d in report.diagnostics],
        }
    )


def _data(report: Report, found: Overview) -> dict[str, Any]:
    """Return the figures, the peak and the fits for JSON."""
    run, chosen, totals = found.run, found.chosen, report.totals
    fits = [_fit_data(found, fit) for fit in found.fits]
    tensors = [
        {"path": found.place(t.layer), "what": t.what, "bytes": t.bytes, "saved": t.saved}
        for t in chosen.alive
    ]
    layers = [
        {"path": found.place(layer.layer), "forward": layer.forward, "backward": layer.backward}
        for layer in chosen.layers
    ]
    return {
        "mode": run.mode,
        "amp": run.amp,
        "optimizer": run.optimizer,
        "loss": run.loss,
        "accumulate": run.kept_gradients,
        "device": run.device,
        "figures": with_unknown(found.figures._asdict(), report.undeclared),
        "peak": {
            "bytes": chosen.peak,
            "at": found.place(chosen.at.layer),
            "phase": chosen.at.phase,
            "tensors": tensors,
        },
        "not_followed": list(found.near),
        "saved_not_followed": dict(found.kept_nearly),
        "parts": with_unknown(chosen.parts, report.undeclared),
        "layers": layers,
        "fit": fits[0] if fits else None,
        "fits": fits,
        "checkpoints_tried": checkpoints_tried(report.graph) if fits else None,
        "ways": [_way_data(found, way) for way in found.ways],
        "checkpoints": _checkpoint_data(found),
        "allocator": [allocator_data(run) for run in found.reserved],
        "trainable_params": totals.trainable_params,
        "frozen_params": totals.frozen_params,
    }


def _fit_data(found: Overview, fit: Fit) -> dict[str, Any]:
    return {
        "mode": fit.run.mode,
        "amp": fit.run.amp,
        "optimizer": fit.run.optimizer,
        "way": fit.way or None,
        "limit": fit.limit,
        "device_name": found.limit and found.limit.device,
        "context": fit.context,
        "max_batch": fit.max_batch,
        "fixed": fit.line.fixed,
        "per_image": fit.line.per_image,
        "at": found.place(fit.at.layer),
        "phase": fit.at.phase,
        "peak_bytes": fit.peak,
        "next_bytes": fit.beyond,
    }


def _way_data(found: Overview, way: Way) -> dict[str, Any]:
    return {
        "name": way.name,
        "option": way.option,
        "peak_bytes": way.peak,
        "fits": way.fits,
        "cost": way.cost,
        "checkpoints": _ends(found, way.checkpoints),
    }


def _checkpoint_data(found: Overview) -> dict[str, Any] | None:
    known = found.checkpoints
    if known is None:
        return None
    return {
        "segments": _ends(found, known.segments),
        "recomputed_macs": known.macs,
        "forward_macs": known.forward_macs,
        "peak_without_bytes": known.peak_without,
    }


def _ends(found: Overview, segments: Iterable[range]) -> list[dict[str, Any]]:
    """Return the first and the last layer of each checkpoint."""
    return [
        {"first": found.place(part.start), "last": found.place(part.stop - 1)} for part in segments
    ]
