"""Terms: a sum of products of arrays that depend on different axes, kept as it is.

The cost of a network over a grid is Σ channels(width)·height(H)·width(W). As long as nobody asks
for its values, it takes the memory of the axes, not of their product.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..num import Open
from .array import SEVERAL, Many
from .bounds import LIMIT, MOST_VALUES
from .others import Others
from .split import Overflow, TooWide


class Term(NamedTuple):
    """A product of a whole number and arrays that depend on different axes."""

    coefficient: int
    factors: tuple[Many, ...]

    def times(self, other: Term) -> Term:
        """Return the product; factors on common axes become one."""
        factors = list(self.factors)
        for factor in other.factors:
            for common in [f for f in factors if not f.wide.isdisjoint(factor.wide)]:
                factors.remove(common)
                factor = factor * common
            factors.append(factor)
        return Term(self.coefficient * other.coefficient, tuple(factors))

    def most(self) -> int:
        """Return what no variant's value is beyond."""
        ends = (max(abs(factor.low), abs(factor.high)) for factor in self.factors)
        return abs(self.coefficient) * prod(ends)


class Terms(Open):
    """A sum of products; a term without factors is a constant."""

    __array_ufunc__ = None

    def __init__(self, terms: Sequence[Term]):
        self.terms = [term for term in terms if term.coefficient]
        if self._most() > LIMIT:
            for factor in {id(f): f for term in terms for f in term.factors}.values():
                factor.tighten()
            if self._most() > LIMIT:
                raise Overflow

    @staticmethod
    def of(value: Any) -> Terms:
        """Return a whole number as a sum."""
        if isinstance(value, Terms):
            return value
        if not isinstance(value, Many):
            return Terms([Term(int(value), ())])
        if not value.wide:
            return Terms([Term(int(value.one()), ())])
        return Terms([Term(1, (Many(value.numbers) if value.is_condition else value,))])

    @staticmethod
    def sum_of(values: Iterable[Any]) -> Any:
        """Return the sum, with few terms."""
        return Terms(_collected([term for value in values for term in Terms.of(value).terms]))

    def _most(self) -> int:
        return sum(term.most() for term in self.terms)

    def is_within(self, limit: int) -> bool:
        return self._most() <= limit or bool(self <= limit) and bool(self >= -limit)

    @cached_property
    def _values(self) -> Any:
        axes = max((f.values.ndim for term in self.terms for f in term.factors), default=0)
        if not axes:
            return sum(term.coefficient for term in self.terms)
        return Many(self.at([slice(None)] * axes))

    def ceil_sqrt(self) -> Any:
        return self.dense().ceil_sqrt()

    def dense(self) -> Any:
        """Return the values of all variants in one array.

        Errors: TooWide if they are too many.
        """
        shapes = [factor.values.shape for term in self.terms for factor in term.factors]
        shape = np.broadcast_shapes(*shapes)
        if int(np.prod(shape, dtype=float)) > MOST_VALUES:
            raise TooWide(shape)
        return self._values

    def at(self, axes: Sequence[Any]) -> np.ndarray[Any, Any]:
        """Return the values at some positions of each axis: slices, or arrays of positions."""
        found: Any = 0
        for coefficient, factors in self.terms:
            product: Any = coefficient
            for factor in sorted(factors, key=lambda f: f.values.size):
                part = taken(factor.values, axes)
                product = part if type(product) is int and product == 1 else product * part
            found = product if type(found) is int and found == 0 else found + product
        return np.asarray(found)

    def ends_at(self, axes: Sequence[Any]) -> tuple[int, int] | None:
        """Return bounds of the values at some positions of each axis; None for negative factors."""
        low = high = 0
        for coefficient, factors in self.terms:
            smallest = largest = coefficient
            for factor in factors:
                part = taken(factor.values, axes)
                smallest, largest = smallest * int(part.min()), largest * int(part.max())
                if factor.low < 0 or coefficient < 0:
                    return None
            low, high = low + smallest, high + largest
        return low, high

    def at_points(self, places: Sequence[Any]) -> np.ndarray[Any, Any]:
        """Return the values at single points: `places` has their positions on each axis."""
        found: Any = 0
        for coefficient, factors in self.terms:
            product: Any = coefficient
            for factor in factors:
                product = picked(factor.values, places) * product
            found = product + found
        return np.asarray(found)

    def total(self, values: Sequence[Any]) -> Any:
        return Terms.sum_of(values)

    def one(self) -> Any:
        """Return the value that all variants share.

        Errors: Split where they do not.
        """
        dense = self.dense()
        return dense.one() if isinstance(dense, Many) else dense

    def ends(self) -> tuple[Any, Any]:
        dense = self.dense()
        return dense.ends() if isinstance(dense, Many) else (dense, dense)

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, (int, Many, Terms)):
            return self.dense() + other
        return Terms([*self.terms, *Terms.of(other).terms])

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, (int, Many, Terms)):
            return self.dense() * other
        more = Terms.of(other)
        return Terms([a.times(b) for a in self.terms for b in more.terms])

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Any:
        return self * -1

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __bool__(self) -> bool:
        return bool(self.one())

    def __index__(self) -> int:
        return int(self.one())

    __int__ = __index__

    def __float__(self) -> float:
        return float(self.one())

    def __str__(self) -> str:
        return SEVERAL

    def __floor__(self) -> Any:
        return self

    __ceil__ = __floor__

    def __eq__(self, other: Any) -> Any:
        return self is other or self.dense() == _dense(other)

    def __ne__(self, other: Any) -> Any:
        return self is not other and self.dense() != _dense(other)

    __hash__ = object.__hash__


