"""Measures receptive fields by torch's gradients.

The inputs are long along one axis and short along the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...analysis.analyze import analyze
from ...analysis.receptive_field import ReceptiveField
from ...analysis.result import Report, Row
from ...graph import Graph
from ...language.spec import Spec
from ...num import ceil_div
from ...window import Span, Unknown, hull
from .few_channels import narrowed_report
from .linearize import linear_values
from .one_thread import one_thread
from .thin_inputs import Inputs, graph_at, thin_inputs

WORK = 30 * 10**9  # multiply–accumulates spent on one axis
QUICK = WORK // 16  # the same where fewer layers are measured, to be quick
_CALL = 10**6  # multiply–accumulates that take as long as calling a layer
# Strides added to the short axes: at an input that is too thin, a layer may see only its padding.
_MARGINS = (0, 2, 8)


class ComparedSpan(NamedTuple):
    """What the middle position of a layer sees along one axis of an input."""

    predicted: Span
    measured: Span  # by gradients
    size: int  # of the input, along that axis
    inside: bool  # whether the predicted span lies on the input and in what earlier layers see

    @property
    def ok(self) -> bool | None:
        """Return whether both are equal or, if not `inside`, whether predicted contains measured.

        If the field reaches past a border, paddings and crops on the way may cut it further. None
        if the position sees nothing, because along another axis its taps are in padding or in gaps.
        """
        if self.predicted is not None and self.measured is None:
            return None
        if self.predicted == self.measured:
            return True
        return not self.inside and _within(self.measured, self.predicted)


class MeasuredAxis(NamedTuple):
    """An axis of a network input along which a field is measured."""

    origin: str
    axis: int
    gated: bool = True  # False for the field without gates


Spans = dict[str, dict[MeasuredAxis, ComparedSpan]]  # by the layer's path


class MeasuredFields(NamedTuple):
    """What layers see of the inputs, and how that was measured."""

    spans: Spans
    inputs: list[Inputs]  # one for each axis
    measured: int  # layers that were measured
    layers: int  # layers that have a receptive field
    few_channels: bool = False  # whether the network was narrowed
    work: int = WORK  # multiply–accumulates that were allowed


@one_thread()
def measured_fields(
    spec: Spec,
    report: Report,
    variant: str | None = None,
    set: Mapping[str, Any] | None = None,
    work: int = WORK,
) -> MeasuredFields:
    """Measure the field of every layer, or of as many as `work` allows, always with the last one.

    `variant` and `set` must be those of the report.
    """
    layers = sum(bool(row.receptive_fields) for row in report.rows)
    found = MeasuredFields(spans={}, inputs=[], measured=0, layers=layers, work=work)
    few_channels = False
    if not layers:
        return found
    for axis in range(max(len(shape) - 1 for shape in report.inputs.values())):
        spans: Spans = {}
        inputs: Inputs = {}
        for margin in _MARGINS:
            inputs = thin_inputs(
                report, axis, margin, lambda shapes: graph_at(spec, variant, set, shapes)
            )
            thin = analyze(spec, variant, set=set, input=inputs)
            if [row.path for row in thin.rows] != [row.path for row in report.rows]:
                return found  # which layers there are depends on the input
            rows = _affordable_rows(thin, work)
            narrow = narrowed_report(thin) if len(rows) < layers else None
            if narrow is not None:
                thin, rows, few_channels = narrow, _affordable_rows(narrow, work), True
            spans = _spans_along(thin, rows, axis)
            if _all_see_something(spans):
                break
        found.inputs.append(inputs)
        for path, of_layer in spans.items():
            found.spans.setdefault(path, {}).update(of_layer)
    return found._replace(measured=len(found.spans), few_channels=few_channels)


def _all_see_something(spans: Spans) -> bool:
    """Return whether gradients reach every layer that should see something."""
    compared = [span for of_layer in spans.values() for span in of_layer.values()]
    return all(span.measured or not span.predicted for span in compared)


def _affordable_rows(report: Report, work: int) -> list[Row]:
    """Return rows whose backward passes together cost about `work` at most.

    These are all rows with a field, else those whose layer changes it, else every second, third, …
    of those, counted from the last.
    """
    below, cost = 0, {}
    for row in report.rows:
        below += row.macs + _CALL
        cost[row.path] = below
    rows = [row for row in report.rows if row.receptive_fields]
    if sum(cost[row.path] for row in rows) > work:
        fields = {row.path: row.receptive_fields for row in rows}
        rows = [row for row in rows if _changes_field(row, fields)]
    step = max(1, ceil_div(sum(cost[row.path] for row in rows), work))
    return rows[::-1][::step][::-1]


def _changes_field(row: Row, fields: Mapping[str, tuple[ReceptiveField, ...]]) -> bool:
    """Return whether a layer sees something else than the layer that it reads."""
    return len(row.inputs) > 1 or row.receptive_fields != fields.get(row.inputs[0])


def _spans_along(report: Report, rows: list[Row], axis: int) -> Spans:
    """Compare what the middle positions of the rows see along one spatial axis of the inputs."""
    found: Spans = {}
    for gated in (True, False):
        if not gated:
            rows = [row for row in rows if row.ungated_fields != row.receptive_fields]
        if not rows:
            break
        gradients = _Gradients(report.graph, {row.path for row in rows}, axis, gated)
        for row in rows:
            for field in row.receptive_fields if gated else row.ungated_fields:
                spans = _compared(report, row, field, axis, gradients)
                if spans is not None:
                    key = MeasuredAxis(field.of, axis, gated)
                    found.setdefault(row.path, {})[key] = spans
    return found


def _compared(
    report: Report, row: Row, field: ReceptiveField, axis: int, gradients: _Gradients
) -> ComparedSpan | None:
    """Compare what the middle of a layer sees along an axis of one network input.

    Returns None if that input has no such axis, or if the field is not followed along it.
    """
    if axis >= len(field.axes):
        return None
    seen, size = field.axes[axis], field.input_sizes[axis]
    if isinstance(seen, Unknown):
        return None
    moving: int | None = None
    full: Span = (0, size - 1)
    if seen is not None:
        moving, of_position = seen
        full = of_position.at(0 if moving is None else row.output_shape[moving + 1] // 2)
    if moving is None:
        moving = min(axis, len(row.output_shape) - 2)
    middle = row.output_shape[moving + 1] // 2
    predicted = _clipped(full, size)
    measured = gradients.of_position(row.path, moving, middle).get(field.of)
    # Positions that a floor, a crop or a negative padding drops on the way are not seen.
    below = hull([gradients.of_layer(path).get(field.of) for path in row.inputs])
    inside = predicted == full and _within(predicted, below)
    return ComparedSpan(predicted, measured, size, inside)


class _Gradients:
    """Finds what layers see of the inputs along one axis, by gradients of the linear network."""

    def __init__(self, graph: Graph, paths: set[str], axis: int, gated: bool):
        last = max(n for n, node in enumerate(graph.nodes) if node.path in paths)
        rounds = any(node.op is not None and node.op.rounds for node in graph.nodes)
        exact = torch.float64 if rounds else torch.float32
        self._axis = axis
        self._inputs: dict[str, Tensor] = {}
        for node in graph.inputs:
            x = torch.rand(1, *node.shape, dtype=exact).add(0.5)
            self._inputs[node.path] = x.requires_grad_()
        values = linear_values(graph, [*self._inputs.values()], last, gated)
        self._values = {node.path: y for node, y in zip(graph.nodes, values)}
        self._of_layers: dict[str, dict[str, Span]] = {}

    def of_layer(self, path: str) -> dict[str, Span]:
        """Return what all positions of a layer see together, by network input."""
        if path not in self._of_layers:
            self._of_layers[path] = self._of(self._values[path])
        return self._of_layers[path]

    def of_position(self, path: str, axis: int, position: int) -> dict[str, Span]:
        """Return what all positions at one place of a layer's axis see, by network input."""
        return self._of(self._values[path].select(axis + 2, position))

    def _of(self, y: Tensor) -> dict[str, Span]:
        if not y.requires_grad:
            return {}
        inputs = [*self._inputs.values()]
        found = torch.autograd.grad(y.sum(), inputs, retain_graph=True, allow_unused=True)
        return {name: _support(x, self._axis) for name, x in zip(self._inputs, found)}


def _support(gradient: Tensor | None, axis: int) -> Span:
    """Return the first and the last position with a gradient along an axis."""
    if gradient is None:
        return None
    others = [a for a in range(gradient.dim()) if a != axis + 2]
    positions = gradient.abs().amax(others).nonzero().flatten().tolist()
    return (positions[0], positions[-1]) if positions else None


def _within(span: Span, other: Span) -> bool:
    """Return whether a span lies in another."""
    if span is None:
        return True
    return other is not None and other[0] <= span[0] and span[1] <= other[1]


def _clipped(span: Span, size: int) -> Span:
    """Return the part of a span that lies on the input."""
    if span is None or span[1] < 0 or span[0] >= size:
        return None
    return max(span[0], 0), min(span[1], size - 1)
