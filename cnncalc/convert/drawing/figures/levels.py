"""Draws networks that go down to smaller maps and up again: each size of map has a row.

So an encoder and its decoder make a U, with the skip connections across, and branches of several
sizes run beside each other. A pool or an upsampling is a word on its line.
"""

from __future__ import annotations

from math import log2, prod
from typing import NamedTuple

from ....analysis.structure import result_of
from ....num import Shape
from ....svg import text_width
from ....wording import shape_text
from .diagram import Box, Diagram
from .layered import TRACK, Point
from .picture import SMALL, Picture, Words

_ROW = 36.0  # between rows
_GUTTER = 30.0  # between columns
_STACK = 12.0  # between boxes beside each other in meaning, one below the other
_ON = 20.0  # between a box and the one that goes on from it
_FEWEST = 5  # boxes that are worth rows of their own

Edges = dict[tuple[int, int], list[int]]


class _Place(NamedTuple):
    """Where a box is: a level, a column, and how many boxes of that place are above it."""

    level: int
    column: int
    track: int


def has_levels(diagram: Diagram) -> bool:
    """Return whether maps become larger again, and branches of the network meet there."""
    boxes, edges = diagram.boxes, diagram.edges
    inside = [(s, t) for s, t in edges if boxes[s].cell and boxes[t].cell]
    if len(boxes) < _FEWEST or len(inside) < sum(box.cell is not None for box in boxes):
        return False
    levels = _levels(diagram)
    return any(levels[s] > levels[t] for s, t in inside)


def levels_drawn(diagram: Diagram) -> Picture:
    """Return the picture."""
    return _Levels(diagram).drawn()


def _map_size(shape: Shape) -> float | None:
    """Return the middle size of the axes of a map; None for a vector and a single position."""
    sizes = [int(n) for n in shape[1:]]
    return prod(sizes) ** (1 / len(sizes)) if sizes and max(sizes) > 1 else None


def _shape_of(diagram: Diagram, number: int) -> Shape:
    """Return the shape that leaves a box: of several, the largest map."""
    box, graph = diagram.boxes[number], diagram.graph
    leaving = [n for (s, _), nodes in diagram.edges.items() if s == number for n in nodes]
    if not leaving and box.cell is not None:
        return result_of(graph, box.cell).shape
    leaving = leaving or [
        n for (_, t), nodes in diagram.edges.items() if t == number for n in nodes
    ]
    shapes = [graph.nodes[n].shape for n in leaving]
    return max(shapes, key=lambda shape: _map_size(shape) or 0, default=())


def _levels(diagram: Diagram) -> list[int]:
    """Return how often the maps were halved before each box."""
    shapes = [_shape_of(diagram, n) for n in range(len(diagram.boxes))]
    sizes = [_map_size(shape) for shape in shapes]
    sources: dict[int, list[int]] = {}
    for source, target in diagram.edges:
        sources.setdefault(target, []).append(source)
    largest = max((size for size in sizes if size), default=1.0)
    found: list[int] = []
    for number, size in enumerate(sizes):
        near = [source for source in sources.get(number, ()) if source < number]
        if not near:
            found.append(round(log2(largest / size)) if size else 0)
            continue
        alike = [source for source in near if sizes[source] and len(shapes[source]) > 1]
        before = max(alike or near)
        last = sizes[before]
        change = 0
        if last and size and len(shapes[before]) == len(shapes[number]):
            change = round(log2(last / size))
        found.append(found[before] + change)
    lowest = min(found, default=0)
    return [level - lowest for level in found]


