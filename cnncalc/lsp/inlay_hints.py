"""Inlay hints: what comes out of each layer, beside its line."""

from __future__ import annotations

from collections import Counter

from lsprotocol import types as lsp

from ..analysis.result import Report
from ..language.steps import Step
from ..wording import axes_text, shape_text, short
from .places import Places
from .settings import Settings
from .unfinished import known_nodes
from .uses import LayerUse
from .view import MOST_SHAPES, View


def inlay_hints(view: View, settings: Settings, lines: range | None = None) -> list[lsp.InlayHint]:
    """Return a hint for each layer that is reached, of those that begin on some lines.

    What depends on a line that cannot be read yet has none. Larger networks get hints of shapes
    alone, and the largest none.
    """
    graph = view.expansion.graph
    if not settings.hints or len(graph.nodes) > MOST_SHAPES:
        return []
    report = view.report if view.has_figures else None
    places = view.places
    known = known_nodes(view)
    shown = [use for use in view.shown if _is_wanted(use.step, lines) and _is_known(use, known)]
    alone = Counter(use.step.place.line for use in view.shown)
    found = []
    for use in shown:
        text = hint_text(view, use, report, settings)
        if text:
            is_alone = alone[use.step.place.line] == 1
            where = _end(places, use.step, is_alone)
            found.append(
                lsp.InlayHint(
                    position=places.position(where),
                    label=text,
                    kind=lsp.InlayHintKind.Type,
                    padding_left=True,
                    padding_right=not is_alone,
                )
            )
    return found


def _is_wanted(step: Step, lines: range | None) -> bool:
    return lines is None or step.place.line - 1 in lines


def _is_known(use: LayerUse, known: int | None) -> bool:
    start, end, _ = use.group
    return known is None or max(start + 1, end) <= known


def _end(places: Places, step: Step, is_alone: bool) -> int:
    """Return where a hint is: at the end of the line, or after one of several layers in it."""
    line = places.line_of(places.start(step.place))
    end = places.end_of_line(line)
    if is_alone:
        return end
    return min(places.span(step.marks)[1], end)


def hint_text(view: View, use: LayerUse, report: Report | None, settings: Settings) -> str:
    """Write what is known of a layer: ``×3 → 64×112×112 · 9,408 params · field 7``."""
    start, end, result = use.group
    parts: list[str] = []
    copies = f"×{use.copies} " if settings.repeats and use.copies is not None else ""
    if start == end:
        return f"{copies}left out" if use.copies is None else "×0"
    graph = view.expansion.graph
    if settings.shape:
        parts.append(f"→ {shape_text(graph.nodes[result].shape)}")
    if report is not None:
        inputs = len(report.inputs)
        rows = report.rows[start - inputs : end - inputs]
        params = sum(row.params for row in rows)
        macs = sum(row.macs for row in rows)
        if settings.params and params:
            parts.append(f"{short(params)} params")
        if settings.macs and macs:
            parts.append(f"{short(macs)} MACs")
        field = report.rows[result - inputs].receptive_field if result >= inputs else None
        if settings.field and field is not None:
            parts.append(f"field {axes_text(field.size)}")
    return copies + " · ".join(parts) if parts else copies.rstrip()
