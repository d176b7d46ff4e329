"""The layers of a network, column by column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ...analysis.explain import explain_all
from ...analysis.memory.runs import Runs
from ...analysis.result import BYTES, Report, Row
from ...analysis.traffic import moved_bytes
from ...at_least import AtLeast
from ...graph import Node
from ...num import Shape
from ...ops.base import Op
from ...wording import axes_text
from .fields import field_number
from .kernels import KERNELS, kernel_of, window_text
from .packed import packed, path_columns
from .tables import Table
from .texts import Texts


class Tables(NamedTuple):
    """What many layers have in common."""

    ops: Table
    shapes: Table
    windows: Table
    reads: Table  # how many layers before a layer are those that it reads
    explained: Table  # which quantities are explained
    arithmetic: Texts
    fields: Table
    seen: Table  # the fields of a layer
    unknown: Table  # the figures of a layer of which a part is unknown

    def written(self) -> dict[str, Any]:
        """Return the tables by name."""
        return {name: table.written() for name, table in self._asdict().items()}


def tables(report: Report) -> Tables:
    """Return empty tables for the layers of a network."""
    return Tables(
        ops=Table(),
        shapes=Table(),
        windows=Table(),
        reads=Table(),
        explained=Table(),
        arithmetic=Texts(layer_numbers(report)),
        fields=Table(),
        seen=Table(),
        unknown=Table(),
    )


def layer_numbers(report: Report) -> dict[str, int]:
    """Return the number of each node of the graph, by its path."""
    return {node.path: n for n, node in enumerate(report.graph.nodes)}


def layer_columns(report: Report, shared: Tables, runs: Runs | None) -> dict[str, Any]:
    """Return the columns: one value for each node of the graph, its inputs included.

    Shapes, operators, arithmetic and fields are numbers in the shared tables. The arithmetic has a
    column for each quantity, with the layers that have it. All columns are packed.
    """
    lines = {row.path: lines for row, lines in explain_all(report, runs)}
    numbers = layer_numbers(report)
    columns: dict[str, list[Any]] = {}
    arithmetic: dict[str, list[int]] = {}
    for node, row in _nodes(report):
        for name, value in _values(report, node, row, numbers, shared):
            columns.setdefault(name, []).append(value)
        quantities = lines.get(node.path, ())
        explained = shared.explained.number(tuple(line.what for line in quantities))
        columns.setdefault("explained", []).append(explained)
        for what, how in quantities:
            arithmetic.setdefault(what, []).append(shared.arithmetic.text_number(how))
    columns["kept"], columns["rest"] = path_columns(list(numbers))
    return {
        **_packed(columns),
        "arithmetic": _packed(arithmetic),
    }


def _packed(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {name: packed(column) for name, column in columns.items()}


def _nodes(report: Report) -> Iterator[tuple[Node, Row | None]]:
    """Yield each node with its row; an input has none."""
    rows = iter(report.rows)
    for node in report.graph.nodes:
        yield node, None if node.op is None else next(rows)


def _values(
    report: Report,
    node: Node,
    row: Row | None,
    numbers: dict[str, int],
    shared: Tables,
) -> Iterator[tuple[str, Any]]:
    """Yield the values of one node, by the names of the columns."""
    n = numbers[node.path]
    yield "reads", shared.reads.number(tuple(n - m for m in node.inputs))
    yield "shape", shared.shapes.number(tuple(node.shape))
    yield "width", node.width(BYTES[report.dtype])
    yield "line", node.position.line if node.position else None
    yield from _identity(report, node, shared)
    figures = _figures(report, row)
    yield "unknown", shared.unknown.number(unknown_of(figures))
    yield from known_parts(figures).items()
    yield "declared", int(row.declared) if row else 0
    yield "shared_with", numbers[row.shared_with] if row and row.shared_with else None
    inputs = {path: numbers[path] for path in report.inputs}
    seen = row.receptive_fields if row else ()
    ungated = row.ungated_fields if row else ()
    for name, fields in (("seen", seen), ("ungated", () if ungated == seen else ungated)):
        known = tuple(field_number(field, inputs, shared.fields) for field in fields)
        yield name, shared.seen.number(known)
    yield "field_text", axes_text(seen[0].size) if seen else None


def _figures(report: Report, row: Row | None) -> dict[str, Any]:
    """Return what a layer costs; an input costs nothing."""
    names = ("params", "macs", "flops", "activations", "activation_bytes", "saved", "peak")
    if row is None:
        return dict.fromkeys((*names, "moved", "buffers", "frozen"), 0)
    return {
        **{name: getattr(row, name) for name in names},
        "moved": moved_bytes(report, row, False, BYTES[report.dtype]),
        "buffers": row.buffers,
        "frozen": row.frozen_params,
    }


def unknown_of(figures: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the figures of which a part is unknown."""
    return tuple(name for name, value in figures.items() if isinstance(value, AtLeast))


def known_parts(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures as plain numbers: of those that are partly unknown, what is known."""
    return {
        name: int(value) if isinstance(value, AtLeast) else value for name, value in figures.items()
    }


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
