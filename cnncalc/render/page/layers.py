"""The layers of a network, column by column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ...analysis.explain import explain_all
from ...analysis.field_arithmetic import Quantity
from ...analysis.memory.runs import Runs
from ...analysis.result import BYTES, Report, Row
from ...analysis.traffic import moved_bytes
from ...graph import Node
from ...num import Shape
from ...ops.base import Op
from ...wording import axes_text
from .fields import field_number
from .kernels import KERNELS, kernel_of, window_text
from .tables import Table


class Tables(NamedTuple):
    """What many layers have in common."""

    ops: Table
    shapes: Table
    windows: Table
    labels: Table  # of quantities
    arithmetic: Table
    fields: Table

    def written(self) -> dict[str, Any]:
        """Return the tables by name."""
        return {name: table.values for name, table in self._asdict().items()}


def tables() -> Tables:
    """Return empty tables."""
    return Tables(*(Table() for _ in Tables._fields))


def layer_columns(report: Report, shared: Tables, runs: Runs | None) -> dict[str, list[Any]]:
    """Return the columns: one value for each node of the graph, its inputs included.

    Shapes, operators, arithmetic and fields are numbers in the shared tables.
    """
    steps = {row.path: lines for row, lines in explain_all(report, runs)}
    numbers = {node.path: n for n, node in enumerate(report.graph.nodes)}
    columns: dict[str, list[Any]] = {}
    for node, row in _nodes(report):
        lines = steps.get(node.path, ())
        for name, value in _values(report, node, row, lines, numbers, shared):
            columns.setdefault(name, []).append(value)
    return columns


def _nodes(report: Report) -> Iterator[tuple[Node, Row | None]]:
    """Yield each node with its row; an input has none."""
    rows = iter(report.rows)
    for node in report.graph.nodes:
        yield node, None if node.op is None else next(rows)


def _values(
    report: Report,
    node: Node,
    row: Row | None,
    lines: Iterable[Quantity],
    numbers: dict[str, int],
    shared: Tables,
) -> Iterator[tuple[str, Any]]:
    """Yield the values of one node, by the names of the columns."""
    yield "path", node.path
    yield "inputs", node.inputs
    yield "shape", shared.shapes.number(tuple(node.shape))
    yield "width", node.width(BYTES[report.dtype])
    yield "line", node.position.line if node.position else None
    yield from _identity(report, node, shared)
    for name in ("params", "macs", "flops", "activations", "activation_bytes", "saved", "peak"):
        yield name, getattr(row, name) if row else 0
    width = BYTES[report.dtype]
    yield "moved", moved_bytes(row, report.batch, False, width) if row else 0
    yield "buffers", row.buffers if row else 0
    yield "frozen", row.frozen_params if row else 0
    yield "declared", int(row.declared) if row else 0
    yield "shared_with", numbers[row.shared_with] if row and row.shared_with else None
    inputs = {path: numbers[path] for path in report.inputs}
    seen = row.receptive_fields if row else ()
    ungated = row.ungated_fields if row else ()
    yield "field", [field_number(field, inputs, shared.fields) for field in seen]
    same = ungated == seen
    known = () if same else ungated
    yield "ungated", [field_number(field, inputs, shared.fields) for field in known]
    yield "field_text", axes_text(seen[0].size) if seen else None
    yield (
        "steps",
        [(shared.labels.number(line.what), shared.arithmetic.number(line.how)) for line in lines],
    )


def _identity(report: Report, node: Node, shared: Tables) -> Iterator[tuple[str, Any]]:
    """Yield what the layer is."""
    op = node.op
    if op is None:
        yield "op", shared.ops.number("input")
        yield "kernel", None
        yield "window", shared.windows.number("")
        yield "rides", 0
        return
    xs: tuple[Shape, ...] = tuple(report.graph.shapes_into(node))
    kernel = kernel_of(op, xs, node.shape)
    yield "op", shared.ops.number(op.key)
    yield "kernel", KERNELS.index(kernel)
    yield "window", shared.windows.number(window_text(op, xs))
    yield "rides", int(rides(op, xs, node.shape))


def rides(op: Op, xs: tuple[Shape, ...], y: Shape) -> bool:
    """Return whether a layer is drawn as a strip of the one before: it only changes its values."""
    plain = op.channelwise and not op.joins() and not op.pool
    return plain and len(xs) == 1 and xs[0] == y
