"""The arithmetic of one layer with the numbers put in."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..graph import Graph, Node
from ..num import Shape, product
from ..window import Unknown
from ..wording import axes_text, shape_text
from .field_following import START
from .figures import OF_A_LAYER
from .memory.storage import storages
from .receptive_field import ReceptiveField
from .result import BYTES, Report, Row

_WORDS = {
    "mac": "multiply–accumulates",
    "add": "additions",
    "mul": "multiplications",
    "div": "divisions",
    "cmp": "comparisons",
    "exp": "exponentials or the like",
}
_TITLES = {"params": "parameters", "macs": "MACs", "flops": "FLOPs"}


class Quantity(NamedTuple):
    """One quantity: its name and how it comes about."""

    what: str
    how: str


def explain(report: Report, path: str) -> list[Quantity]:
    """Explains size, parameters, cost, memory and receptive field of a layer.

    Empty if there is no layer at this path.
    """
    index = next((n for n, node in enumerate(report.graph.nodes) if node.path == path), None)
    row = report.row(path)
    if index is None or row is None:
        return []
    node = report.graph.nodes[index]
    return [
        *_size(report.graph, node),
        *_parameters(report.graph, node, row),
        *_cost(report.graph, node, row),
        _memory(report, node, index, row),
        *_receptive_field(report, node, row),
    ]


def _inputs(graph: Graph, node: Node) -> list[Shape]:
    return graph.shapes_into(node)


def _size(graph: Graph, node: Node) -> list[Quantity]:
    assert node.op is not None
    xs = graph.shapes_into(node)
    lines = [Quantity("shape", f"{', '.join(map(shape_text, xs))} → {shape_text(node.shape)}")]
    arithmetic = node.op.arithmetic(*xs)
    return [*lines, Quantity("size", arithmetic)] if arithmetic else lines


def _parameters(graph: Graph, node: Node, row: Row) -> list[Quantity]:
    assert node.op is not None
    if row.shared_with:
        return [Quantity("parameters", f"those of {row.shared_with}: 0 more")]
    table = node.op.weights(*graph.shapes_into(node))
    if not table:
        return [Quantity("parameters", "0")]
    parts = []
    for name, shape in table.items():
        total = f" = {product(shape):,}" if len(shape) > 1 else ""
        parts.append(f"{name} {'·'.join(map(str, shape))}{total}")
    end = f" → {row.params:,}" if len(table) > 1 else ""
    return [Quantity("parameters", " + ".join(parts) + end)]


def _cost(graph: Graph, node: Node, row: Row) -> list[Quantity]:
    """The ledger of the layer, and FLOPs from it; for one image."""
    assert node.op is not None
    ledger, lines = row.cost, []
    if ledger.mac:
        filters = node.op.filters(*graph.shapes_into(node))
        lines.append(Quantity("MACs", f"{_products(filters, ledger.mac)} = {ledger.mac:,}"))
    counts = {word: getattr(ledger, name) for name, word in _WORDS.items()}
    parts = [f"{count:,} {word}" for word, count in counts.items() if count]
    lines.append(Quantity("operations", ", ".join(parts) or "none: it only moves or keeps values"))
    others = ledger.flops - 2 * ledger.mac
    if ledger.mac:
        more = f" + {others:,}" if others else ""
        lines.append(Quantity("FLOPs", f"2·{ledger.mac:,}{more} = {ledger.flops:,}"))
    elif others:
        lines.append(Quantity("FLOPs", f"{others:,}"))
    return lines


def _products(filters: Shape, macs: int) -> str:
    """MACs as the filters' values times the places at which all of them are used."""
    weights = product(filters)
    places = macs // weights
    return f"{weights:,} weights · {places:,} places" if places > 1 else "·".join(map(str, filters))


