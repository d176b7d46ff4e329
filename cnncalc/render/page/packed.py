"""Columns written short: what occurs again is written once. `app/packed.js` reads them.

A network repeats its blocks, so its columns repeat themselves. Values that are there already are
written as a pair ``[back, count]``: the next `count` values are those from `back` places before on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any

_START = 3  # values that must be the same for a place to be looked at
_TRIED = 8  # places that are looked at, the latest ones
_FEWEST = 4  # values that are worth a pair


def packed(column: Sequence[Any]) -> list[Any]:
    """Write a column of numbers, texts and None.

    >>> packed([64, 3, 1, 64, 3, 1, 64, 3, 2])
    [64, 3, 1, [3, 5], 2]
    """
    found: list[Any] = []
    places: dict[tuple[Any, ...], list[int]] = {}
    at = 0
    while at < len(column):
        back, count = _repeated(column, at, places)
        found.append([back, count] if count else column[at])
        for n in range(at, at + max(count, 1)):
            places.setdefault(tuple(column[n : n + _START]), []).append(n)
        at += max(count, 1)
    return found


def _repeated(
    column: Sequence[Any], at: int, places: dict[tuple[Any, ...], list[int]]
) -> tuple[int, int]:
    """Return how far back the longest stretch is that occurs again here, and its length, or 0."""
    best = 0, 0
    for place in reversed(places.get(tuple(column[at : at + _START]), ())[-_TRIED:]):
        count = at_most = len(column) - at
        for n in range(at_most):
            if column[place + n] != column[at + n]:
                count = n
                break
        if count > best[1]:
            best = at - place, count
    return best if best[1] >= _FEWEST else (0, 0)


def differences(column: Iterable[int | None]) -> list[int | None]:
    """Return by how much each number is more than the one before; None has no number.

    >>> differences([4, 6, None, 7])
    [4, 2, None, 1]
    """
    found: list[int | None] = []
    before = 0
    for value in column:
        found.append(None if value is None else value - before)
        before = before if value is None else value
    return found


def path_columns(paths: Sequence[str]) -> tuple[list[int], list[str]]:
    """Return how many parts each path has in common with the one before, and its other parts.

    >>> path_columns(["stage1.0.conv1", "stage1.0.relu1", "stage1.1.conv1"])
    ([0, 2, 1], ['stage1.0.conv1', 'relu1', '1.conv1'])
    """
    kept, rest = [], []
    before: list[str] = []
    for path in paths:
        parts = path.split(".")
        same = takewhile(lambda pair: pair[0] == pair[1], zip(parts[:-1], before))
        kept.append(len(list(same)))
        rest.append(".".join(parts[kept[-1] :]))
        before = parts
    return kept, rest
