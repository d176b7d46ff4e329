"""Places boxes from top to bottom, so that each is below those it reads, and routes the lines.

Each box has a rank: one more than the largest of those that it reads. A line that passes ranks has
a place in each of them, so it crosses no box. Boxes alone in their rank are under each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

Point = tuple[float, float]

SIDE = 22.0  # between boxes of a rank
LANE = 16.0  # the room of a line that passes a rank
TRACK = 8.0  # between horizontal lines of a gap
_SWEEPS = 8


class Line(NamedTuple):
    """A line between two boxes, by their numbers, through points."""

    source: int
    target: int
    points: list[Point]


class Placed(NamedTuple):
    """The centre of each box, the lines, and the whole size."""

    centres: list[Point]
    lines: list[Line]
    width: float
    height: float
    ranks: list[list[int]]  # the boxes of each rank


class _Item:
    """A box, or the place in a rank of a line that passes it."""

    __slots__ = ("above", "below", "box", "rank", "width", "x")

    def __init__(self, rank: int, width: float, box: int | None):
        self.rank, self.width, self.box = rank, width, box
        self.above: list[_Item] = []
        self.below: list[_Item] = []
        self.x = 0.0


def ranks_of(count: int, edges: Iterable[tuple[int, int]]) -> list[int]:
    """Return the rank of each box; edges go from smaller to larger numbers."""
    found = [0] * count
    for source, target in sorted(edges, key=lambda edge: edge[1]):
        found[target] = max(found[target], found[source] + 1)
    return found


def placed(
    sizes: Sequence[Point],
    edges: Sequence[tuple[int, int]],
    gap: float = 26,
    side_entry: bool = True,
) -> Placed:
    """Return where boxes of these sizes are."""
    rank = ranks_of(len(sizes), edges)
    rows: list[list[_Item]] = [[] for _ in range(max(rank, default=-1) + 1)]
    boxes = []
    for number, (width, _) in enumerate(sizes):
        item = _Item(rank[number], width, number)
        boxes.append(item)
        rows[rank[number]].append(item)
    chains = _chains(boxes, rows, edges)
    _order(rows)
    _spread(rows)
    _straighten(rows, edges, chains)
    heights = [max((sizes[i.box][1] for i in row if i.box is not None), default=0) for row in rows]
    tracks, used = _tracks(rows, chains, boxes)
    tops, y = [], 0.0
    for height, lines in zip(heights, used):
        tops.append(y)
        y += height + gap + TRACK * max(lines - 1, 0)
    total = tops[-1] + heights[-1] if tops else 0.0
    left = min((item.x - item.width / 2 for row in rows for item in row), default=0)
    right = max((item.x + item.width / 2 for row in rows for item in row), default=0)
    for row in rows:
        for item in row:
            item.x -= left
    centres = [(item.x, tops[item.rank] + heights[item.rank] / 2) for item in boxes]
    routes = _Routes(sizes, centres, tops, heights, gap, tracks, rows if side_entry else None)
    drawn = [routes.line(s, t, chain, boxes) for (s, t), chain in zip(edges, chains)]
    shown = [[item.box for item in row if item.box is not None] for row in rows]
    return Placed(centres, drawn, right - left, total, shown)


def _chains(
    boxes: list[_Item], rows: list[list[_Item]], edges: Sequence[tuple[int, int]]
) -> list[list[_Item]]:
    """Return the places that each line passes; lines from one box share theirs."""
    made: dict[tuple[int, int], _Item] = {}
    found = []
    for source, target in edges:
        before, chain = boxes[source], []
        for rank in range(boxes[source].rank + 1, boxes[target].rank):
            if (source, rank) not in made:
                item = made[source, rank] = _Item(rank, LANE, None)
                rows[rank].append(item)
                before.below.append(item)
                item.above.append(before)
            before = made[source, rank]
            chain.append(before)
        before.below.append(boxes[target])
        boxes[target].above.append(before)
        found.append(chain)
    return found


def _order(rows: list[list[_Item]]) -> None:
    """Order the items of each rank by the middle of their neighbours, so that few lines cross."""
    best, fewest = [list(row) for row in rows], _crossings(rows)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        down = sweep % 2 == 0
        for row in rows[1:] if down else rows[-2::-1]:
            near = rows[row[0].rank + (-1 if down else 1)] if row else []
            at = {id(item): place for place, item in enumerate(near)}

            def middle(item: _Item) -> float:
                others = item.above if down else item.below
                return sum(at[id(o)] for o in others) / len(others) if others else 0

            row.sort(key=lambda item: (middle(item), item.box is None))
        now = _crossings(rows)
        if now < fewest:
            best, fewest = [list(row) for row in rows], now
    for row, ordered in zip(rows, best):
        row[:] = ordered


def _crossings(rows: list[list[_Item]]) -> int:
    """Count the lines that cross between ranks."""
    count = 0
    for above, below in pairwise(rows):
        at = {id(item): place for place, item in enumerate(below)}
        ends: list[int] = []
        for item in above:
            for place in sorted(at[id(other)] for other in item.below):
                count += sum(end > place for end in ends)
                ends.append(place)
            if len(ends) > 2000:  # so wide a picture is not sorted well anyway
                return count
    return count


def _spread(rows: list[list[_Item]]) -> None:
    """Give each item its place across: near those it reads, and those that read it."""
    for row in rows:
        _settle(row, [0.0] * len(row))
    for sweep in range(_SWEEPS):
        up = sweep % 2 == 1
        for row in rows[::-1] if up else rows:
            if len(row) > 1:
                _settle(row, [_wanted(item, up) for item in row])
    for row in rows:
        if len(row) > 1:
            _settle(row, [_wanted(item, False) for item in row])


def _straighten(
    rows: list[list[_Item]], edges: Sequence[tuple[int, int]], chains: list[list[_Item]]
) -> None:
    """Let a line that is outermost in each rank go straight down."""
    longest: dict[int, list[_Item]] = {}
    for (source, _), chain in zip(edges, chains):
        if len(chain) > len(longest.get(source, [])):
            longest[source] = chain
    for chain in longest.values():
        if all(rows[item.rank][-1] is item for item in chain):
            x = max(item.x for item in chain)
        elif all(rows[item.rank][0] is item for item in chain):
            x = min(item.x for item in chain)
        else:
            continue
        for item in chain:
            item.x = x


def _wanted(item: _Item, up: bool) -> float:
    near = (item.below if up else item.above) or (item.above if up else item.below)
    direct = [other for other in near if (other.box is None) == (item.box is None)] or near
    return sum(other.x for other in direct) / len(direct) if direct else item.x


def _settle(row: list[_Item], wanted: list[float]) -> None:
    """Put items as near to where they want as their order and widths allow, by least squares."""
    offsets, x = [], 0.0
    for n, item in enumerate(row):
        if n:
            x += (row[n - 1].width + item.width) / 2 + SIDE
        offsets.append(x)
    blocks: list[list[float]] = []  # weight, mean, members
    for item, want, offset in zip(row, wanted, offsets):
        weight = 1.0 if item.box is None else 1e4
        blocks.append([weight, want - offset, 1])
        while len(blocks) > 1 and blocks[-2][1] > blocks[-1][1]:
            weight, mean, members = blocks.pop()
            last = blocks[-1]
            last[1] = (last[0] * last[1] + weight * mean) / (last[0] + weight)
            last[0], last[2] = last[0] + weight, last[2] + members
    places = [mean for _, mean, members in blocks for _ in range(int(members))]
    for item, place, offset in zip(row, places, offsets):
        item.x = place + offset


_Track = dict[tuple[int, int], int]


def _tracks(
    rows: list[list[_Item]], chains: list[list[_Item]], boxes: list[_Item]
) -> tuple[_Track, list[int]]:
    """Give horizontal lines in a gap a height of their own where they would overlap.

    Lines from one item share it.
    """
    found: _Track = {}
    used = []
    for row in rows:
        taken: list[list[tuple[float, float, int]]] = []
        for item in row:
            spans = [other for other in item.below if abs(other.x - item.x) > 0.5]
            if not spans:
                continue
            low = min([item.x, *(other.x for other in spans)])
            high = max([item.x, *(other.x for other in spans)])
            only = id(spans[0]) if len(spans) == 1 else 0
            free = [n for n, track in enumerate(taken) if _fits(track, low, high, only)]
            if not free:
                free = [len(taken)]
                taken.append([])
            taken[free[0]].append((low, high, only))
            found[item.rank, id(item)] = free[0]
        used.append(len(taken))
    return found, used


def _fits(track: list[tuple[float, float, int]], low: float, high: float, only: int) -> bool:
    """Return whether a line overlaps no other one, except those with the same and only target."""
    return all(high < a - 4 or low > b + 4 or only and only == target for a, b, target in track)


class _Routes:
    """How lines run, once everything is placed."""

    def __init__(
        self,
        sizes: Sequence[Point],
        centres: list[Point],
        tops: list[float],
        heights: list[float],
        gap: float,
        tracks: _Track,
        rows: list[list[_Item]] | None,
    ):
        self.sizes, self.centres, self.tops, self.heights = sizes, centres, tops, heights
        self.gap, self.tracks, self.rows = gap, tracks, rows
        self.sides: set[tuple[int, int]] = set()  # the sides of boxes at which a line ends

    def line(self, source: int, target: int, chain: list[_Item], boxes: list[_Item]) -> Line:
        """Return the line from a box to another one below."""
        x, y = self.centres[source]
        points = [(x, y + self.sizes[source][1] / 2)]
        before = boxes[source]
        for item in chain:
            self._across(points, before, item.x)
            points.append((item.x, self.tops[item.rank] + self.heights[item.rank]))
            before = item
        goal, (wide, high) = boxes[target], self.sizes[target]
        side = -1 if before.x < goal.x else 1
        if chain and self._is_free(before, goal, side):
            self.sides.add((target, side))
            end = self.centres[target][1]
            points += [(before.x, end), (goal.x + side * wide / 2, end)]
            return Line(source, target, points)
        self._across(points, before, goal.x)
        points.append((goal.x, self.centres[target][1] - high / 2))
        return Line(source, target, points)

    def _across(self, points: list[Point], item: _Item, x: float) -> None:
        """Go to another place in the gap below an item."""
        if abs(item.x - x) <= 0.5:
            return
        track = self.tracks.get((item.rank, id(item)), 0)
        y = self.tops[item.rank] + self.heights[item.rank] + self.gap / 2 + track * TRACK
        points += [(item.x, y), (x, y)]

    def _is_free(self, before: _Item, goal: _Item, side: int) -> bool:
        """Return whether a line beside a box can end at its side."""
        if self.rows is None or goal.box is None or (goal.box, side) in self.sides:
            return False
        edge = goal.x + side * goal.width / 2
        if (before.x - edge) * side < 10 or len(goal.above) > 3:
            return False
        for item in self.rows[goal.rank]:
            if item is not goal:
                low, high = sorted((edge, before.x))
                if item.x + item.width / 2 > low - 4 and item.x - item.width / 2 < high + 4:
                    return False
        return True
