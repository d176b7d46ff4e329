"""Draws a network as text: a line per block or layer, with its branches and skips as rails.

A rail is a value that a later line reads. Each kind of block is opened below the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..analysis.result import Report
from ..analysis.structure import (
    Cell,
    cells,
    chosen_depth,
    opened,
    result_of,
    tree,
    unfolded,
)
from ..convert.drawing.figures.diagram import outside_name
from ..convert.drawing.figures.words import colour_of, lines_of
from ..foreign import visible
from ..wording import DASH, shape_text, short
from .analyze import UNFINISHED
from .formats.lines import Line, Lines

_MOST = 24  # lines of the network, and of a block that is opened
_INSIDE = 12
_KINDS = 8  # blocks that are opened
_MARKS = {"end": "○", "join": "⊕", "block": "■"}
_HEADS = ("params", "MACs")
_ROOMY = 44  # columns for words, with which there is room for figures too
_GAP = "  "


class _Row(NamedTuple):
    """A line: the rails before it, and its words."""

    rails: str
    label: str = ""
    said: str = ""
    shape: str = ""
    figures: tuple[str, ...] = ()


def block_graph(report: Report, depth: int | None, width: int) -> Lines:
    """Return the drawing, no wider than so many columns.

    Blocks are opened down to a depth; None chooses it.
    """
    graph = report.graph
    whole = tree(graph)
    most = chosen_depth(graph, whole, _MOST)
    shown = cells(graph, unfolded(graph, whole, depth or most))
    lines: list[Line] = [((_cut(report.name, width), "heading"),)]
    if shown:
        lines += _laid_out(list(_rows(report, shown)), width)
    kinds = opened(graph, shown, _INSIDE)
    for _, (part, inside) in zip(range(_KINDS), kinds):
        name = part.word or part.name
        where = f"  as in {part.path}" if part.path != name else ""
        lines += ["", ((_cut(name, width), "heading"), _cut(where, width - _wide(name)))]
        lines += _laid_out(list(_rows(report, inside)), width)
    if not report.complete:
        lines += ["", ((UNFINISHED, "dim"),)]
    return Lines(*lines)


class _Rails:
    """The values that later lines read, each on a rail."""

    def __init__(self, readers: dict[int, int]):
        self.waiting = readers  # how many lines still read each value
        self.lanes: list[int | None] = []  # the value on each rail

    def _free(self, after: int) -> int:
        for lane in range(after + 1, len(self.lanes)):
            if self.lanes[lane] is None:
                return lane
        self.lanes.append(None)
        return len(self.lanes) - 1

    def step(self, value: int, sources: Sequence[int], mark: str) -> list[str]:
        """Go on to a line that computes a value; return the rails of the lines up to it."""
        drawn = []
        places = [self.lanes.index(source) for source in sources]
        if not places:
            lane = self._free(-1)
        else:
            lane = min(places)
            for source in sources:
                self.waiting[source] -= 1
            main = sources[places.index(lane)]
            if self.waiting[main] > 0:  # others read it later: it moves to a rail of its own
                other = self._free(lane)
                self.lanes[other] = main
                drawn.append(self._joined(lane, [other], opens=True))
            others = [place for place in places if place != lane]
            if others:
                drawn.append(self._joined(lane, others, opens=False))
            for source, place in zip(sources, places):
                if place != lane and self.waiting[source] <= 0:
                    self.lanes[place] = None
        self.lanes[lane] = value
        drawn.append(self._rails({lane: mark}))
        if self.waiting.get(value, 0) <= 0:
            self.lanes[lane] = None
        while self.lanes and self.lanes[-1] is None:
            self.lanes.pop()
        return drawn

    def _rails(self, marks: dict[int, str]) -> str:
        signs = []
        for lane, value in enumerate(self.lanes):
            signs.append(marks.get(lane, " " if value is None else "│"))
        return " ".join(signs)

    def _joined(self, lane: int, others: list[int], opens: bool) -> str:
        """Draw a line across from a rail to others, which begin or end there."""
        last = max(others)
        signs = []
        for place, value in enumerate(self.lanes):
            sign, after = " " if value is None else "│", " "
            if place == lane:
                sign = "├"
            elif place in others:
                goes_on = not opens and value is not None and self.waiting[value] > 0
                corner = "╮" if opens else "╯"
                between = "┬" if opens else "┴"
                sign = corner if place == last else between
                if goes_on:
                    sign = "┤" if place == last else "╪"
            elif lane < place < last:
                sign = "─" if value is None else "┼"
            if lane <= place < last:
                after = "─"
            signs.append(sign + after)
        return "".join(signs).rstrip()


def _rows(report: Report, shown: Sequence[Cell]) -> Iterator[_Row]:
    graph = report.graph
    outside = sorted({n for cell in shown for n in cell.sources if n < 0}, reverse=True)
    readers: dict[int, int] = {}
    for cell in shown:
        for source in cell.sources:
            readers[source] = readers.get(source, 0) + 1
    ends = _results(report, shown)
    rails = _Rails(readers)
    for source in outside:
        node = graph.nodes[-1 - source]
        name = "input"
        if node.op is None or len(outside) > 1:
            name = outside_name(node.path, shown[0].path)
        yield _Row(rails.step(source, (), _MARKS["end"])[-1], name, "", shape_text(node.shape))
    for number, cell in enumerate(shown):
        *before, at = rails.step(number, list(cell.sources), _mark(report, cell))
        yield from map(_Row, before)
        yield _row(report, cell, at, number in ends)


def _mark(report: Report, cell: Cell) -> str:
    return _MARKS.get(colour_of(report.graph, cell), "●")


def _results(report: Report, shown: Sequence[Cell]) -> set[int]:
    """Return the cells whose values are outputs of the network."""
    home = {n: number for number, cell in enumerate(shown) for n in cell.every}
    return {home[n] for n in report.graph.outputs if n in home}


def _row(report: Report, cell: Cell, rails: str, is_output: bool) -> _Row:
    """Return the line of a cell: what it is, what it gives, and its figures."""
    first = len(report.inputs)
    rows = [report.rows[n - first] for n in cell.every]
    params, macs = sum(row.params for row in rows), sum(row.macs for row in rows)
    top, below = lines_of(report.graph, cell)
    label = top if cell.is_block else cell.label + (f" ×{cell.count}" if cell.count > 1 else "")
    said = "; ".join(below if cell.is_block else [top.removesuffix(f" ×{cell.count}"), *below])
    if is_output:
        said = f"{said} → output" if said else "→ output"
    figures = tuple(short(value) if value else DASH for value in (params, macs))
    shape = shape_text(result_of(report.graph, cell).shape)
    return _Row(rails, label, said, shape, figures)


def _laid_out(rows: list[_Row], width: int) -> list[Line]:
    """Return the lines: figures are shown where there is room, and long words lose their middle."""
    rails = min(max(_wide(row.rails) for row in rows), max(width // 3, 8))
    heads = _Row("", "", "", "output", _HEADS)
    shapes = max(_wide(row.shape) for row in (heads, *rows))
    numbers = [max(_wide(f[n]) for f in (*_figures(rows), _HEADS)) for n in range(len(_HEADS))]
    room = width - rails - shapes - 3 * len(_GAP)
    if room - sum(numbers) - len(_GAP) * len(numbers) < _ROOMY:
        numbers = []
    room -= sum(numbers) + len(_GAP) * len(numbers)
    labels = min(max(_wide(row.label) for row in rows), max(room * 2 // 5, 6))
    said = min(max(_wide(row.said) for row in rows), max(room - labels, 0))
    lines: list[Line] = []
    for row in (heads, *rows) if numbers else rows:
        parts = [_left(row.rails, rails), _left(row.label, labels), _left(row.said, said)]
        parts.append(_right(row.shape, shapes))
        parts += [_right(value, wide) for value, wide in zip(row.figures, numbers)]
        lines.append(_cut(_GAP.join(parts).rstrip(), width))
    return lines


def _figures(rows: list[_Row]) -> list[tuple[str, ...]]:
    return [row.figures for row in rows if row.figures]


def _wide(words: str) -> int:
    """Return how many columns words take."""
    from rich.cells import cell_len

    return cell_len(visible(words))


def _cut(words: str, room: int) -> str:
    """Return words that fit, with their middle left out if they are too long."""
    shown = visible(words)
    if _wide(shown) <= room:
        return shown
    for kept in range(min(len(shown), room) - 1, 0, -1):
        end = kept // 3
        found = f"{shown[: kept - end]}…{shown[len(shown) - end :]}"
        if _wide(found) <= room:
            return found
    return "…"[:room]


def _left(words: str, room: int) -> str:
    shown = _cut(words, room)
    return shown + " " * (room - _wide(shown))


def _right(words: str, room: int) -> str:
    shown = _cut(words, room)
    return " " * (room - _wide(shown)) + shown
