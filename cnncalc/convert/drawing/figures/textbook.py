"""Draws a network as textbooks do: each map as a box in perspective, with its sizes on it.

The face of a box is the map, its thickness the channels; a vector is a thin bar. A window on a map
is what one position of the next map is computed from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ....analysis.structure import Cell, cells, chosen_depth, result_of, tree, unfolded
from ....diagnostic import Diagnostic, Mistake
from ....graph import Graph
from ....num import Shape
from ....ops.shapes import per_axis
from ....svg import shortened, text_width
from ....wording import shape_text
from .diagram import Subject
from .look import Look
from .picture import SMALL, Picture
from .words import colour_of, lines_of, main_of, said

_MOST = 20  # boxes that are chosen by themselves
_CONDENSED = 36  # boxes, from which on those of equal size in a row are one
_LONGEST = 150  # boxes
_FACE, _THICK, _BAR = 118.0, 64.0, 104.0  # pixels of the largest map, most channels, longest vector
_SKEW_X, _SKEW_Y = 0.34, 0.24  # how far the second axis of a map goes back
_GAP = 14.0
_LANE = 9.0
_LINE = 190.0  # pixels of a line of text, at most


@dataclass
class _Volume:
    """A map or a vector, with its words.

    Attributes:
        shape: its shape.
        name: what it is called.
        said: what computes it, in lines.
        colour: the name of its colour.
        sources: the volumes that it is computed from.
        window: the window with which it reads the one before, if it does.
        path: the path of its layer.
    """

    shape: Shape
    name: str
    said: list[str]
    colour: str
    sources: list[int]
    window: tuple[int, ...] | None
    path: str
    x: float = 0.0
    wide: float = 0.0  # of the box alone
    high: float = 0.0
    back: float = 0.0  # how far its second axis goes back


def textbook(subject: Subject) -> Picture:
    """Return the picture of a network."""
    graph = subject.graph
    whole = tree(graph)
    depth = subject.depth or chosen_depth(graph, whole, _MOST)
    parts = unfolded(graph, whole, depth)
    shown = cells(graph, parts, fold=False)
    if len(shown) > _MOST:
        shown = cells(graph, parts)
    volumes = _volumes(subject, shown)
    if len(volumes) > _LONGEST:
        message = f"{len(volumes):,} boxes in a row could not be read"
        help = "draw it with `--style layers`, or fewer blocks with `--depth 1`"
        raise Mistake(Diagnostic("CNN423", message, help=help))
    _measured(volumes)
    _arranged(volumes)
    return _Drawn(volumes, subject.look).picture


def _volumes(subject: Subject, shown: Sequence[Cell]) -> list[_Volume]:
    graph = subject.graph
    first = len(graph.inputs)
    found = [
        _Volume(node.shape, node.path, [], "end", [], None, node.path) for node in graph.inputs
    ]
    for cell in shown:
        sources = [first + n if n >= 0 else -1 - n for n in cell.sources]
        found.append(
            _Volume(
                shape=_map_of(graph, cell),
                name=_own_name(graph, cell),
                said=[*_said(graph, cell), *subject.figures(cell)],
                colour=colour_of(graph, cell),
                sources=sorted(sources),
                window=_window(graph, cell),
                path=cell.path,
            )
        )
    return _condensed(found) if len(found) > _CONDENSED else found


def _map_of(graph: Graph, cell: Cell) -> Shape:
    """Return the shape that a cell computes, before it is written as a vector."""
    if cell.is_block:
        return result_of(graph, cell).shape
    nodes = [graph.nodes[n] for n in cell.every]
    while len(nodes) > 1 and len(nodes[-1].shape) < len(nodes[-2].shape):
        nodes.pop()
    return nodes[-1].shape


def _said(graph: Graph, cell: Cell) -> list[str]:
    """Return what a cell does, in short lines; its channels are on the box."""
    top, below = lines_of(graph, cell)
    if cell.is_block:
        return [top, *below]
    main = main_of(graph, cell.nodes)
    first, *others = said(graph, main).split(", ")
    if others and others[0] == str(main.shape[0]):
        others = others[1:]
    times = f" ×{cell.count}" if cell.count > 1 else ""
    rest = [", ".join(others)] if others else []
    return [first + times, *rest, *below]


def _own_name(graph: Graph, cell: Cell) -> str:
    """Return the name of a layer, if a person gave it one."""
    node = main_of(graph, cell.nodes)
    if cell.is_block or cell.count > 1 or node.op is None:
        return ""
    name = node.path.rpartition(".")[2]
    is_automatic = name.rstrip("0123456789").rstrip("_") == node.op.key.rstrip("0123456789")
    return "" if is_automatic or name.isdigit() else name


def _window(graph: Graph, cell: Cell) -> tuple[int, ...] | None:
    op: Any = main_of(graph, cell.nodes).op
    kernel = getattr(op, "kernel", None)
    spatial = len(graph.nodes[cell.nodes[0]].shape) - 1
    if cell.is_block or kernel is None or spatial != 2 or op.scatters:
        return None
    return tuple(int(n) for n in per_axis(kernel, spatial))


def _condensed(volumes: list[_Volume]) -> list[_Volume]:
    """Return one volume for each run of equal size."""
    found: list[_Volume] = []
    at: list[int] = []
    counts: list[int] = []
    for number, volume in enumerate(volumes):
        sources = sorted({at[n] for n in volume.sources})
        goes_on = volume.sources == [number - 1] and found and found[-1].shape == volume.shape
        if goes_on and found[-1].colour != "end":
            counts[-1] += 1
            found[-1].said = [f"{counts[-1]} layers"]
            found[-1].name, found[-1].colour = "", "block"
        else:
            volume.sources = sources
            found.append(volume)
            counts.append(1)
        at.append(len(found) - 1)
    return found


def _measured(volumes: list[_Volume]) -> None:
    """Give each volume its size: larger maps are larger, more channels thicker."""
    maps = [v for v in volumes if len(v.shape) > 1]
    faces = [n for v in maps for n in v.shape[-2:]] or [1]
    if any(len(v.shape) == 2 for v in maps):
        faces = [n for v in maps for n in (v.shape[-2:] if len(v.shape) > 2 else v.shape[-1:])]
    most, thickest = max(faces), max((v.shape[0] for v in maps), default=1)
    longest = max((v.shape[0] for v in volumes if len(v.shape) == 1), default=1)
    for v in volumes:
        if len(v.shape) == 1:
            v.wide = 9.0
            v.high = 16 + (_BAR - 16) * (v.shape[0] / longest) ** 0.45
            continue
        tall = v.shape[-1] if len(v.shape) == 2 else v.shape[-2]
        v.wide = 4 + (_THICK - 4) * (v.shape[0] / thickest) ** 0.7
        v.high = 5 + (_FACE - 5) * (tall / most) ** 0.6
        if len(v.shape) > 2:
            v.back = 5 + (_FACE - 5) * (v.shape[-1] / most) ** 0.6


def _lines(volume: _Volume) -> list[str]:
    return [shortened(line, SMALL, _LINE) for line in volume.said]


def _above(volume: _Volume) -> list[str]:
    """Return the words above a volume: its name, and the sizes of its map."""
    sizes = shape_text(volume.shape[1:])
    return [line for line in (shortened(volume.name, SMALL, _LINE, True), sizes) if line]


def _arranged(volumes: list[_Volume]) -> None:
    """Put the volumes in a row, with room for their words."""
    x = 0.0
    for volume in volumes:
        back = volume.back * _SKEW_X
        words = [text_width(line, SMALL, True) for line in (*_lines(volume), *_above(volume))]
        room = max([volume.wide + back, *words])
        volume.x = x + (room - volume.wide - back) / 2
        x += room + _GAP


class _Drawn:
    """The picture while it is drawn; the middle of every front is at height 0."""

    def __init__(self, volumes: list[_Volume], look: Look):
        self.volumes, self.look, self.picture = volumes, look, Picture(look)
        self.top = min((self._roof(v) for v in volumes), default=0.0) - SMALL * 3.2
        self.floor = max((v.high / 2 for v in volumes), default=0.0) + SMALL * 1.6
        lanes: list[list[tuple[int, int]]] = []
        for number, volume in enumerate(volumes):
            for source in volume.sources:
                if source == number - 1:
                    self._arrow(volumes[source], volume)
                else:
                    self._over(source, number, lanes)
        for number, volume in enumerate(volumes):
            after = volumes[number + 1] if number + 1 < len(volumes) else None
            reads = after is not None and after.sources == [number] and after.window is not None
            self._volume(volume, after if reads else None)

    def _roof(self, v: _Volume) -> float:
        return -v.high / 2 - v.back * _SKEW_Y

    def _arrow(self, source: _Volume, target: _Volume) -> None:
        if target.window is not None and len(source.shape) > 2:
            return  # the window's lines show it
        start = source.x + source.wide + source.back * _SKEW_X / 2
        self.picture.line([(start, 0), (target.x, 0)])

    def _over(self, source: int, target: int, lanes: list[list[tuple[int, int]]]) -> None:
        """Draw a skip connection above the volumes that it passes."""
        fits = [all(target <= low or source >= high for low, high in lane) for lane in lanes]
        number = fits.index(True) if True in fits else len(lanes)
        if number == len(lanes):
            lanes.append([])
        lanes[number].append((source, target))
        y = self.top - _LANE * number
        start, stop = self.volumes[source], self.volumes[target]
        x, end = self._middle(start) + 3, self._middle(stop) - 3
        points = [(x, self._roof(start) - 28), (x, y), (end, y), (end, self._roof(stop) - 28)]
        self.picture.line(points, colour="skip")

    def _middle(self, v: _Volume) -> float:
        return v.x + (v.wide + v.back * _SKEW_X) / 2

    def _volume(self, v: _Volume, reader: _Volume | None) -> None:
        colour = "block" if v.colour == "end" else v.colour
        edge, fill = self.look.edge(colour), self.look.fill(colour)
        left, right, top, low = v.x, v.x + v.wide, -v.high / 2, v.high / 2
        dx, dy = v.back * _SKEW_X, -v.back * _SKEW_Y
        if v.back:
            roof = [(left, top), (left + dx, top + dy), (right + dx, top + dy), (right, top)]
            face = [(right, top), (right + dx, top + dy), (right + dx, low + dy), (right, low)]
            self.picture.shape(roof, self.look.side(colour, 0.07), edge)
            self.picture.shape(face, self.look.side(colour, 0.14), edge)
        self.picture.shape([(left, top), (right, top), (right, low), (left, low)], fill, edge)
        if reader is not None and len(v.shape) == 3:
            self._window(v, reader)
        x, y = self._middle(v), self._roof(v) - SMALL * 0.6
        above = _above(v)
        for line in reversed(above):
            name = line == above[0] and bool(v.name)
            self.picture.label(x, y, line, "middle", colour="text" if name else "muted", bold=name)
            y -= SMALL * 1.25
        y = low + SMALL * 1.25
        self.picture.label((left + right) / 2, y, f"{v.shape[0]}", "middle", colour="text")
        y = self.floor + SMALL * 1.5
        for number, words in enumerate(_lines(v)):
            kind = "muted" if number else "text"
            self.picture.label(x, y, words, "middle", colour=kind, bold=not number)
            y += SMALL * 1.3

    def _window(self, v: _Volume, reader: _Volume) -> None:
        """Draw the window on the face of a map, and the lines to what is computed from it."""
        assert reader.window is not None
        part = [min(k / max(n, 1), 1) for k, n in zip(reader.window, v.shape[1:])]
        high, back = max(part[0] * v.high, 4), max(part[1] * v.back, 4)
        right, low = v.x + v.wide, -v.high * 0.12
        x, y = right + (v.back - back) * 0.5 * _SKEW_X, low - (v.back - back) * 0.5 * _SKEW_Y
        top = min(max(y - high / 2, -v.high / 2 - v.back * _SKEW_Y * 0.5), y)
        dx, dy = back * _SKEW_X, -back * _SKEW_Y
        corners = [(x, top), (x + dx, top + dy), (x + dx, top + dy + high), (x, top + high)]
        line = self.look.colour("line") or "none"
        colour = "block" if v.colour == "end" else v.colour
        self.picture.shape(corners, self.look.side(colour, 0.3), line)
        goal = (reader.x + min(reader.wide, 6) / 2, -reader.high * 0.1)
        for corner in (corners[1], corners[2]):
            self.picture.beam(corner, goal)
