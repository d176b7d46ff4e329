"""Counts one chunk of a sweep: the unit that workers share, and after which a sweep can stop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...many.array import Many
from ..counting.parts import Part, parts
from ..counting.population import Population
from .block import Block, Points
from .found import Failed, Found
from .grid import BLOCK, Place, cut
from .job import Job
from .kept import Kept

_MOST_ON_AXIS, _MOST_PARTS = 2**14, 64  # of a grid that is expanded for a list of variants


class Counter:
    """Counts chunks of a job, one after another; a box is expanded once for all its chunks."""

    def __init__(self, job: Job):
        self.job = job
        self._box: tuple[range, ...] | None = None
        self._parts: list[Part] = []
        self._limit: Any = None  # what later variants must not be beyond to be among the first
        self._is_grid: bool | None = None  # whether a list is counted by the grid of its values

    def count(self, place: Place) -> Found:
        """Return what is found in a chunk."""
        if self.job.grid.drawn is not None:
            return self._listed(place)
        if place.box != self._box:
            self._parts = list(self._counted(Population.box(place.box)))
            self._box = place.box
        kept = Kept(self.job.asked, self._limit)
        fitting = matching = total = 0
        for block in cut(place.block, BLOCK, BLOCK):
            some = Block(self.job, self._parts, place.box, block)
            total += some.size
            fitting += some.fitting
            matching += some.add_to(kept)
        failed = tuple(self._failed()) if place.leads else ()
        rows, self._limit = kept.rows(), kept.limit
        return Found(rows, total, fitting, matching, failed)

    def _counted(self, population: Population) -> Iterator[Part]:
        for question, some in self.job.questions(population):
            yield from parts(question, some)

    def _listed(self, place: Place) -> Found:
        """Return what is found in a chunk of variants that are points of a grid.

        Where the grid of all their values is small enough, it is expanded once for all chunks.
        """
        if self._is_grid is None:
            self._is_grid = self._expand_grid()
        (listed,) = place.block
        kept = Kept(self.job.asked, self._limit)
        fitting = matching = total = 0
        failed: list[Failed] = []
        for start in range(listed.start, listed.stop, BLOCK):
            numbers = np.arange(start, min(start + BLOCK, listed.stop))
            indices = self.job.grid.indices(numbers)
            if not self._is_grid:
                self._parts = list(self._counted(Population.points(indices)))
            some = Points(self.job, self._parts, numbers, indices)
            total += some.size
            fitting += some.fitting
            matching += some.add_to(kept)
            failed += some.failed()
        rows, self._limit = kept.rows(), kept.limit
        return Found(rows, total, fitting, matching, tuple(failed))

    def _expand_grid(self) -> bool:
        """Expand the grid of all values; return whether that is worth it."""
        lengths = self.job.grid.lengths
        if max(lengths) > _MOST_ON_AXIS:
            return False
        self._parts = []
        for part in self._counted(Population.box([range(n) for n in lengths])):
            self._parts.append(part)
            if len(self._parts) > _MOST_PARTS:
                return False
        return True

    def _failed(self) -> Iterator[Failed]:
        shape = self.job.grid.shape
        for part in self._parts:
            for path, where, count in part.failures:
                position = [0] * len(part.population.axes)
                if isinstance(where, Many):
                    at = np.unravel_index(int(where.values.argmax()), where.values.shape)
                    position = list(map(int, at))
                indices = part.population.variant(position)
                example = np.ravel_multi_index([indices[n] for n in range(len(shape))], shape)
                yield Failed(path, count, int(example))
