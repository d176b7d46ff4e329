"""Receptive fields as torch's gradients show them, at inputs that are long along one axis and short along the others."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...analysis.analyze import analyze
from ...analysis.rows import Report, Row
from ...language.spec import Spec
from ...window import hull
from ..build import assemble
from .few_channels import narrowed
from .linearize import linear_values
from .thin_inputs import thin_inputs

WORK = 30 * 10**9  # multiply–accumulates spent on one axis
CALL = 10**6  # what a layer takes at least, in their time
MARGINS = (
    0,
    2,
    8,
)  # strides added to the short axes: of too thin an input a padded layer may see nothing but its padding
Span = tuple[int, int] | None


class Seen(NamedTuple):
    """What the middle position of a layer sees along one axis of an input: predicted and by gradient; None: nothing."""

    predicted: Span
    measured: Span
    size: int  # of the input, along that axis
    inside: bool  # whether all that is predicted lies on the input, in what the layers that it reads see together

    @property
    def ok(self) -> bool | None:
        """Equal; or covered, where the field reaches past the border: there paddings and crops on the way cut it further.

        None where the position sees nothing at all: along another axis its taps lie in the padding, or in gaps.
        """
        if self.predicted is not None and self.measured is None:
            return None
        return (
            self.predicted == self.measured
            or not self.inside
            and within(self.measured, self.predicted)
        )


class Fields(NamedTuple):
    """Per layer and axis of its output what it sees of each input, and the inputs used."""

    seen: dict[str, dict[tuple[str, int], Seen]]  # path → (input, axis of the output) → Seen
    inputs: list[dict[str, tuple[int, ...]]]
    asked: int
    of: int
    narrow: bool = False  # whether the network had few channels


def fields(spec: Spec, report: Report, arguments: dict[str, Any], work: int = WORK) -> Fields:
    """Every layer's field by gradients, or as many layers' as `work` allows, the last one always.

    `arguments` are those of `analyze` that made the report: variant and set.
    """
    found = Fields({}, [], 0, sum(bool(row.receptive_fields) for row in report.rows))
    asked: set[str] = set()
    narrow = False
    if not found.of:
        return found
    for axis in range(max((len(shape) - 1 for shape in report.inputs.values()), default=0)):
        for margin in MARGINS:
            inputs = thin_inputs(
                report, axis, lambda shapes: analyze(spec, input=shapes, **arguments), margin
            )
            thin = analyze(spec, input=inputs, **arguments)
            if [row.path for row in thin.rows] != [row.path for row in report.rows]:
                return found  # the input decides which layers there are
            rows = affordable(thin, work)
            few = narrowed(thin) if len(rows) < found.of else None
            if few is not None:
                thin, rows, narrow = few, affordable(few, work), True
            along = along_axis(thin, rows, axis)
            if all(
                seen.measured or not seen.predicted for of in along.values() for seen in of.values()
            ):
                break
        found.inputs.append(inputs)
        asked |= along.keys()
        for path, of in along.items():
            found.seen.setdefault(path, {}).update(of)
    return found._replace(asked=len(asked), narrow=narrow)


def affordable(report: Report, work: int) -> list[Row]:
    """The rows whose backward passes cost no more than `work` together: all, or those that change the field, or every
    second, third, … of them, counted from the last."""
    below, cost = 0, {}
    for row in report.rows:
        below += row.macs + CALL
        cost[row.path] = below
    rows = [row for row in report.rows if row.receptive_fields]
    if sum(cost[row.path] for row in rows) > work:
        known = {row.path: row.receptive_fields for row in rows}
        rows = [
            row
            for row in rows
            if len(row.inputs) > 1 or row.receptive_fields != known.get(row.inputs[0])
        ]
    step = max(1, -(-sum(cost[row.path] for row in rows) // work))
    return rows[::-1][::step][::-1]


def along_axis(
    report: Report, rows: list[Row], axis: int
) -> dict[str, dict[tuple[str, int], Seen]]:
    """What the middle positions of the rows see along one spatial axis of the inputs.

    A layer said to see the whole must see all that the layers it reads see together; what floors drop, nobody sees.
    """
    wanted = {row.path for row in rows}
    last = max(n for n, node in enumerate(report.graph.nodes) if node.path in wanted)
    exact = (
        torch.float64 if any(row.op == "upsample" for row in rows) else torch.float32
    )  # in float32 a weight of 0 comes out as 1e-7
    inputs = {
        name: torch.rand(1, *shape, dtype=exact).add(0.5).requires_grad_()
        for name, shape in report.inputs.items()
    }
    values = dict(
        zip(
            (node.path for node in report.graph.nodes),
            linear_values(assemble(report.graph, "meta"), [*inputs.values()], last),
        )
    )
    given_up = any(
        d.code == "CNN209" and d.message.endswith("shown as the whole") for d in report.diagnostics
    )

    def supports(y: Tensor) -> dict[str, Span]:
        if not y.requires_grad:
            return {}
        found = torch.autograd.grad(
            y.sum(), [*inputs.values()], retain_graph=True, allow_unused=True
        )
        return {name: support(gradient, axis) for name, gradient in zip(inputs, found)}

    all_of = cache(lambda path: supports(values[path]))
    found: dict[str, dict[tuple[str, int], Seen]] = {}
    for row in rows:
        for n in range(len(row.output_shape) - 1):
            looking = [
                f
                for f in row.receptive_fields
                if f.axes[n] == axis or f.axes[n] is None and n == axis and not given_up
            ]
            looking = [f for f in looking if axis + 1 < len(report.inputs[f.of])]
            if not looking:
                continue
            middle = row.output_shape[n + 1] // 2
            measured = supports(values[row.path].select(n + 2, middle))
            for field in looking:
                size, own = report.inputs[field.of][axis + 1], field.fields[n]
                below = hull([all_of(path).get(field.of) for path in row.inputs])
                full = own.at(middle) if own else below
                span = clipped(full, size)
                inside = span == full and within(span, below) if own else sees_whole(report, row, n)
                found.setdefault(row.path, {})[field.of, n] = Seen(
                    span, measured.get(field.of), size, inside
                )
    return found


def within(span: Span, other: Span) -> bool:
    """Whether a span lies in another."""
    return span is None or other is not None and other[0] <= span[0] and span[1] <= other[1]


def sees_whole(report: Report, row: Row, axis: int) -> bool:
    """Whether the operator itself reads a whole axis, rather than what reads it below."""
    node = next(node for node in report.graph.nodes if node.path == row.path)
    if node.op is None:
        return False
    reaches = node.op.window(*(report.graph.nodes[n].shape for n in node.inputs))
    return all(reach is None or reach[axis] is None for reach in reaches)


def clipped(span: Span, size: int) -> Span:
    """The part of a span that lies on the input."""
    if span is None or span[1] < 0 or span[0] >= size:
        return None
    return max(span[0], 0), min(span[1], size - 1)


def support(gradient: Tensor | None, axis: int) -> Span:
    """First and last position with a gradient along an axis."""
    if gradient is None:
        return None
    others = [a for a in range(gradient.dim()) if a != axis + 2]
    positions = gradient.abs().amax(others).nonzero().flatten().tolist()
    return (positions[0], positions[-1]) if positions else None
