"""Writes the memory of a network for a screen, with a timeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from ...analysis.memory.fit import Fit
from ...analysis.memory.overview import Overview, run_text
from ...analysis.memory.summary import LayerBytes
from ...analysis.result import Report
from ...wording import DASH, bytes_text, megabytes_text
from ..analyze import heading
from ..formats.table import (
    BOLD,
    DIM,
    GREEN,
    RED,
    LayerTable,
    bar,
    ending,
    facts,
    grid,
    no_room,
    noted,
    on_lines,
    stacked,
    text,
)
from .allocator import allocator
from .words import (
    LARGEST,
    PARTS,
    WORDS,
    approximate,
    arithmetic,
    checkpoint_facts,
    megabytes,
    mode_rows,
    mode_text,
    parameters,
    remarks,
    sizes,
    summit,
    tensor_cells,
    way_cells,
    ways_title,
)

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.segment import Segments
    from rich.table import Table
    from rich.text import Text

SHOWN = 40  # lines of the timeline; blocks are one line each where there are more layers
LABELS = 18  # columns of the names of figures
WIDE, NARROW = 110, 80  # columns that long bars need; what is fixed and what an image takes
APART = 95  # columns of a screen with room between those of the largest batches
OTHERS = 48  # columns that a table of tensors needs beside the paths
_Line = tuple[str, int, int | None]  # the path of a layer or block; the most bytes in each pass


def render(report: Report, found: Overview, width: int) -> Group:
    """Write the figures, then the batches that fit, or else the peak and a timeline."""
    head = on_lines(heading(report), text((f"{run_text(found.run)}, on {found.run.device}", DIM)))
    parts: list[RenderableType] = [head, text(), facts(_figures(found), LABELS), text()]
    if found.fits:
        parts += [facts(arithmetic(found), LABELS), *_ways(found), _modes(found.fits, width)]
        parts += no_room([] if width >= NARROW else list(PARTS))
        parts.append(text((remarks(found, width >= NARROW), DIM)))
    else:
        parts.append(facts(_peak(found), LABELS))
    if found.checkpoints:
        parts += [text()] * bool(found.fits)
        parts.append(facts(checkpoint_facts(found), LABELS))
    if not found.fits:
        parts += [_tensors(found, width), _timeline(found, width)]
    if found.reserved:
        parts.append(allocator(found.reserved))
    return stacked(*parts)


def _ways(found: Overview) -> Iterator[RenderableType]:
    """Yield what makes the batch fit, if it does not."""
    if found.ways:
        rows = []
        for way in found.ways:
            name, peak, cost = way_cells(way)
            colour = GREEN if way.fits else RED
            rows.append((name, text((f"{peak}  ", colour), (f"({cost})", DIM))))
        yield text()
        yield text((ways_title(found), BOLD))
        yield facts(rows, LABELS)


def _figures(found: Overview) -> Iterator[tuple[str, str | Text]]:
    for label, size, note in sizes(found):
        shown = DASH if size is None else f"{megabytes_text(size)} = {bytes_text(size)}"
        yield label, noted(shown, note)
    yield from parameters(found)
    yield from approximate(found)


def _peak(found: Overview) -> Iterator[tuple[str, str | Text]]:
    """Yield the peak of the run, where it is, and what it is made of."""
    yield "peak", summit(found)
    parts = sorted(found.chosen.parts.items(), key=lambda part: -part[1])
    shown = [f"{WORDS.get(name, name)} {megabytes_text(size)}" for name, size in parts if size]
    yield "made of", ", ".join(shown)


def _tensors(found: Overview, width: int) -> Table:
    """Lay out the largest tensors in memory at the peak."""
    table = grid(
        "layer", "largest at the peak", "MB", "share", left=("layer", "largest at the peak")
    )
    for tensor in found.chosen.alive[:LARGEST]:
        path, *cells = tensor_cells(found, tensor)
        table.add_row(ending(path, max(width - OTHERS, 12)), *cells)
    return table


def _timeline(found: Overview, width: int) -> Segments:
    """Lay out the bytes in memory while each layer runs, with bars."""
    rows = _shown(found)
    training = found.run.training
    values = [[forward, backward or 0][: 1 + training] for _, forward, backward in rows]
    peak = found.chosen.peak
    columns = 1 + training
    cells = (24 if width >= WIDE else 10) // columns
    lines = LayerTable(
        titles=["MB in memory", *["forward", "backward"][:columns]],
        body=[
            [path, *(megabytes(size, peak) for size in line)]
            for (path, _, _), line in zip(rows, values)
        ],
        ends=[""] * (1 + columns),
        numeric=[False, *[True] * columns],
        barred=[False, *[True] * columns],
        bar=cells,
        bars=[[bar(size, peak, cells) for size in line] for line in values],
    )
    others = sum(lines.widths[1:]) + columns * (cells + 1) + columns + 2
    return lines.render(max(width - others, 12))


def _shown(found: Overview) -> list[_Line]:
    """Return the layers, as blocks if they are many; if these are many too, the highest of them."""
    layers = [(found.place(layer.layer) or "", layer) for layer in found.chosen.layers]
    deepest = max((path.count(".") + 1 for path, _ in layers), default=1)
    for depth in range(deepest, 0, -1):
        rows = [_most(path, group) for path, group in groupby(layers, lambda row: _cut(row, depth))]
        if len(rows) <= SHOWN:
            return rows
    highest = set(sorted(rows, key=_height)[-SHOWN:])
    return [row for row in rows if row in highest]


def _height(row: _Line) -> int:
    return max(row[1], row[2] or 0)


def _cut(row: tuple[str, LayerBytes], depth: int) -> str:
    return ".".join(row[0].split(".")[:depth])


def _most(path: str, group: Iterator[tuple[str, LayerBytes]]) -> _Line:
    """Return a line for several layers, with the most that is in memory in any of them."""
    layers = [layer for _, layer in group]
    backward = [layer.backward for layer in layers if layer.backward is not None]
    return path, max(layer.forward for layer in layers), max(backward, default=None)


def _modes(fits: Sequence[Fit], width: int) -> Table:
    """Lay out the largest batch of each mode; that which was asked for is bold."""
    titles, *rows = mode_rows(fits, width >= NARROW)
    table = grid(*titles, left=titles[:1], gap=1 if width >= APART else 0)
    for row in rows:
        table.add_row(*row, style=BOLD if row[0] == mode_text(fits[0]) else None)
    return table
