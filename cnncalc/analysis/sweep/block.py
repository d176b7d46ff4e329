"""A block of variants: its figures as arrays, and those of its variants that are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from ...at_least import AtLeast
from ...many.array import Many
from ...many.split import Split
from ...many.terms import Terms
from ..counting.columns import Array, Column
from ..counting.parts import Part, values_at, values_at_points
from .asked import FIGURES, Order, decided
from .best import Rows, sortable
from .found import Failed
from .job import Job
from .kept import Kept
from .names import of_parameters


class Block:
    """A block of variants in a row, small enough for the caches of a processor.

    Arrays have the axes of the grid, of length 1 where values do not depend on an axis.
    """

    def __init__(
        self, job: Job, counted: Sequence[Part], box: Sequence[range], block: Sequence[range]
    ):
        self.job, self.block = job, block
        self.shape = tuple(map(len, block))
        self.size = prod(self.shape)
        self._parts = counted
        self._whole = counted[0] if len(counted) == 1 and counted[0].is_whole(box) else None
        self._slices = [slice(b.start - a.start, b.stop - a.start) for a, b in zip(box, block)]
        self._known: dict[str, Any] = {}
        self._fits = self.figure("fits")
        self.fitting = self._size_of(self._fits)

    def figure(self, name: str) -> Any:
        """Return a figure as a number for all variants, or as an array."""
        if name not in self._known:
            self._known[name] = self._figure(name)
        return self._known[name]

    def _figure(self, name: str) -> Any:
        if name == "output":
            return self._output()
        if self._whole is not None:
            value = self._whole.value(name)
            return values_at(value, self._slices)
        out = np.zeros(self.size, bool if name == "fits" else np.int64)
        for part in self._parts:
            part.fill(self.block, name, out)
        return out.reshape(self.shape)

    def _output(self) -> Any:
        ranks = {len(part.figures["output"]) for part in self._parts if "output" in part.figures}
        if len(ranks) > 1:
            return None
        return tuple(self.figure(f"output {n}") for n in range(max(ranks, default=0)))

    def _size_of(self, condition: Any) -> int:
        """Return for how many variants a condition holds."""
        if isinstance(condition, (bool, np.bool_)):
            return self.size if condition else 0
        return int(np.count_nonzero(condition)) * self.size // int(condition.size)

    def add_to(self, kept: Kept) -> int:
        """Add the variants that meet the conditions; return how many they are."""
        asked = self.job.asked
        slow = set(asked.one_by_one)
        quick = [one for one in asked.where if slow.isdisjoint(one.names)]
        holds = self._fits
        if quick:
            holds = holds & self._holds(quick)
        later = [one for one in asked.where if one not in quick]
        matching = self._size_of(holds)
        if matching == 0 or kept.is_full and not later:
            return matching
        order = asked.sort
        if order and not later and self._is_beyond(kept.limit, order):
            return matching
        if kept.limit is not None and order and order.name not in slow and not later:
            holds = holds & (sortable(self._key(order.name), order.largest_first) <= kept.limit)
        at = np.flatnonzero(np.broadcast_to(holds, self.shape))
        rows = self._rows(at)
        if asked.is_slow:
            rows.figures.update(self.job.one_by_one.figures(rows.numbers, asked.one_by_one))
        if later:
            rows = rows.taken(np.array([_meets(self.job, rows, n) for n in range(len(at))], bool))
            matching = len(rows)
        kept.add(rows)
        return matching

    def _is_beyond(self, limit: Any, order: Order) -> bool:
        """Return whether no variant of this block can be among the first ones."""
        value = None if limit is None or self._whole is None else self._whole.value(order.name)
        ends = value.ends_at(self._slices) if isinstance(value, Terms) else None
        if ends is None:
            return False
        return bool(-ends[1] > limit if order.largest_first else ends[0] > limit)

    def _holds(self, conditions: Sequence[Any]) -> Any:
        """Return where conditions hold, on arrays; if that cannot be, one variant at a time."""
        names = {name for one in conditions for name in one.names}
        try:
            values = {name: self._operand(name) for name in names}
            found = decided(conditions, values)
        except Split:
            rows = self._rows(np.arange(self.size))
            each = [_meets(self.job, rows, n, conditions) for n in range(self.size)]
            return np.array(each, bool).reshape(self.shape)
        return found.values if isinstance(found, Many) else found

    def _operand(self, name: str) -> Any:
        """Return a figure or a value that varies, as an expression takes it."""
        if name in self.job.columns:
            return self._column(self.job.columns[name])
        if name not in FIGURES:
            return tuple(
                self._column(one) if isinstance(one, Column) else one
                for one in self.job.list_of(name)
            )
        found = self.figure(name)
        if isinstance(found, tuple):
            return tuple(map(_many, found))
        return _many(found)

    def _column(self, column: Column) -> Any:
        r = self.block[column.axis]
        return column.at(np.arange(r.start, r.stop), column.axis, len(self.shape))

    def _key(self, name: str) -> Any:
        """Return what a figure or a value that varies is sorted by."""
        if name not in self.job.columns:
            return self.figure(name)
        column = self.job.columns[name]
        r = self.block[column.axis]
        shape = [1] * len(self.shape)
        shape[column.axis] = len(r)
        listed = [column.values[n] for n in r]
        return sortable(_objects(listed), False).reshape(shape)

    def _rows(self, at: Array) -> Rows:
        """Return the variants at these positions, with what is shown of them."""
        asked = self.job.asked
        names = [name for name in asked.figures if name not in asked.one_by_one]
        order = [*asked.pareto, *((asked.sort,) if asked.sort else ())]
        names += [one.name for one in order if one.name in self.job.columns]
        places = np.unravel_index(at, self.shape)
        start = int(np.ravel_multi_index([r.start for r in self.block], self.job.grid.shape))
        figures = {name: self._taken(name, at, places) for name in dict.fromkeys(names)}
        return Rows(start + at, figures)

    def _taken(self, name: str, at: Array, places: Sequence[Array]) -> Array:
        found = self._key(name) if name in self.job.columns else self.figure(name)
        if name == "output":
            if found is None:
                return self._outputs(at)
            sizes = [self._picked(size, at, places).tolist() for size in found]
            return _objects(list(zip(*sizes)) if sizes else [()] * len(at))
        return self._picked(found, at, places)

    def _outputs(self, at: Array) -> Array:
        """Return the output shapes where they have different ranks."""
        found: Array = np.full(self.size, None, object)
        for part in self._parts:
            alone = Block(self.job, [part], [range(0)] * len(self.block), self.block)
            shape = alone.figure("output")
            own = np.flatnonzero(alone.figure("fits").ravel())
            sizes = [np.broadcast_to(size, self.shape).ravel()[own].tolist() for size in shape]
            for n, values in zip(own.tolist(), zip(*sizes)):
                found[n] = values
        return found[at]

    def _picked(self, values: Any, at: Array, places: Sequence[Array]) -> Array:
        if np.ndim(values) == 0:
            return np.full(len(at), values)
        if len(at) == self.size:
            return np.broadcast_to(values, self.shape).ravel()
        index = tuple(
            place if n > 1 else np.zeros_like(place) for n, place in zip(values.shape, places)
        )
        found: Array = values[index]
        return found


class Points(Block):
    """Variants that are single points of a grid, as a block with one axis."""

    def __init__(self, job: Job, counted: Sequence[Part], numbers: Array, indices: Sequence[Array]):
        self._numbers, self._indices = numbers, indices
        self._found = [part.population.find(indices) for part in counted]
        block = [range(int(numbers[0]), int(numbers[0]) + len(numbers))]
        super().__init__(job, counted, [range(0)], block)

    def _figure(self, name: str) -> Any:
        if name == "output":
            return self._output()
        out = np.zeros(self.size, bool if name == "fits" else np.int64)
        for part, (kept, positions) in zip(self._parts, self._found):
            out[kept] = values_at_points(part.value(name), positions)
        return out

    def _column(self, column: Column) -> Any:
        return column.at(self._indices[column.axis], 0, 1)

    def _key(self, name: str) -> Any:
        if name not in self.job.columns:
            return self.figure(name)
        column = self.job.columns[name]
        keys = sortable(_objects(column.values), False)
        return keys[self._indices[column.axis]]

    def failed(self) -> Iterator[Failed]:
        """Yield why variants are no networks."""
        for part, (kept, positions) in zip(self._parts, self._found):
            for path, where, _ in part.failures:
                wrong = np.broadcast_to(values_at_points(where, positions), kept.shape)
                if wrong.any():
                    example = int(self._numbers[kept[int(wrong.argmax())]])
                    yield Failed(path, int(np.count_nonzero(wrong)), example)


def _many(value: Any) -> Any:
    """Return an array as open values; one that all share as it is."""
    if isinstance(value, np.ndarray):
        return Many(value) if value.size > 1 else value.flat[0].item()
    return value


def _objects(values: Sequence[Any]) -> Array:
    found = np.empty(len(values), object)
    for n, value in enumerate(values):
        found[n] = value
    return found


def _meets(job: Job, rows: Rows, n: int, conditions: Sequence[Any] | None = None) -> bool:
    """Return whether one variant meets the conditions; a figure that is unknown meets none."""
    settings = job.grid.settings(int(rows.numbers[n]))
    values: dict[str, Any] = {**settings, **of_parameters(job.specs[0], None, {}, settings)[0]}
    for name, figures in rows.figures.items():
        if name not in values:
            value = figures[n]
            values[name] = value.item() if isinstance(value, np.generic) else value
    asked = job.asked.where if conditions is None else conditions
    read = {name for one in asked for name in one.names if name in rows.figures}
    if any(values[name] is None or isinstance(values[name], AtLeast) for name in read):
        return False
    return bool(decided(asked, values))
