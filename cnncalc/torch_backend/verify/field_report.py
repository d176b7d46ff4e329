"""Reports measured receptive fields: a check per axis, and the inputs that were used."""

from __future__ import annotations

from ...ops.weighted import FEW
from ...window import Span
from ...wording import shape_text
from .receptive_fields import WORK, ComparedSpan, MeasuredAxis, MeasuredFields
from .result import Check


def field_check(measured: MeasuredAxis, spans: ComparedSpan) -> Check:
    """Check the first and last position that a layer sees along an axis of an input."""
    note = f"axis {measured.axis + 1} of {measured.origin}, {spans.size} long"
    if not spans.inside:
        note += "; the predicted span reaches past a border, so it need only contain the other"
    if spans.ok is None:
        note += "; nothing is seen there, because there is only padding along another axis"
    return Check(
        what="receptive_field" if measured.gated else "receptive_field_without_gates",
        predicted=_ends(spans.predicted),
        measured=_ends(spans.measured),
        by="gradients",
        ok=spans.ok,
        note=note,
    )


def field_notes(fields: MeasuredFields) -> list[str]:
    """Say for how many layers receptive fields were measured, and at which inputs."""
    if not fields.layers:
        return ["no receptive fields were measured: no layer has spatial axes"]
    if not fields.inputs:
        return ["no receptive fields were measured: the layers change with the input"]
    inputs = [", ".join(map(shape_text, shapes.values())) for shapes in fields.inputs]
    number = "all" if fields.measured == fields.layers else f"{fields.measured} of"
    note = (
        f"receptive fields were measured for {number} {fields.layers} layers that have one,"
        f" by gradients on the CPU at inputs of {' and '.join(inputs)}"
    )
    if fields.few_channels:
        note += f", with at most {FEW} channels per convolution"
    if fields.measured < fields.layers and fields.work < WORK:
        note += "; --thorough measures more"
    return [note]


def _ends(span: Span) -> list[int] | None:
    return None if span is None else list(span)
