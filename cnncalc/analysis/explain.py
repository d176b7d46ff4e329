"""The arithmetic of one layer with the numbers put in."""

from __future__ import annotations

from typing import NamedTuple

from ..cost import CLASSES
from ..graph import Graph, Node
from ..num import product
from ..ops.base import named
from .memory.storage import storages
from .receptive_field import START
from .rows import BYTES, Report, Row

WORDS = {
    "mac": "multiply–accumulates",
    "add": "additions",
    "mul": "multiplications",
    "div": "divisions",
    "cmp": "comparisons",
    "exp": "exponentials or the like",
}


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
    return [
        *size(report.graph, node),
        *parameters(report.graph, node, row),
        *cost(report.graph, node, row),
        memory(report, node, index, row),
        *field(report, node, row),
    ]


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
    parts = [
        f"{name} {'·'.join(map(str, shape))}" + (f" = {product(shape):,}" if len(shape) > 1 else "")
        for name, shape in table.items()
    ]
    end = f" → {row.params:,}" if len(table) > 1 else ""
    return [Line("parameters", " + ".join(parts) + end)]


def cost(graph: Graph, node: Node, row: Row) -> list[Line]:
    """The ledger of the layer, and FLOPs from it; for one image."""
    assert node.op is not None
    ledger, lines = row.cost, []
    table = node.op.weights(*_inputs(graph, node))
    if ledger.mac:
        kernel = next(iter(table.values()))
        weights = product(kernel)
        places = ledger.mac // weights
        how = (
            f"{weights:,} weights · {places:,} places"
            if places > 1
            else f"{'·'.join(map(str, kernel))}"
        )
        lines.append(Line("MACs", f"{how} = {ledger.mac:,}"))
    parts = [
        f"{getattr(ledger, name):,} {WORDS[name]}" for name in CLASSES if getattr(ledger, name)
    ]
    lines.append(Line("operations", ", ".join(parts) or "none: it only moves or keeps values"))
    others = ledger.flops - 2 * ledger.mac
    if ledger.mac:
        lines.append(
            Line(
                "FLOPs",
                f"2·{ledger.mac:,}" + (f" + {others:,}" if others else "") + f" = {ledger.flops:,}",
            )
        )
    elif others:
        lines.append(Line("FLOPs", f"{others:,}"))
    return lines


def memory(report: Report, node: Node, index: int, row: Row) -> Line:
    home = storages(report.graph)[index]
    if home != index:
        assert node.op is not None
        how = (
            "written over its input"
            if node.op.storage(*_inputs(report.graph, node)) == "inplace"
            else "a view of its input"
        )
        return Line("memory", f"{how}: 0 more")
    batch = f"{report.batch}·" if report.batch > 1 else ""
    return Line(
        "memory",
        f"{batch}{'·'.join(map(str, node.shape))} = {row.activations:,} values · {BYTES[report.dtype]} bytes = {row.activation_bytes:,} bytes",
    )


def field(report: Report, node: Node, row: Row) -> list[Line]:
    """size + (k − 1)·stride, from the layer before, where one plain window does it."""
    seen = row.receptive_field
    if seen is None:
        return [
            Line("field", "the whole input" if any(r.receptive_field for r in report.rows) else "–")
        ]
    if None in seen.fields:
        axes = ", ".join("the whole axis" if f is None else str(f.size) for f in seen.fields)
        return [Line("field", "the whole input" if seen.whole else axes)]
    how = window_arithmetic(report, node, row)
    parts = [
        how or across(seen.size),
        f"stride {across(seen.stride)}",
        f"padding {across(seen.padding)}",
        f"first centre {across(tuple(float(c) for c in seen.centre))}",
    ]
    if seen.clipped != seen.size:
        parts.append(f"on the input {across(seen.clipped)}")
    return [Line("field", ", ".join(parts))]


def across(values: tuple) -> str:
    """One value for equal axes, else one each."""
    texts = [f"{v:g}" if isinstance(v, float) else str(v) for v in values]
    return texts[0] if len(set(texts)) == 1 else "×".join(texts)


def window_arithmetic(report: Report, node: Node, row: Row) -> str | None:
    """``11 + (3 − 1)·4 = 19`` for each axis; None where fields repeat in phases (behind an upsampling) or do not grow."""
    assert node.op is not None and row.receptive_field is not None
    reach = node.op.window(*_inputs(report.graph, node))[0]
    before = report.row(row.inputs[0])
    if (
        len(node.inputs) != 1
        or not reach
        or (before is not None and before.receptive_field is None)
    ):
        return None
    lines = []
    for axis, (step, after) in enumerate(zip(reach, row.receptive_field.fields)):
        below = before.receptive_field.fields[axis] if before and before.receptive_field else START
        if (
            step is None
            or step[0] != axis
            or len(step[1].taps) != 1
            or below is None
            or len(below.spans) != 1
            or after is None
        ):
            return None
        taps = step[1].taps[0]
        lines.append(
            f"{below.size} + ({taps[-1] - taps[0] + 1} − 1)·{below.stride} = {after.size}"
            if taps[-1] > taps[0]
            else str(after.size)
        )
    return None if all("=" not in line for line in lines) else "; ".join(dict.fromkeys(lines))


def explain_group(report: Report, path: str) -> list[Line]:
    """A block or chain in sum; empty if there is none of that name."""
    rows = report.group(path)
    if len(rows) < 2:
        return []
    first, last = rows[0], report.result(path) or rows[-1]
    counts = [
        Line(name, f"{sum(getattr(row, key) for row in rows):,}")
        for name, key in (
            ("parameters", "params"),
            ("MACs", "macs"),
            ("FLOPs", "flops"),
            ("activations", "activations"),
        )
    ]
    field = (
        [Line("field", across(last.receptive_field.size))]
        if last.receptive_field and None not in last.receptive_field.fields
        else []
    )
    return [
        Line("layers", f"{len(rows)}, from {first.path} to {last.path}"),
        Line("shape", f"{named(first.input_shapes[0])} → {named(last.output_shape)}"),
        *counts,
        *field,
    ]
