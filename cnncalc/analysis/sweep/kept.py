"""Keeps the rows of a chunk that may be among the best."""

from __future__ import annotations

from typing import Any

import numpy as np

from .asked import Asked
from .best import Rows, first, frontier, sortable


class Kept:
    """The rows that a chunk keeps so far."""

    def __init__(self, asked: Asked, limit: Any):
        self.asked = asked
        self._rows: list[Rows] = []
        self._held = 0
        self.limit = limit  # what a key must not be beyond; None if nothing is known

    def add(self, rows: Rows) -> None:
        if not len(rows):
            return
        self._rows.append(rows)
        self._held += len(rows)
        if self.asked.is_reduced and self._held > 4 * (self.asked.top or 4096):
            self._reduce()

    def _reduce(self) -> None:
        if self._rows:
            rows = reduced(Rows.joined(self._rows), self.asked)
            self._rows, self._held = [rows], len(rows)
            top, sort = self.asked.top, self.asked.sort
            if top is not None and sort and not self.asked.pareto and len(rows) == top:
                last = sortable(rows.figures[sort.name], sort.largest_first)[-1]
                self.limit = last if self.limit is None else min(last, self.limit)

    @property
    def is_full(self) -> bool:
        """Whether later rows cannot be among the first ones, in order of their numbers."""
        asked = self.asked
        plain = asked.top is not None and asked.sort is None and not asked.pareto
        return plain and self._held >= (asked.top or 0)

    def rows(self) -> Rows:
        if self.asked.is_reduced:
            self._reduce()
        if not self._rows:
            return Rows(np.zeros(0, np.int64), {})
        return Rows.joined(self._rows)


def reduced(rows: Rows, asked: Asked) -> Rows:
    """Return the rows that are among the best, in order; with a frontier, all that are on it."""
    if asked.pareto:
        objectives = [sortable(rows.figures[o.name], o.largest_first) for o in asked.pareto]
        return rows.taken(frontier(objectives))
    count = len(rows) if asked.top is None else asked.top
    if asked.sort is None:
        return rows.taken(np.arange(min(count, len(rows))))
    keys = sortable(rows.figures[asked.sort.name], asked.sort.largest_first)
    return rows.taken(first(keys, rows.numbers, count))