def _of_values(name: str) -> Any:
    def method(self: Terms, *given: Any) -> Any:
        return getattr(self.dense(), name)(*map(_dense, given))

    return method


for _name in ("lt", "le", "gt", "ge", "floordiv", "rfloordiv", "mod", "rmod", "truediv"):
    setattr(Terms, f"__{_name}__", _of_values(f"__{_name}__"))
for _name in ("rtruediv", "pow", "round"):
    setattr(Terms, f"__{_name}__", _of_values(f"__{_name}__"))


def taken(values: np.ndarray[Any, Any], axes: Sequence[Any]) -> np.ndarray[Any, Any]:
    """Return the values at some positions of each axis on which they depend."""
    for axis, at in enumerate(axes):
        if values.shape[axis] == 1:
            continue
        if isinstance(at, slice):
            values = values[(slice(None),) * axis + (at,)]
        else:
            values = np.take(values, at, axis)
    return values


def picked(values: np.ndarray[Any, Any], places: Sequence[Any]) -> np.ndarray[Any, Any]:
    """Return the values at single points: `places` has their positions on each axis."""
    wide = [axis for axis, n in enumerate(values.shape) if n > 1]
    if not wide:
        return values.reshape(-1)
    narrow = values.reshape([n for n in values.shape if n > 1])
    found: np.ndarray[Any, Any] = narrow[tuple(places[axis] for axis in wide)]
    return found


def _dense(value: Any) -> Any:
    return value.dense() if isinstance(value, Terms) else value


def _collected(terms: list[Term]) -> list[Term]:
    """Add terms that agree in all factors but one, as long as that leaves fewer."""
    while True:
        best: dict[Any, list[_Apart]] = {}
        fewest = len(terms)
        for wide in {factor.wide for term in terms for factor in term.factors}:
            groups: dict[Any, list[_Apart]] = {}
            for term in terms:
                apart = _apart(term, wide)
                groups.setdefault(tuple(f.key for f in apart.others), []).append(apart)
            if len(groups) < fewest:
                best, fewest = groups, len(groups)
        if fewest == len(terms):
            return terms
        terms = list(map(_added, best.values()))


class _Apart(NamedTuple):
    """A term as a product of what depends on certain axes, and the other factors."""

    own: Any
    others: tuple[Many, ...]


def _apart(term: Term, wide: frozenset[int]) -> _Apart:
    own = [factor for factor in term.factors if factor.wide == wide]
    others = [factor for factor in term.factors if factor.wide != wide]
    others.sort(key=lambda factor: sorted(factor.wide))
    return _Apart(own[0] * term.coefficient if own else term.coefficient, tuple(others))


def _added(group: list[_Apart]) -> Term:
    found: Any = group[0].own
    for own, _ in group[1:]:
        found = found + own
    others = group[0].others
    return Term(1, (found, *others)) if isinstance(found, Many) else Term(found, others)


Others.product = lambda a, b: Terms.of(a) * b
Others.total = Terms.sum_of
