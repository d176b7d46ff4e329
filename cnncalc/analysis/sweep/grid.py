"""The grid of a sweep: its axes, and which settings a variant has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...diagnostic import Diagnostic, Mistake, misspelled
from ..counting.columns import Array, Column

BOX, CHUNK, BLOCK = 2**26, 2**19, 2**16  # variants that are expanded, returned, computed at once
FEW = 2**6  # variants of a chunk whose figures are found one by one
LONGEST = 2**16  # positions of an axis of a box
_MARKED = 2**28  # variants of which those that are drawn are marked
_LIST = 2**10  # variants from which a list is taken apart
MOST = 10**11


class Axis(NamedTuple):
    """Names that vary together, and the values of each."""

    names: tuple[str, ...]
    values: tuple[Sequence[Any], ...]


class Place(NamedTuple):
    """A chunk: a block of variants in a row, in the box that is expanded for it."""

    box: tuple[range, ...]
    block: tuple[range, ...]
    leads: bool  # whether it is the first of its box


class Grid:
    """All combinations of values, the last axis fastest; or variants drawn from them at random."""

    def __init__(self, axes: Sequence[Axis], drawn: Array | None = None):
        self.axes = list(axes)
        self.drawn = drawn  # the numbers of the variants, if they are not all
        self.shape = tuple(_length(axis) for axis in axes) if drawn is None else (len(drawn),)

    def __len__(self) -> int:
        return prod(self.shape)

    @property
    def names(self) -> list[str]:
        """The names that vary, in order."""
        return [name for axis in self.axes for name in axis.names]

    def columns(self) -> dict[str, Column]:
        """Return the values of each name as a column of the grid of all combinations."""
        return {
            name: Column(n, values)
            for n, axis in enumerate(self.axes)
            for name, values in zip(axis.names, axis.values)
        }

    @property
    def lengths(self) -> tuple[int, ...]:
        """The number of values on each axis."""
        return tuple(map(_length, self.axes))

    def indices(self, numbers: Array) -> tuple[Array, ...]:
        """Return the index of variants on each axis, by their numbers."""
        if self.drawn is not None:
            numbers = self.drawn[numbers]
        return np.unravel_index(numbers, self.lengths)

    def settings(self, number: int) -> dict[str, Any]:
        """Return the value of each name for a variant, by its number in the grid."""
        if self.drawn is not None:
            number = int(self.drawn[number])
        found = {}
        for axis in reversed(self.axes):
            number, at = divmod(number, _length(axis))
            found.update({name: values[at] for name, values in zip(axis.names, axis.values)})
        return {name: found[name] for name in self.names}

    def listed(self, numbers: Array) -> dict[str, list[Any]]:
        """Return the values of each name for variants, by their numbers in the grid."""
        found = {}
        for axis, indices in zip(self.axes, self.indices(numbers)):
            for name, values in zip(axis.names, axis.values):
                found[name] = [values[n] for n in indices.tolist()]
        return found

    def arrays(self, numbers: Array) -> dict[str, Array]:
        """Return the same as arrays: of whole numbers where all are, else of objects."""
        return {
            name: values[indices]
            for axis, indices in zip(self.axes, self.indices(numbers))
            for name, values in zip(axis.names, map(_array, axis.values))
        }

    def places(self, chunk: int = CHUNK) -> Iterator[Place]:
        """Yield the chunks in order, each of at most so many variants."""
        whole = tuple(map(range, self.shape))
        most, longest = (BOX, LONGEST) if self.drawn is None else (BOX, BOX)
        for box in cut(whole, most, longest):
            for n, block in enumerate(cut(box, chunk, chunk)):
                yield Place(box, block, n == 0)


def cut(box: Sequence[range], most: int, longest: int) -> Iterator[tuple[range, ...]]:
    """Yield the parts of a box in order, each of at most so many variants in a row."""
    kept, size = len(box), 1
    while kept and len(box[kept - 1]) <= longest and size * len(box[kept - 1]) <= most:
        kept -= 1
        size *= len(box[kept])
    if kept == 0:
        yield tuple(box)
        return
    step = max(1, min(most // size, longest))
    axis = box[kept - 1]
    for before in _points(box[: kept - 1]):
        for start in range(axis.start, axis.stop, step):
            part = range(start, min(start + step, axis.stop))
            yield (*before, part, *box[kept:])


def _points(axes: Sequence[range]) -> Iterator[tuple[range, ...]]:
    if not axes:
        yield ()
        return
    for before in _points(axes[:-1]):
        for n in axes[-1]:
            yield (*before, range(n, n + 1))


def _array(values: Sequence[Any]) -> Array:
    if isinstance(values, range):
        return np.arange(values.start, values.stop, values.step)
    if all(type(value) is int for value in values):
        return np.array(values, np.int64)
    if all(isinstance(value, (int, Fraction)) and value is not True for value in values):
        return np.array([float(value) for value in values])
    found = np.empty(len(values), object)
    for n, value in enumerate(values):
        found[n] = value
    return found


def _length(axis: Axis) -> int:
    return len(axis.values[0])


def make_grid(
    over: Iterable[tuple[tuple[str, ...], Sequence[Any]]],
    together: Iterable[Sequence[str]] = (),
    random: int | None = None,
    seed: int = 0,
) -> Grid:
    """Return the grid of names and values.

    Accepts:
        over: names that have the same values, and the values.
        together: names whose values are taken in step, one by one.
        random: how many variants to draw from all combinations; None: all of them.
        seed: where the drawing begins.

    Errors: a Mistake for a name that is given twice or not at all, for lists in step that have
    different lengths, and for too many variants.
    """
    listed = list(over)
    _refuse_twice([name for names, _ in listed for name in names])
    axes = [Axis(names, (values,) * len(names)) for names, values in listed]
    for names in together:
        axes = _zipped(axes, names)
    total = prod(map(_length, axes))
    if random is None:
        if total > MOST:
            help = "use larger steps, or draw some with --random N"
            message = f"these are {total:,} variants; a sweep has at most {MOST:,}"
            raise Mistake(Diagnostic("CNN111", message, help=help))
        return _apart(axes) if len(axes) == 1 else Grid(axes)
    if total >= 2**63:
        message = f"--random draws from fewer than 2⁶³ variants, not from {total:,}"
        raise Mistake(Diagnostic("CNN111", message, help="use larger steps"))
    return Grid(axes, _drawn(total, random, seed))


def _apart(axes: list[Axis]) -> Grid:
    """Return the grid; a long list of variants as points of the grid of their distinct values."""
    (axis,) = axes
    if len(axis.names) == 1 or _length(axis) < _LIST:
        return Grid(axes)
    own, at = [], []
    for name, values in zip(axis.names, axis.values):
        places = {value: n for n, value in enumerate(dict.fromkeys(values))}
        own.append(Axis((name,), (list(places),)))
        at.append(np.array([places[value] for value in values], np.int64))
    lengths = [_length(one) for one in own]
    if prod(lengths) >= 2**63:
        return Grid(axes)
    return Grid(own, np.ravel_multi_index(at, lengths))


def _drawn(total: int, count: int, seed: int) -> Array:
    """Return different numbers below `total` in increasing order; all, if there are no more."""
    if count >= total:
        return np.arange(total)
    draw = np.random.Generator(np.random.PCG64(seed))
    if total > _MARKED:
        return np.sort(draw.choice(total, count, replace=False, shuffle=False))
    marked = np.zeros(total, bool)
    missing = count
    while missing > 0:
        marked[draw.integers(total, size=missing)] = True
        missing = count - int(np.count_nonzero(marked))
    return np.flatnonzero(marked)


def _zipped(axes: list[Axis], names: Sequence[str]) -> list[Axis]:
    """Return the axes, with those of some names as one, in the place of the first."""
    own = [axis for axis in axes if not set(axis.names).isdisjoint(names)]
    known = [name for axis in axes for name in axis.names]
    for name in names:
        if name not in known and name.partition("[")[0] not in known:
            fault = Diagnostic("CNN111", f"--zip names `{name}`, which has no --over")
            raise Mistake(misspelled(fault, name, known, f"write --over {name}=…"))
    lengths = {_length(axis) for axis in own}
    if len(lengths) > 1:
        counts = ", ".join(f"{axis.names[0]} {_length(axis):,}" for axis in own)
        message = f"--zip takes lists of equal length: {counts} values"
        raise Mistake(Diagnostic("CNN111", message))
    joined = Axis(
        tuple(name for axis in own for name in axis.names),
        tuple(values for axis in own for values in axis.values),
    )
    first = axes.index(own[0])
    others = [axis for axis in axes if axis not in own]
    return [*others[:first], joined, *others[first:]]


def _refuse_twice(names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise Mistake(Diagnostic("CNN111", f"--over {name} is given twice"))


def check_names(grid: Grid, known: Mapping[str, str], file: str) -> None:
    """Refuse a name that is neither a parameter, nor an axis, nor a setting.

    Errors: a Mistake that names the nearest.
    """
    for name in grid.names:
        if name not in known and name.partition("[")[0] not in known:
            fault = Diagnostic("CNN111", f"--over {name}: {file} has no parameter `{name}`")
            otherwise = f"a sweep can vary {', '.join(known)}"
            raise Mistake(misspelled(fault, name, known, otherwise))
