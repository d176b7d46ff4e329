"""How measured receptive fields are reported: a check per axis, and where they were measured."""

from __future__ import annotations

from ...ops.weighted import FEW
from ...window import Span
from ...wording import shape_text
from .receptive_fields import ComparedSpan, MeasuredAxis, MeasuredFields
from .result import Check


def field_check(measured: MeasuredAxis, spans: ComparedSpan) -> Check:
    """Check the first and last position that a layer sees along an axis of an input."""
    note = f"axis {measured.axis + 1} on {measured.origin}, {spans.size} long"
    if not spans.inside:
        note += "; need only be covered: past its border, or whole below it"
    if spans.ok is None:
        note += "; nothing is seen there: along another axis there is only padding"
    return Check(
        what="receptive_field" if measured.gated else "receptive_field_without_gates",
        predicted=_ends(spans.predicted),
        measured=_ends(spans.measured),
        by="gradients",
        ok=spans.ok,
        note=note,
    )


def field_notes(fields: MeasuredFields) -> list[str]:
    """Say at which inputs receptive fields were measured, and of how many layers."""
    if not fields.layers:
        return ["receptive fields: none, no layer has spatial axes"]
    if not fields.inputs:
        return ["receptive fields were not measured: the layers change with the input"]
    inputs = [", ".join(map(shape_text, shapes.values())) for shapes in fields.inputs]
    number = "all" if fields.measured == fields.layers else f"{fields.measured} of"
    note = (
        f"receptive fields of {number} {fields.layers} layers that have one,"
        f" by gradients on the CPU at inputs of {' and '.join(inputs)}"
    )
    if fields.few_channels:
        note += f", with at most {FEW} channels a convolution"
    return [note]


def _ends(span: Span) -> list[int] | None:
    return None if span is None else list(span)
