"""The arithmetic of one layer with the numbers put in."""

from __future__ import annotations

from typing import NamedTuple

from ..cost import CLASSES
from ..graph import Graph, Node
from ..num import product
from ..ops.base import named
from .fold import BYTES, Report, Row
from .storage import storages

WORDS = {"mac": "multiply–accumulates", "add": "additions", "mul": "multiplications", "div": "divisions", "cmp": "comparisons", "exp": "exponentials or the like"}


class Line(NamedTuple):
    """One quantity: its name and how it comes about."""

    what: str
    how: str


def explain(report: Report, path: str) -> list[Line]:
    """Size, parameters, cost, memory and receptive field of a layer; empty if there is no such layer."""
    index = next((n for n, node in enumerate(report.graph.nodes) if node.path == path), None)
    row = report.row(path)
    if index is None or row is None:
        return []
    node = report.graph.nodes[index]
    return [*size(report.graph, node), *parameters(report.graph, node, row), *cost(report.graph, node, row), memory(report, node, index, row), *field(report, node, row)]


def _inputs(graph: Graph, node: Node) -> list[tuple]:
    return [graph.nodes[n].shape for n in node.inputs]


def size(graph: Graph, node: Node) -> list[Line]:
    assert node.op is not None
    xs = _inputs(graph, node)
    lines = [Line("shape", f"{', '.join(named(x) for x in xs)} → {named(node.shape)}")]
    arithmetic = node.op.arithmetic(*xs)
    return [*lines, Line("size", arithmetic)] if arithmetic else lines


def parameters(graph: Graph, node: Node, row: Row) -> list[Line]:
    assert node.op is not None
    if row.shared_with:
        return [Line("parameters", f"those of {row.shared_with}: 0 more")]
    table = node.op.weights(*_inputs(graph, node))
    if not table:
        return [Line("parameters", "0")]
    parts = [f"{name} {'·'.join(map(str, shape))}" + (f" = {product(shape):,}" if len(shape) > 1 else "") for name, shape in table.items()]
    end = f" → {row.params:,}" if len(table) > 1 else ""
    return [Line("parameters", " + ".join(parts) + end)]


def cost(graph: Graph, node: Node, row: Row) -> list[Line]:
    """The ledger of the layer, and FLOPs from it; for one image."""
    assert node.op is not None
    ledger, lines = row.cost, []
    table = node.op.weights(*_inputs(graph, node))
    if ledger.mac:
        weights = product(table["weight"])
        places = ledger.mac // weights
        how = f"{weights:,} weights · {places:,} places" if places > 1 else f"{'·'.join(map(str, table['weight']))}"
        lines.append(Line("MACs", f"{how} = {ledger.mac:,}"))
    parts = [f"{getattr(ledger, name):,} {WORDS[name]}" for name in CLASSES if getattr(ledger, name)]
    lines.append(Line("operations", ", ".join(parts) or "none: it only moves or keeps values"))
    if ledger.mac:
        others = ledger.flops - 2 * ledger.mac
        lines.append(Line("FLOPs", f"2·{ledger.mac:,}" + (f" + {others:,}" if others else "") + f" = {ledger.flops:,}"))
    return lines


def memory(report: Report, node: Node, index: int, row: Row) -> Line:
    home = storages(report.graph)[index]
    if home != index:
        assert node.op is not None
        how = "written over its input" if node.op.storage(*_inputs(report.graph, node)) == "inplace" else "a view of its input"
        return Line("memory", f"{how}: 0 more")
    batch = f"{report.batch}·" if report.batch > 1 else ""
    return Line("memory", f"{batch}{'·'.join(map(str, node.shape))} = {row.activations:,} values · {BYTES[report.dtype]} bytes = {row.activation_bytes:,} bytes")


def field(report: Report, node: Node, row: Row) -> list[Line]:
    """size + (k − 1)·stride, from the layer before, where one plain window does it."""
    seen = row.receptive_field
    if seen is None:
        return [Line("field", "the whole input" if any(r.receptive_field for r in report.rows) else "–")]
    if None in seen.fields:
        axes = ", ".join("the whole axis" if f is None else str(f.size) for f in seen.fields)
        return [Line("field", "the whole input" if seen.whole else axes)]
    text = "×".join(map(str, dict.fromkeys(seen.size)))
    clipped = f"; on the input {'×'.join(map(str, dict.fromkeys(seen.clipped)))}" if seen.clipped != seen.size else ""
    how = _window_arithmetic(report, node, row)
    where = f", stride {seen.stride[-1]}, padding {seen.padding[-1]}, first centre {float(seen.centre[-1]):g}"
    return [Line("field", (f"{how} = " if how else "") + text + where + clipped)]


def _window_arithmetic(report: Report, node: Node, row: Row) -> str | None:
    """``11 + (3 − 1)·4`` of the last axis."""
    assert node.op is not None and row.receptive_field is not None
    reach = node.op.window(*_inputs(report.graph, node))[0]
    if len(node.inputs) != 1 or not reach or reach[-1] is None or len(reach[-1][1].taps) != 1:
        return None
    before = report.row(row.inputs[0])
    size, stride = 1, 1
    if before is not None:
        if before.receptive_field is None or before.receptive_field.fields[-1] is None:
            return None
        size, stride = before.receptive_field.size[-1], before.receptive_field.stride[-1]  # type: ignore[assignment]
    taps = reach[-1][1].taps[0]
    return f"{size} + ({taps[-1] - taps[0] + 1} − 1)·{stride}" if taps[-1] > taps[0] else None
