"""Writes the order of the layers with which inference has the smallest peak of memory."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from ..analysis.memory.order import Order
from ..analysis.result import Report
from ..graph import Graph
from ..wording import bytes_text, plural
from .analyze import heading
from .formats.csv import Csv
from .formats.json import Json, diagnostic_data, document
from .formats.markdown import Page
from .formats.table import DIM, facts, grid, noted, stacked, text

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

SHOWN = 12  # stretches of layers in a table; JSON lists all layers


def table(report: Report, found: Order, width: int) -> Group:
    """Lay out both peaks, and the layers that run elsewhere than written."""
    return stacked(heading(report), text(("inference", DIM)), text(), order(report.graph, found))


def order(graph: Graph, found: Order) -> Group | Table:
    """Lay out both peaks, and the layers that run elsewhere than written."""
    lines = [(label, noted(size, note)) for label, size, note in _facts(found)]
    moved = list(_moved(graph, found))
    if not moved:
        return facts(lines)
    table = grid("layers", "", "run as", "written as", left=("layers", ""))
    for stretch in moved[:SHOWN]:
        last = stretch.last if stretch.length > 1 else ""
        numbers = (_span(first, stretch.length) for first in (stretch.runs, stretch.written))
        table.add_row(stretch.first, last, *numbers)
    caption = "layers that run elsewhere, from the first to the last, by number in each order"
    if len(moved) > SHOWN:
        caption += f"; {len(moved) - SHOWN:,} more stretches"
    return stacked(facts(lines), table, text((caption, DIM)))


def _facts(found: Order) -> Iterator[tuple[str, str, str]]:
    """Yield both peaks, and what was not tried."""
    yield "as written", bytes_text(found.peak_as_written), ""
    yield "best order", bytes_text(found.peak), gain(found)
    if not found.exact:
        kept = f"{plural(len(found.as_written), 'layer')} in parallel branches in the order written"
        limit = f"more than {found.width:,} sets of layers may have run before one of them"
        yield "not tried", kept, limit


def _span(first: int, count: int) -> str:
    """The numbers of layers that follow each other."""
    return f"{first:,}" if count == 1 else f"{first:,}–{first + count - 1:,}"


def gain(found: Order) -> str:
    """Return what the order is worth."""
    if found.saved:
        return f"{found.saved / found.peak_as_written:.1%} less"
    return "no order needs less" if found.exact else "none found that needs less"


class _Stretch(NamedTuple):
    """Layers that follow each other in both orders, and the number of the first in each."""

    first: str
    last: str
    length: int
    runs: int
    written: int


def _moved(graph: Graph, found: Order) -> Iterator[_Stretch]:
    """Yield the layers that have another number, from 1, than in the order written."""
    layers = [n for n, node in enumerate(graph.nodes) if node.op is not None]
    place = {n: k for k, n in enumerate(layers, 1)}
    run = (n for n in found.nodes if n in place)
    numbered = ((k, place[n], graph.nodes[n].path) for k, n in enumerate(run, 1))
    for distance, group in groupby(numbered, key=lambda layer: layer[1] - layer[0]):
        if distance:
            stretch = list(group)
            runs, written, first = stretch[0]
            yield _Stretch(
                first=first, last=stretch[-1][2], length=len(stretch), runs=runs, written=written
            )


def order_data(graph: Graph, found: Order) -> dict[str, Any]:
    """Return the order as paths, with the peaks in bytes."""
    return {
        "peak": found.peak,
        "peak_as_written": found.peak_as_written,
        "exact": found.exact,
        "width": found.width,
        "as_written": [graph.nodes[n].path for n in found.as_written],
        "layers": [graph.nodes[n].path for n in found.nodes if graph.nodes[n].op is not None],
    }


def json(report: Report, found: Order | None) -> Json:
    """Write both peaks in bytes and the layers in the best order."""
    return document(
        {
            "name": report.name,
            "variant": report.variant,
            "file": report.file,
            "input": report.inputs,
            "batch": report.batch,
            "dtype": report.dtype,
            "order": order_data(report.graph, found) if found else None,
            "diagnostics": [diagnostic_data(d) for d in report.diagnostics],
        }
    )


def csv(report: Report, found: Order) -> Csv:
    """Write the layers in the best order, with their number in the order written."""
    graph = report.graph
    layers = [n for n in range(len(graph.nodes)) if graph.nodes[n].op is not None]
    place = {n: k for k, n in enumerate(layers, 1)}
    run = [n for n in found.nodes if n in place]
    rows = ([graph.nodes[n].path, k, place[n]] for k, n in enumerate(run, 1))
    return Csv(["path", "run_as", "written_as"], *rows)


def markdown(report: Report, found: Order) -> Page:
    """Write both peaks, and the layers that run elsewhere than written."""
    page = Page()
    page.heading(f"{report.name}, batch {report.batch:,}, {report.dtype}, inference")
    page.table(["order", "peak", ""], [False, True, False], list(_facts(found)))
    moved = list(_moved(report.graph, found))
    if moved:
        rows = [
            [part.first, part.last, _span(part.runs, part.length), _span(part.written, part.length)]
            for part in moved
        ]
        titles = ["first layer", "last layer", "run as", "written as"]
        page.table(titles, [False, False, True, True], rows)
    return page
