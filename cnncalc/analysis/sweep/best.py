"""Keeps the best variants of a sweep: the first ones in an order, or those on a frontier."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...at_least import AtLeast
from ..counting.columns import Array


class Rows:
    """Variants by number, with their figures; figures that are not counted are objects."""

    def __init__(self, numbers: Array, figures: dict[str, Array]):
        self.numbers, self.figures = numbers, figures

    def __len__(self) -> int:
        return len(self.numbers)

    def taken(self, at: Array) -> Rows:
        """Return the rows at these positions, or where a condition holds."""
        return Rows(self.numbers[at], {name: v[at] for name, v in self.figures.items()})

    @staticmethod
    def joined(rows: list[Rows]) -> Rows:
        """Return all rows, one list after another."""
        if len(rows) == 1:
            return rows[0]
        figures = {name: [one.figures[name] for one in rows] for name in rows[0].figures}
        return Rows(
            np.concatenate([one.numbers for one in rows]),
            {name: np.concatenate(values) for name, values in figures.items()},
        )


def first(keys: Array, numbers: Array, count: int) -> Array:
    """Return the positions of the smallest keys in order; equal ones by their numbers."""
    if len(keys) > 4 * count:
        limit = np.partition(keys, count - 1)[count - 1]
        kept = np.flatnonzero(keys <= limit)
        return kept[np.lexsort((numbers[kept], keys[kept]))[:count]]
    order: Array = np.lexsort((numbers, keys))[:count]
    return order


def frontier(objectives: list[Array]) -> Array:
    """Return the positions of those that no other beats: all objectives are to be small.

    One beats another if it is as small in every objective and smaller in one. Equal ones are all
    kept.
    """
    table = np.stack(objectives, axis=1)
    order = np.lexsort(table.T[::-1])
    table = table[order]
    if table.shape[1] == 1:
        kept = table[:, 0] == table[0, 0] if len(table) else np.zeros(0, bool)
    elif table.shape[1] == 2:
        kept = _staircase(table)
    else:
        kept = _unbeaten(table)
    return np.sort(order[kept])


def _staircase(table: Array) -> Array:
    """Return which rows are unbeaten, of rows sorted by the first and then the second objective."""
    if not len(table):
        return np.zeros(0, bool)
    second = table[:, 1]
    better = np.ones(len(table), bool)
    better[1:] = second[1:] < np.minimum.accumulate(second)[:-1]
    # One that equals the one before it in both is as good as that.
    last = np.maximum.accumulate(np.where(better, np.arange(len(table)), 0))
    kept: Array = (table == table[last]).all(axis=1)
    return kept


def _unbeaten(table: Array) -> Array:
    """Return which rows are unbeaten, of rows sorted by all objectives, first ones first."""
    kept = np.zeros(len(table), bool)
    rest = np.arange(len(table))
    while len(rest):
        best = table[rest[0]]
        kept[rest[0]] = True
        others = table[rest]
        beaten = (others >= best).all(axis=1) & (others > best).any(axis=1)
        kept[rest[(others == best).all(axis=1)]] = True
        rest = rest[~beaten & (others != best).any(axis=1)]
    return kept


def sortable(values: Any, largest_first: bool) -> Array:
    """Return numbers that sort as asked for; values that have no number come last."""
    found = np.asarray(values)
    if found.dtype == bool:
        found = found.astype(np.int64)
    if found.dtype.kind not in "if":
        found = np.array([_number(value) for value in found.ravel().tolist()]).reshape(found.shape)
    if largest_first:
        found = -found
    return np.where(np.isnan(found), np.inf, found) if found.dtype.kind == "f" else found


def _number(value: Any) -> float:
    if isinstance(value, tuple):
        return max(map(_number, value), default=float("nan"))
    if value is None or isinstance(value, (str, AtLeast)):
        return float("nan")
    return float(value)
