"""Draws every layer of a network in a column, with the sizes of the maps beside it.

A long column goes on beside itself, where a single line leads on.
"""

from __future__ import annotations

from collections.abc import Sequence

from ....analysis.structure import cells, height, tree, unfolded
from ....wording import shape_text
from .diagram import Diagram, Subject
from .layered import Line, Placed, Point, placed, ranks_of
from .picture import SMALL, Picture

_GAP = 16.0
_TALLEST = 1500.0  # pixels of a column that is not broken
_ASPECT = 1.2  # of the whole, if it is
_GUTTER = 34.0
_SIZES = 62.0  # pixels for the sizes of maps, at the left of a column


def layers(subject: Subject) -> Picture:
    """Return the picture of a network."""
    whole = tree(subject.graph)
    parts = unfolded(subject.graph, whole, subject.depth or height(whole))
    return in_columns(Diagram(subject, cells(subject.graph, parts, fold=False)))


def in_columns(diagram: Diagram) -> Picture:
    """Return the boxes of a diagram in as many columns as it takes."""
    sizes = diagram.sizes()
    return _Columns(diagram, sizes, placed(sizes, list(diagram.edges), _GAP)).drawn()


class _Columns:
    def __init__(self, diagram: Diagram, sizes: Sequence[Point], found: Placed):
        self.diagram, self.sizes, self.found = diagram, sizes, found
        self.rank = ranks_of(len(sizes), list(diagram.edges))
        self.column = self._divided()  # of each rank
        self.move = self._moves()

    def _cuts(self) -> list[bool]:
        """Return whether a column may end after each rank: one box alone, and no line beside it."""
        passed = [0] * (len(self.found.ranks) + 1)
        for source, target in self.diagram.edges:
            passed[self.rank[source] + 1] += 1
            passed[self.rank[target]] -= 1
        found, open_ = [], 0
        for rank, row in enumerate(self.found.ranks):
            open_ += passed[rank]
            found.append(len(row) == 1 and not open_)
        return found

    def _divided(self) -> list[int]:
        """Return the column of each rank."""
        ranks, whole = self.found.ranks, self.found.height
        count = 1
        if whole > _TALLEST:
            wide = self.found.width + _GUTTER + _SIZES
            count = max(round((_ASPECT * whole / wide) ** 0.5), 1)
        most, cuts = whole / count, self._cuts()
        column, start, found = 0, 0.0, []
        for rank, row in enumerate(ranks):
            tops = [self.found.centres[n][1] - self.sizes[n][1] / 2 for n in row]
            ends = [self.found.centres[n][1] + self.sizes[n][1] / 2 for n in row]
            if (
                rank
                and cuts[rank - 1]
                and max(ends) - start > most * 1.05
                and column + 1 < count * 2
            ):
                column, start = column + 1, min(tops)
            found.append(column)
        return found

    def _moves(self) -> list[Point]:
        """Return how far each column is moved."""
        found, x = [], 0.0
        for column in range(max(self.column, default=0) + 1):
            boxes = [n for n in range(len(self.sizes)) if self.column[self.rank[n]] == column]
            lines = [line for line in self.found.lines if self._column_of(line) == column]
            points = [point[0] for line in lines for point in line.points]
            edges = [(self.found.centres[n][0], self.sizes[n]) for n in boxes]
            left = min([*points, *(at - size[0] / 2 for at, size in edges)])
            right = max([*points, *(at + size[0] / 2 for at, size in edges)])
            top = min(self.found.centres[n][1] - self.sizes[n][1] / 2 for n in boxes)
            x += _SIZES
            found.append((x - left, -top))
            x += right - left + _GUTTER
        return found

    def _column_of(self, line: Line) -> int:
        return self.column[self.rank[line.target]]

    def drawn(self) -> Picture:
        picture = Picture(self.diagram.look)
        picture.grow(_SIZES, 0)
        entered: set[int] = set()
        for line in self.found.lines:
            column = self._column_of(line)
            dx, dy = self.move[column]
            points = [(x + dx, y + dy) for x, y in line.points]
            if self.column[self.rank[line.source]] != column and column not in entered:
                entered.add(column)
                points = [*self._over(line.source, column), *points]
            colour = "skip" if self.diagram.is_skip(line[:2]) else "line"
            picture.line(points, colour=colour)
        self._sizes_of_maps(picture)
        for number, box in enumerate(self.diagram.boxes):
            self.diagram.put(picture, box, *self._centre(number), self.sizes[number])
        return picture

    def _centre(self, number: int) -> Point:
        dx, dy = self.move[self.column[self.rank[number]]]
        x, y = self.found.centres[number]
        return x + dx, y + dy

    def _over(self, source: int, column: int) -> list[Point]:
        """Return the points of a line from the end of a column to the top of the next one."""
        x, y = self._centre(source)
        bottom = y + self.sizes[source][1] / 2
        middle = self.move[column][0] + self._left(column) - _SIZES - _GUTTER / 2 + 4
        top = self.found.centres[source][0] + self.move[column][0]
        return [(x, bottom), (x, bottom + 14), (middle, bottom + 14), (middle, -_GAP), (top, -_GAP)]

    def _left(self, column: int) -> float:
        boxes = [n for n in range(len(self.sizes)) if self.column[self.rank[n]] == column]
        return min(self.found.centres[n][0] - self.sizes[n][0] / 2 for n in boxes)

    def _sizes_of_maps(self, picture: Picture) -> None:
        """Write the size of the maps at the left, where it changes."""
        last: tuple[int, ...] | None = None
        begun, cuts = -1, self._cuts()
        for rank, row in enumerate(self.found.ranks):
            column = self.column[rank]
            cell = self.diagram.boxes[row[0]].cell
            if len(row) != 1 or cell is None:
                continue
            shape = self.diagram.graph.nodes[cell.every[-1]].shape[1:]
            if shape and (shape != last or column != begun):
                x, y = self._centre(row[0])
                left = self.move[column][0] + self._left(column)
                if cuts[rank]:
                    left = x - self.sizes[row[0]][0] / 2
                picture.label(left - 10, y + SMALL * 0.35, shape_text(shape), "end")
            last, begun = shape, column