class _Levels:
    def __init__(self, diagram: Diagram):
        self.diagram, self.look = diagram, diagram.look
        self.level = _levels(diagram)
        self.edges: Edges = dict(diagram.edges)
        self.words: dict[tuple[int, int], str] = {}  # of lines that stand for a pool
        self.gone: set[int] = set()
        self.results: set[int] = set()  # boxes whose values are outputs, where there are several
        self.chained: set[int] = set()  # boxes below the one that they go on from
        self._contract()
        self.place = self._placed()
        self.stacks: dict[tuple[int, int], list[int]] = {}
        for number, place in self.place.items():
            self.stacks.setdefault(place[:2], []).append(number)

    def _contract(self) -> None:
        """Put pools and upsamplings that only change the size on their lines.

        Of several outputs, each is said in the box that computes it.
        """
        ends = [edge for edge in self.edges if self.diagram.boxes[edge[1]].cell is None]
        for edge in ends if len(ends) > 1 else ():
            self.edges.pop(edge)
            self.gone.add(edge[1])
            self.results.add(edge[0])
        for number, box in enumerate(self.diagram.boxes):
            into = [edge for edge in self.edges if edge[1] == number]
            out = [edge for edge in self.edges if edge[0] == number]
            plain = box.colour in ("pool", "up") and not box.words.below
            if not plain or len(into) != 1 or len(out) != 1:
                continue
            (source, _), (_, target) = into[0], out[0]
            changes = self.level[source] != self.level[number]
            if not changes or (source, target) in self.edges or into[0] in self.words:
                continue
            if self.diagram.boxes[target].cell is None:
                continue
            read = self.edges.pop(out[0])
            self.edges.pop(into[0])
            self.edges[source, target] = read
            self.words[source, target] = box.words.first
            self.gone.add(number)

    def _placed(self) -> dict[int, _Place]:
        """Give each box a column: as far to the left as what it reads allows.

        A box that only goes on from the one before is below it, where the network goes down.
        """
        found: dict[int, _Place] = {}
        taken: dict[tuple[int, int], list[int]] = {}
        for number in range(len(self.diagram.boxes)):
            if number in self.gone:
                continue
            sources = sorted(s for s, t in self.edges if t == number)
            level, column = self.level[number], 0
            if self._goes_on(number, sources, found, taken):
                column = found[sources[0]].column
                self.chained.add(number)
            else:
                column = self._column(level, [found[s] for s in sources])
                while not self._has_room(taken.get((level, column), []), sources):
                    column += 1
            here = taken.setdefault((level, column), [])
            found[number] = _Place(level, column, len(here))
            here.append(number)
        return found

    def _goes_on(
        self,
        number: int,
        sources: list[int],
        found: dict[int, _Place],
        taken: dict[tuple[int, int], list[int]],
    ) -> bool:
        """Return whether a box is to be below the only one that it reads."""
        if len(sources) != 1 or self.diagram.boxes[number].cell is None:
            return False
        source = sources[0]
        there = found[source]
        stack = taken[there.level, there.column]
        alone = sum(s == source for s, _ in self.edges) == 1 and len(stack) < 4
        if there.level != self.level[number] or not alone or stack[-1] != source:
            return False
        if len(stack) > 1 and source not in self.chained:
            return False
        before = [found[s] for s, t in self.edges if t == source]
        return all(p.level <= there.level and p.column == there.column for p in before)

    def _column(self, level: int, sources: list[_Place]) -> int:
        column = 0
        lateral = any(there.level == level for there in sources)
        for there in sources:
            column = max(column, there.column + (there.level == level))
            if there.level > level and not lateral and there.column == 0:
                column = max(column, 1)
        return column

    def _has_room(self, here: list[int], sources: list[int]) -> bool:
        """Return whether a box may be at a place: alone, or with others that read the same."""
        if not here:
            return True
        alike = all(sorted(s for s, t in self.edges if t == n) == sources for n in here)
        return alike and bool(sources) and len(here) < 3 and not self.chained & set(here)

    def drawn(self) -> Picture:
        picture = Picture(self.look)
        words = {number: self._words(number) for number in self.place}
        sizes = {number: said.size for number, said in words.items()}
        routes = {edge: self._route(*edge) for edge in self.edges}
        grid = _Grid(self, sizes, routes)
        for edge in self.edges:
            skip = self.diagram.is_skip(edge)
            picture.line(grid.points(edge), colour="skip" if skip else "line", dashed=False)
        for (source, target), said in self.words.items():
            picture.label(*grid.label((source, target)), said)
        for number in self.place:
            box = self.diagram.boxes[number]
            shown = Box(words[number], box.colour, box.path, box.cell)
            x, y = grid.centre(number)
            self.diagram.put(picture, shown, x, y, sizes[number])
        return picture

    def _words(self, number: int) -> Words:
        box = self.diagram.boxes[number]
        if box.cell is None:
            return box.words
        shape = shape_text(_shape_of(self.diagram, number))
        said = [*box.words.below, f"output {shape}" if number in self.results else shape]
        return Words(box.words.first, said)

    def _route(self, source: int, target: int) -> str:
        """Return how a line goes.

        ``straight``; ``over`` the boxes of its row; ``across`` and then up or down; ``along`` its
        column and then across; ``around`` through the room between columns.
        """
        s, t = self.place[source], self.place[target]
        above, below = self.stacks[s[:2]], self.stacks[t[:2]]
        is_chain = not (above[1:] and above[1] not in self.chained)
        is_chain = is_chain and not (below[1:] and below[1] not in self.chained)
        if not is_chain:
            return "around"
        first, last = above[0] == source, above[-1] == source
        begins, ends = below[0] == target, below[-1] == target
        if s.level == t.level:
            if s.column == t.column:
                return "straight"
            if any((s.level, c) in self.stacks for c in range(s.column + 1, t.column)):
                return "over" if first and begins else "around"
            return "straight" if last and ends else "around"
        down = t.level > s.level
        leaves, enters = (last, begins) if down else (first, ends)
        rows = range(min(s.level, t.level) + 1, max(s.level, t.level))
        columns = range(s.column + 1, t.column)
        if s.column == t.column:
            free = leaves and enters and not any((row, s.column) in self.stacks for row in rows)
            return "straight" if free else "around"
        if t.column < s.column:
            return "around"
        free = not any((s.level, c) in self.stacks for c in (*columns, t.column))
        if last and enters and free and not any((row, t.column) in self.stacks for row in rows):
            return "across"
        free = not any((t.level, c) in self.stacks for c in (*columns, s.column))
        if leaves and ends and free and not any((row, s.column) in self.stacks for row in rows):
            return "along"
        return "around"


