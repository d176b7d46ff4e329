"""A column: the values of a parameter, size or setting along one axis of a grid of variants."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np

from ...many.array import Many
from ...many.ratio import ratio
from ...many.split import Split

Array = np.ndarray[Any, Any]
_LARGEST = 2**62


class Column:
    """Values of one kind, or of several kinds that are counted apart."""

    def __init__(self, axis: int, values: Sequence[Any]):
        self.axis = axis  # of the grid
        self.values = values
        self._held: _Numbers | _Words | _Lists | _Kinds = _held(values)

    def __len__(self) -> int:
        return len(self.values)

    def at(self, indices: Array, place: int, axes: int) -> Any:
        """Return the values at some indices, as an array along axis `place` of so many axes.

        A value that all of them share is returned as it is.

        Errors: Split if they are of kinds that no array can hold together.
        """
        shape = [1] * axes
        shape[place] = len(indices)
        return self._held.at(indices, tuple(shape))


class _Numbers:
    """Whole numbers and fractions over one denominator."""

    def __init__(self, numerators: Array, denominator: int = 1):
        self.numerators, self.denominator = numerators, denominator

    def at(self, indices: Array, shape: tuple[int, ...]) -> Any:
        found = self.numerators[indices]
        first = int(found[0])
        if (found == first).all():
            return _exact(Fraction(first, self.denominator))
        return ratio(Many(found.reshape(shape)), self.denominator)


class _Words:
    """Words, or values that are true or false."""

    def __init__(self, values: Array):
        self.values = values

    def at(self, indices: Array, shape: tuple[int, ...]) -> Any:
        found = self.values[indices]
        if (found == found[0]).all():
            return found[0].item()
        return Many(found.reshape(shape))


class _Lists:
    """Lists of equal length, entry by entry."""

    def __init__(self, values: Sequence[tuple[Any, ...]]):
        self.entries = [_held(entry) for entry in zip(*values)]

    def at(self, indices: Array, shape: tuple[int, ...]) -> Any:
        return tuple(entry.at(indices, shape) for entry in self.entries)


class _Kinds:
    """Values of several kinds, each in its own place."""

    def __init__(self, values: Sequence[Any], kinds: list[Any]):
        numbers = {kind: n for n, kind in enumerate(dict.fromkeys(kinds))}
        self.kinds = np.array([numbers[kind] for kind in kinds])
        self.places = np.zeros(len(values), np.int64)
        self.held: list[Any] = []
        for kind, n in numbers.items():
            indices = np.flatnonzero(self.kinds == n)
            self.places[indices] = np.arange(len(indices))
            listed = [values[m] for m in indices.tolist()]
            self.held.append(listed[0] if kind is None or kind[0] == "huge" else _held(listed))

    def at(self, indices: Array, shape: tuple[int, ...]) -> Any:
        kinds = self.kinds[indices]
        if (kinds != kinds[0]).any():
            raise Split(Many(kinds.reshape(shape)))
        held = self.held[kinds[0]]
        return held.at(self.places[indices], shape) if hasattr(held, "at") else held


def _held(values: Sequence[Any]) -> _Numbers | _Words | _Lists | _Kinds:
    if isinstance(values, range):
        return _Numbers(np.arange(values.start, values.stop, values.step, dtype=np.int64))
    if isinstance(values, np.ndarray):
        return _Numbers(values)
    kinds = list(map(_kind, values))
    if len(set(kinds)) > 1 or kinds[0] is None:
        return _Kinds(values, kinds)
    if kinds[0] == "number":
        denominator = lcm(*(value.denominator for value in values))
        found = [value.numerator * (denominator // value.denominator) for value in values]
        if max(map(abs, found)) <= _LARGEST and denominator <= _LARGEST:
            return _Numbers(np.array(found, np.int64), denominator)
        return _Kinds(values, [("huge", n) for n in range(len(values))])
    return _Lists(values) if isinstance(kinds[0], tuple) else _Words(np.array(values))


def _kind(value: Any) -> Any:
    """Return what is equal for values that one array can hold; None for `none`."""
    if isinstance(value, bool):
        return "condition"
    if isinstance(value, (int, Fraction)):
        return "number"
    if isinstance(value, str):
        return "word"
    if isinstance(value, tuple):
        return ("list", *map(_kind, value))
    return None


def _exact(value: Fraction) -> int | Fraction:
    return value.numerator if value.denominator == 1 else value
