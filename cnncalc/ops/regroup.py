"""How a reshape regroups the axes: what each axis of the new shape reads."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from ..num import Shape, product
from ..window import IDENTITY, MAX_POSITIONS, InARow, Map, Part, Unknown
from .reads import WHOLE, Reach

_MAX_VALUES = 2**17  # in a group of axes whose positions are followed one by one
_MIXED = Unknown("`reshape` mixes positions along several axes")


def regrouped_reaches(x: Shape, y: Shape) -> tuple[Reach, ...]:
    """Return for each spatial axis of x the axis of y that moves along it.

    Both shapes hold the same values in the same order, so their axes fall into groups of the same
    values: [4, 64] -> [2, 2, 64] keeps its 64 columns and splits the channels into two axes. A
    group with one axis of positions can be followed; one that spreads an axis over several cannot.
    """
    if x == y:
        return tuple((axis, IDENTITY) for axis in range(len(x) - 1))
    reaches: dict[int, Reach] = {}
    for before, after in _groups(x, y):
        places = [axis for axis in after if axis > 0 and y[axis] > 1]
        for axis in before:
            if axis == 0:
                continue
            if x[axis] == 1 or not places:
                reaches[axis] = WHOLE
            elif len(places) > 1:
                reaches[axis] = _in_a_row(x, before, axis, y, after)
            elif [a for a in before if x[a] > 1] == [axis] and y[places[0]] == x[axis]:
                reaches[axis] = places[0] - 1, IDENTITY
            else:
                size = y[places[0]]
                taps = _taps(tuple(x[a] for a in before), axis - before.start, size)
                reaches[axis] = taps if isinstance(taps, Unknown) else (places[0] - 1, taps)
    return tuple(reaches[axis] for axis in range(1, len(x)))


def _in_a_row(x: Shape, before: range, axis: int, y: Shape, after: range) -> Reach:
    """Return what several axes of the new shape read of one that holds all their positions."""
    places = [new for new in after if y[new] > 1]
    if 0 in places or [a for a in before if x[a] > 1] != [axis]:
        return _MIXED
    return InARow(tuple(Part(y[new], new - 1, y[new], IDENTITY) for new in places), _MIXED)


def _groups(x: Shape, y: Shape) -> Iterator[tuple[range, range]]:
    """Yield runs of axes of both shapes that hold the same number of values."""
    i = j = 0
    while i < len(x) or j < len(y):
        start, other = i, j
        i, j = min(i + 1, len(x)), min(j + 1, len(y))
        while (held := product(x[start:i])) != (wanted := product(y[other:j])):
            if held < wanted:
                i += 1
            else:
                j += 1
        yield range(start, i), range(other, j)


@lru_cache(maxsize=32)  # networks repeat the same few reshapes
def _taps(group: Shape, axis: int, size: int) -> Map | Unknown:
    """Return what the positions of an axis of `size` read of an axis of the group before.

    Value v of a group is at position ⌊v / inner⌋ mod n of an axis of size n, where `inner` is the
    product of the axes after it. Position p of the new axis holds the values v ≡ p mod `size`.
    """
    inner, n, values = product(group[axis + 1 :]), group[axis], product(group)
    if values > _MAX_VALUES or size > MAX_POSITIONS:
        return Unknown("`reshape` moves more values than are followed")
    if size == values:  # one value for each position
        return Map(0, tuple([(v // inner % n,) for v in range(values)]))
    read = ({v // inner % n for v in range(position, values, size)} for position in range(size))
    return Map(0, tuple(tuple(sorted(taps)) for taps in read))