def _memory(report: Report, node: Node, index: int, row: Row) -> Quantity:
    home = storages(report.graph, report.batch)[index]
    if home != index:
        assert node.op is not None
        storage = node.op.storage(*report.graph.shapes_into(node))
        how = "written over its input" if storage == "inplace" else "a view of its input"
        return Quantity("memory", f"{how}: 0 more")
    batch = f"{report.batch}·" if report.batch > 1 else ""
    values = f"{batch}{'·'.join(map(str, node.shape))} = {row.activations:,} values"
    width = BYTES[report.dtype]
    return Quantity("memory", f"{values} · {width} bytes = {row.activation_bytes:,} bytes")


def _receptive_field(report: Report, node: Node, row: Row) -> list[Quantity]:
    """Size, stride, padding and first centre, or which axes are seen whole or not followed."""
    seen = row.receptive_field
    if seen is None:
        followed = any(other.receptive_field for other in report.rows)
        return [Quantity("field", "the whole input" if followed else "–")]
    if seen.whole:
        return [Quantity("field", "the whole input")]
    if not seen.measured:
        words: dict[Any, str] = {"all": "the whole axis", None: f"not followed: {seen.unknown}"}
        axes = (words.get(size, str(size)) for size in seen.size)
        return [Quantity("field", ", ".join(dict.fromkeys(axes)))]
    parts = [
        _window_arithmetic(report, node, row, seen) or _axes_text(seen.size),
        f"stride {axes_text(seen.stride, 'varies')}",
        f"padding {_axes_text(seen.padding)}",
        f"first centre {_axes_text(tuple(float(c or 0) for c in seen.centre))}",
    ]
    if seen.clipped != seen.size:
        parts.append(f"on the input {_axes_text(seen.clipped)}")
    return [Quantity("field", ", ".join(parts))]


def _axes_text(values: tuple[Any, ...]) -> str:
    """One value for equal axes, otherwise one each; decimals as short as they are."""
    texts = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
    return texts[0] if len(set(texts)) == 1 else "×".join(texts)


def _window_arithmetic(report: Report, node: Node, row: Row, seen: ReceptiveField) -> str | None:
    """The receptive field from that of the layer before: ``11 + (3 − 1)·4 = 19`` for each axis.

    None if one plain window does not do it: after an upsampling fields repeat in phases, and
    many layers do not enlarge them.
    """
    assert node.op is not None
    reach = node.op.window(*report.graph.shapes_into(node))[0]
    before = report.row(row.inputs[0])
    if len(node.inputs) != 1 or not reach or not seen.moves:
        return None
    below_all: tuple[Any, ...] = (START,) * len(seen.fields)
    if before is not None:
        if before.receptive_field is None:
            return None
        below_all = before.receptive_field.fields
    lines = []
    for axis, (step, after) in enumerate(zip(reach, seen.fields)):
        below = below_all[axis]
        if step is None or isinstance(step, Unknown) or below is None or after is None:
            return None
        if step[0] != axis or len(step[1].taps) != 1 or len(below.spans) != 1:
            return None
        taps = step[1].taps[0]
        if taps[-1] > taps[0]:
            kernel = taps[-1] - taps[0] + 1
            lines.append(f"{below.size} + ({kernel} − 1)·{below.stride} = {after.size}")
        else:
            lines.append(str(after.size))
    return "; ".join(dict.fromkeys(lines)) if any("=" in line for line in lines) else None


def explain_group(report: Report, path: str) -> list[Quantity]:
    """Sums up a block or chain; empty if there is none at this path."""
    rows = report.group(path)
    if len(rows) < 2:
        return []
    first, last = rows[0], report.result(path) or rows[-1]
    lines = [
        Quantity("layers", f"{len(rows)}, from {first.path} to {last.path}"),
        Quantity("shape", f"{shape_text(first.input_shapes[0])} → {shape_text(last.output_shape)}"),
    ]
    for name in OF_A_LAYER:
        total = sum(getattr(row, name) for row in rows)
        lines.append(Quantity(_TITLES.get(name, name), f"{total:,}"))
    seen = last.receptive_field
    if seen and seen.measured:
        lines.append(Quantity("field", _axes_text(seen.size)))
    return lines