class _Grid:
    """Where levels and columns are, with room between them for the lines that run there."""

    def __init__(
        self, levels: _Levels, sizes: dict[int, Point], routes: dict[tuple[int, int], str]
    ):
        self.place, self.sizes, self.routes = levels.place, sizes, routes
        self.stacks, self.chained = levels.stacks, levels.chained
        place, words = levels.place, levels.words
        columns = max((p.column for p in place.values()), default=0) + 1
        rows = max((p.level for p in place.values()), default=0) + 1
        self.gutter: dict[tuple[int, int], tuple[int, int]] = {}  # column and track of a source
        self.lane: dict[tuple[int, int], tuple[int, int]] = {}  # level and track of a source
        in_gutter, in_lane = [0] * (columns + 1), [0] * (rows + 1)
        for (source, target), route in sorted(routes.items()):
            s, t = place[source], place[target]
            if route == "around":
                key = (source, s.column + 1)
                if key not in self.gutter:
                    self.gutter[key] = (s.column + 1, in_gutter[s.column + 1])
                    in_gutter[s.column + 1] += 1
                if t.column != s.column + 1:
                    key = (source, t.column)
                    if key not in self.gutter:
                        self.gutter[key] = (t.column, in_gutter[t.column])
                        in_gutter[t.column] += 1
            along = route == "over" or route == "around" and t.column != s.column + 1
            if along and (source, t.level) not in self.lane:
                self.lane[source, t.level] = (t.level, in_lane[t.level])
                in_lane[t.level] += 1
        self.left, self.wide = self._columns(columns, in_gutter, words)
        self.top, self.base = self._rows(rows, in_lane)

    def _columns(
        self, count: int, used: list[int], words: dict[tuple[int, int], str]
    ) -> tuple[list[float], list[float]]:
        left, wide, x = [], [], 0.0
        for column in range(count):
            here = [n for n, p in self.place.items() if p.column == column]
            most = max((self.sizes[n][0] for n in here), default=40)
            x += TRACK * used[column]
            left.append(x)
            wide.append(most)
            room = _GUTTER
            for (s, t), said in words.items():
                if self._label_column(s, t) == column:
                    room = max(room, text_width(said, SMALL) + 18 - most / 2)
            x += most + room
        return left, wide

    def _rows(self, count: int, used: list[int]) -> tuple[list[float], list[float]]:
        """Return the tops of the rows, and the heights at which their lines run across."""
        top, base, y = [], [], 0.0
        for level in range(count):
            y += TRACK * (used[level] + 0.5) if used[level] else 0
            rise = fall = 0.0
            for (row, _), stack in self.stacks.items():
                if row == level:
                    above, below = self._extent(stack)
                    rise, fall = max(rise, above), max(fall, below)
            top.append(y)
            base.append(y + rise)
            y += rise + fall + (_ROW if rise else 0)
        return top, base

    def _gap(self, stack: list[int]) -> float:
        return _ON if stack[-1] in self.chained else _STACK

    def _extent(self, stack: list[int]) -> tuple[float, float]:
        """Return how far a stack reaches above and below the middle of its row."""
        whole = sum(self.sizes[n][1] for n in stack) + self._gap(stack) * (len(stack) - 1)
        below = self.sizes[stack[-1]][1] / 2 if stack[-1] in self.chained else whole / 2
        return whole - below, below

    def centre(self, number: int) -> Point:
        """Return the middle of a box."""
        p = self.place[number]
        stack = self.stacks[p[:2]]
        y = self.base[p.level] - self._extent(stack)[0]
        for n in stack[: p.track]:
            y += self.sizes[n][1] + self._gap(stack)
        return self.left[p.column] + self.wide[p.column] / 2, y + self.sizes[number][1] / 2

    def _label_column(self, source: int, target: int) -> int:
        route = self.routes[source, target]
        return self.place[target if route == "across" else source].column

    def label(self, edge: tuple[int, int]) -> Point:
        """Return where the word on a line begins."""
        s, t = (self.place[number] for number in edge)
        column = self._label_column(*edge)
        x = self.left[column] + self.wide[column] / 2
        y = self.top[max(s.level, t.level)] - _ROW / 2
        return x + 7, y + SMALL * 0.35

    def _gutter_x(self, source: int, column: int) -> float:
        _, track = self.gutter[source, column]
        edge = (
            self.left[column]
            if column < len(self.left)
            else self.left[-1] + self.wide[-1] + _GUTTER
        )
        return edge - 12 - TRACK * track

    def points(self, edge: tuple[int, int]) -> list[Point]:
        """Return the points of a line."""
        source, target = edge
        s, t = self.place[source], self.place[target]
        (sx, sy), (tx, ty) = self.centre(source), self.centre(target)
        (sw, sh), (tw, th) = self.sizes[source], self.sizes[target]
        down = 1 if t.level > s.level else -1
        route = self.routes[edge]
        if s[:2] == t[:2]:
            return [(sx, sy + sh / 2), (tx, ty - th / 2)]
        if route == "straight" and s.level == t.level:
            return [(sx + sw / 2, sy), (tx - tw / 2, ty)]
        if route == "straight":
            return [(sx, sy + down * sh / 2), (tx, ty - down * th / 2)]
        if route == "across":
            return [(sx + sw / 2, sy), (tx, sy), (tx, ty - down * th / 2)]
        if route == "along":
            return [(sx, sy + down * sh / 2), (sx, ty), (tx - tw / 2, ty)]
        if route == "over":
            lane = self._lane_y(source, t.level)
            return [(sx, sy - sh / 2), (sx, lane), (tx, lane), (tx, ty - th / 2)]
        out = self._gutter_x(source, s.column + 1)
        start = [(sx + sw / 2, sy), (out, sy)]
        if t.column == s.column + 1:
            return [*start, (out, ty), (tx - tw / 2, ty)]
        lane, back = self._lane_y(source, t.level), self._gutter_x(source, t.column)
        return [*start, (out, lane), (back, lane), (back, ty), (tx - tw / 2, ty)]

    def _lane_y(self, source: int, level: int) -> float:
        _, track = self.lane[source, level]
        return self.top[level] - 8 - TRACK * track
