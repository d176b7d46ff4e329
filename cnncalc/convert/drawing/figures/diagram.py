"""Draws cells as boxes from top to bottom, with the shapes on the lines between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from ....analysis.structure import Cell
from ....graph import Graph
from ....svg import text_width
from ....wording import shape_text
from .layered import Line, Point, placed
from .look import Look
from .picture import LARGE, SMALL, Picture, Words
from .words import colour_of, lines_of

_GAP = 28.0
_EQUAL = 160.0  # pixels: up to here all boxes of layers are as wide as the widest


class Subject(NamedTuple):
    """What a figure shows.

    Attributes:
        graph: the network.
        look: the colours and the font.
        depth: down to which depth blocks are opened; None to choose it.
        figures: the lines with figures that each cell gets.
    """

    graph: Graph
    look: Look
    depth: int | None
    figures: Callable[[Cell], list[str]]


class Box:
    """A box of a diagram: a cell, an input, or an output."""

    __slots__ = ("cell", "colour", "path", "words")

    def __init__(self, words: Words, colour: str, path: str, cell: Cell | None = None):
        self.words, self.colour, self.path, self.cell = words, colour, path, cell


class Diagram:
    """The boxes of cells, with those for what they read and what they give, and the edges."""

    def __init__(self, subject: Subject, cells: Sequence[Cell]):
        graph = subject.graph
        self.graph, self.look = graph, subject.look
        self.boxes: list[Box] = []
        self.edges: dict[tuple[int, int], list[int]] = {}  # with the nodes that are read
        outside: dict[int, int] = {}
        read = sorted({n for cell in cells for n in cell.sources if n < 0}, reverse=True)
        for source in read:
            node = graph.nodes[-1 - source]
            shape = shape_text(node.shape)
            name = "input"
            if node.op is None or len(read) > 1:
                name = outside_name(node.path, cells[0].path)
            self.boxes.append(Box(Words(name, [shape]), "end", node.path))
            outside[source] = len(self.boxes) - 1
        first = len(self.boxes)
        for cell in cells:
            top, below = lines_of(graph, cell)
            words = Words(top, [*below, *subject.figures(cell)])
            self.boxes.append(Box(words, colour_of(graph, cell), cell.path, cell))
        for number, cell in enumerate(cells):
            for source, nodes in cell.sources.items():
                at = first + source if source >= 0 else outside[source]
                self.edges[at, first + number] = nodes
        self._outputs(cells, first)

    def _outputs(self, cells: Sequence[Cell], first: int) -> None:
        """Add a box for each result that is read outside."""
        home = {n: number for number, cell in enumerate(cells) for n in cell.every}
        read = set(self.graph.outputs)
        for node_number, node in enumerate(self.graph.nodes):
            if node_number not in home:
                read |= {n for n in node.inputs if n in home}
        results = [n for n in sorted(read) if n in home]
        for n in results:
            name = "output" if len(results) == 1 else self.graph.nodes[n].path.rpartition(".")[2]
            shape = shape_text(self.graph.nodes[n].shape)
            self.boxes.append(Box(Words(name, [shape]), "end", ""))
            self.edges[first + home[n], len(self.boxes) - 1] = [n]

    def drawn(self) -> Picture:
        """Return the picture."""
        picture = Picture(self.look)
        sizes = self.sizes()
        found = placed(sizes, list(self.edges), _GAP)
        for line in found.lines:
            picture.line(line.points, colour="skip" if self.is_skip(line[:2]) else "line")
        taken = [span for line in found.lines for span in _spans(line.points)]
        for line in found.lines:
            self._labelled(picture, line, taken)
        for box, size, (x, y) in zip(self.boxes, sizes, found.centres):
            self.put(picture, box, x, y, size)
        return picture

    def sizes(self) -> list[Point]:
        """Return the sizes of the boxes: those of layers are equally wide, if none is very wide."""
        sizes = [box.words.size for box in self.boxes]
        inner = [wide for (wide, _), box in zip(sizes, self.boxes) if box.cell]
        most = max(inner, default=0)
        if most > _EQUAL:
            return [(-(-wide // 30) * 30, high) for wide, high in sizes]
        return [(most if box.cell else w, h) for (w, h), box in zip(sizes, self.boxes)]

    def put(self, picture: Picture, box: Box, x: float, y: float, size: Point) -> None:
        """Draw a box."""
        count = box.cell.count if box.cell else 1
        round_ = 12 if box.colour == "end" else 4
        picture.box(x, y, size, box.words, box.colour, box.path, count, round_)

    @cached_property
    def _before(self) -> list[int]:
        """Return the boxes that each box is computed from, as the bits of a number."""
        found = [0] * len(self.boxes)
        for source, target in sorted(self.edges, key=lambda edge: edge[1]):
            found[target] |= found[source] | 1 << source
        return found

    def is_skip(self, edge: tuple[int, int]) -> bool:
        """Return whether a line skips layers that others of the same box pass."""
        source, target = edge
        return edge in self.edges and any(
            t == target and s != source and self._before[s] >> source & 1 for s, t in self.edges
        )

    def _labelled(self, picture: Picture, line: Line, taken: Sequence[_Span]) -> None:
        """Write the shape beside a line that goes straight down, where nothing is in the way."""
        (x, y), (below_x, below_y) = line.points[0], line.points[-1]
        if len(line.points) > 2 or abs(x - below_x) > 1 or below_y - y > 2 * _GAP:
            return
        source, target = self.boxes[line.source], self.boxes[line.target]
        if source.colour == "end" or target.colour == "end":
            return
        nodes = self.edges[line.source, line.target]
        said = ", ".join([shape_text(self.graph.nodes[n].shape) for n in nodes][:3])
        middle = (y + below_y) / 2
        if source.cell is not None and source.cell.count > 1:
            middle += 3  # below the copies behind the box
        low, high = (x + 5, middle - 7), (x + 9 + text_width(said, SMALL), middle + 7)
        for (ax, ay), (bx, by) in taken:
            if ax < high[0] and bx > low[0] and ay < high[1] and by > low[1]:
                return
        picture.label(x + 7, middle + SMALL * 0.35, said)


_Span = tuple[Point, Point]


def _spans(points: Sequence[Point]) -> list[_Span]:
    """Return the straight parts of a line, each from its upper left to its lower right."""
    found = []
    for (ax, ay), (bx, by) in pairwise(points):
        found.append(((min(ax, bx), min(ay, by)), (max(ax, bx), max(ay, by))))
    return found


def outside_name(path: str, inside: str) -> str:
    """Return what a block calls a layer outside: where the layer's path leaves that of the block.

    >>> outside_name("down4.chain1.relu1", "up4.lift"), outside_name("m.0.relu1", "m.1.conv1")
    ('down4', 'm.0')
    """
    parts, others = path.split("."), inside.split(".")
    same = next((n for n, (a, b) in enumerate(zip(parts, others)) if a != b), 0)
    return ".".join(parts[same - 1 if same and parts[same].isdigit() else same : same + 1])


def heading(picture: Picture, name: str, about: str) -> None:
    """Write a name above everything else, and a sentence below the name."""
    left, top = picture._low
    rise = LARGE * 1.4 + (SMALL * 1.4 if about else 0)
    picture.label(left, top - rise + LARGE * 0.6, name, size=LARGE * 1.15, colour="text", bold=True)
    if about:
        picture.label(left, top - SMALL * 0.9, about)
    picture.grow(left, top - rise - LARGE * 0.6)
