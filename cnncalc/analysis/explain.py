"""Explains the arithmetic of layers, with their numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..at_least import AtLeast
from ..graph import Graph, Node
from ..num import Shape, product
from ..wording import shape_text
from .field_arithmetic import Quantity, field_arithmetic, numbers_text
from .figures import OF_A_LAYER
from .memory.explain import explain_group_memory, explain_memory
from .memory.runs import Runs
from .memory.storage import storages
from .result import BYTES, Report, Row

_WORDS = {
    "mac": "multiply–accumulates",
    "add": "additions",
    "mul": "multiplications",
    "div": "divisions",
    "cmp": "comparisons",
    "exp": "exponentials or similar",
}
_TITLES = {"params": "parameters", "macs": "MACs", "flops": "FLOPs"}


def explain(report: Report, path: str, runs: bool = True) -> list[Quantity]:
    """Explain size, parameters, cost, memory and receptive field of a layer.

    With `runs`, memory includes what the layer takes in a run of the network. The list is empty if
    there is no layer at this path.
    """
    index = next((n for n, node in enumerate(report.graph.nodes) if node.path == path), None)
    row = report.row(path)
    if index is None or row is None:
        return []
    known = Runs(report) if runs and report.complete else None
    return _quantities(report, index, row, storages(report.graph, report.batch), known)


def _quantities(
    report: Report, index: int, row: Row, homes: Sequence[int], runs: Runs | None
) -> list[Quantity]:
    """Return the quantities of a layer; those of memory in a run only with `runs`."""
    node = report.graph.nodes[index]
    return [
        *_size(report.graph, node),
        *_parameters(report.graph, node, row),
        *_cost(report.graph, node, row),
        _memory(report, node, row, in_place=homes[index] != index),
        *(Quantity(*line) for line in (explain_memory(runs, index, row) if runs else ())),
        *field_arithmetic(report, node, row),
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
        return [Quantity("parameters", f"shared with {row.shared_with}: 0 more")]
    table = node.op.weights(*graph.shapes_into(node))
    if not table:
        return [Quantity("parameters", "0")]
    if "params" in node.op.undeclared:
        return [Quantity("parameters", "not declared")]
    parts = []
    for name, shape in table.items():
        total = f" = {product(shape):,}" if len(shape) > 1 else ""
        parts.append(f"{name} {'·'.join(map(str, shape))}{total}")
    end = f" → {row.params:,}" if len(table) > 1 else ""
    end += ", frozen" if row.frozen_params else ""
    return [Quantity("parameters", " + ".join(parts) + end)]


def _cost(graph: Graph, node: Node, row: Row) -> list[Quantity]:
    """Return the operations of the layer by class, and its FLOPs, for one image."""
    assert node.op is not None
    ledger, lines = row.cost, []
    if isinstance(ledger.mac, AtLeast):
        lines.append(Quantity("MACs", "not declared"))
    elif ledger.mac and row.declared:
        lines.append(Quantity("MACs", f"{ledger.mac:,}, declared"))
    elif ledger.mac:
        xs = graph.shapes_into(node)
        products = [_factors(sizes) for sizes in node.op.products(*xs)]
        how = " + ".join(products) or _uses(node.op.filters(*xs), ledger.mac)
        lines.append(Quantity("MACs", f"{how} = {ledger.mac:,}"))
    counts = {word: getattr(ledger, name) for name, word in _WORDS.items()}
    parts = [f"{count:,} {word}" for word, count in counts.items() if count]
    lines.append(Quantity("operations", ", ".join(parts) or "none: it only moves or keeps values"))
    others = ledger.flops - 2 * ledger.mac
    if isinstance(ledger.mac, AtLeast):
        lines.append(Quantity("FLOPs", f"{ledger.flops:,}"))
    elif ledger.mac:
        more = f" + {others:,}" if others else ""
        lines.append(Quantity("FLOPs", f"2·{ledger.mac:,}{more} = {ledger.flops:,}"))
    elif others:
        lines.append(Quantity("FLOPs", f"{others:,}"))
    return lines


def _factors(sizes: Shape) -> str:
    return "·".join(map(str, sizes))


def _uses(filters: Shape, macs: int) -> str:
    """Return MACs as the values of the filters times the places where all of them are used."""
    weights = product(filters)
    places = macs // weights
    return f"{weights:,} weights · {places:,} places" if places > 1 else _factors(filters)


def _memory(report: Report, node: Node, row: Row, in_place: bool) -> Quantity:
    if in_place:
        assert node.op is not None
        storage = node.op.storage(*report.graph.shapes_into(node))
        how = "written over its input" if storage == "inplace" else "a view of its input"
        return Quantity("memory", f"{how}: 0 more")
    batch = f"{report.batch}·" if report.batch > 1 else ""
    values = f"{batch}{'·'.join(map(str, node.shape))} = {row.activations:,} values"
    width = BYTES[report.dtype]
    return Quantity("memory", f"{values} · {width} bytes = {row.activation_bytes:,} bytes")


def explain_all(report: Report, runs: Runs | None = None) -> Iterator[tuple[Row, list[Quantity]]]:
    """Yield each layer with its arithmetic, in the order they run.

    `runs` are those of this network, if they were followed already.
    """
    homes = storages(report.graph, report.batch)
    if report.complete:
        runs = runs or Runs(report)
    for index, node in enumerate(report.graph.nodes):
        row = report.row(node.path)
        if row is not None and node.op is not None:
            yield row, _quantities(report, index, row, homes, runs)


def explain_group(report: Report, path: str) -> list[Quantity]:
    """Sum up a block or chain; the list is empty if there is none at this path."""
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
    lines += [Quantity(*line) for line in explain_group_memory(report, path)]
    seen = last.receptive_field
    if seen and seen.measured:
        lines.append(Quantity("field", numbers_text(seen.size)))
    return lines
