"""Many: a whole number, condition or word with a value for each variant.

Bounds go with the values, and follow each operation.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from ..num import Open
from .bounds import DECIDED, LIMIT, MOST_VALUES, Bounds, extremes, fits, products
from .others import Others
from .split import Overflow, Split, TooWide, refuse_zero

SEVERAL = "…"  # stands for values in messages, which are made again for one variant
_KEYED = 2**16  # values up to which arrays are compared by what they hold


class Many(Open):
    """Values of all variants: int64, bool, or strings."""

    __array_ufunc__ = None  # makes numpy leave mixed arithmetic to this class

    def __init__(self, values: np.ndarray[Any, Any], low: int | None = None, high: int = 0):
        self.values = values
        if low is None:
            self.is_condition = values.dtype == bool
            low, high = (0, 1) if values.dtype.kind in "bUO" else extremes(values)
        self.low, self.high = low, high

    @cached_property
    def wide(self) -> frozenset[int]:
        """The axes on which the values depend."""
        return frozenset(axis for axis, n in enumerate(self.values.shape) if n > 1)

    @cached_property
    def key(self) -> Any:
        """What is equal for arrays of equal values, as long as they are short."""
        if self.values.size > _KEYED:
            return id(self)
        return self.values.shape, self.values.tobytes()

    def one(self) -> Any:
        """Return the value that all variants share.

        Errors: Split where they do not.
        """
        first = self.values.flat[0]
        if (self.values == first).all():
            return first.item() if isinstance(first, np.generic) else first
        raise Split(self)

    def tighten(self) -> None:
        """Set the bounds to the values that occur."""
        self.low, self.high = extremes(self.values)

    def ends(self) -> tuple[Any, Any]:
        self.tighten()
        return self.low, self.high

    def is_within(self, limit: int) -> bool:
        if self.is_condition or _is_words(self):
            return True
        return bool(self <= limit) and bool(self >= -limit)

    def total(self, values: Sequence[Any]) -> Any:
        return Others.total(values)

    def floored(self, factor: float) -> Many:
        """Return ⌊n·factor⌋, with the product in float64."""
        return Many(np.floor(self.values * factor).astype(np.int64))

    def ceil_sqrt(self) -> Many:
        below = np.maximum(self.numbers - 1, 0)
        root = np.sqrt(below).astype(np.int64)  # as near as a float is
        root += (root + 1) ** 2 <= below
        root -= root**2 > below
        return Many(np.where(self.numbers > 0, root + 1, 0))

    def __bool__(self) -> bool:
        return bool(self.one())

    def __index__(self) -> int:
        return operator.index(self.one())

    def __int__(self) -> int:
        return int(self.one())

    def __float__(self) -> float:
        return float(self.one())

    def __str__(self) -> str:
        return SEVERAL

    def __add__(self, other: Any) -> Any:
        if type(other) is int and other == 0 and not self.is_condition:
            return self
        low, high = _bounds(other)
        return _result(operator.add, self, other, lambda a, b, c, d: (a + c, b + d), low, high)

    def __sub__(self, other: Any) -> Any:
        if type(other) is int and other == 0 and not self.is_condition:
            return self
        low, high = _bounds(other)
        return _result(operator.sub, self, other, lambda a, b, c, d: (a - d, b - c), low, high)

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Any:
        if type(other) is int and other in (0, 1) and not self.is_condition:
            return self if other else 0
        low, high = _bounds(other)
        if isinstance(other, Many) and _apart(self, other):
            return Others.product(self, other)
        return _result(operator.mul, self, other, products, low, high)

    def __floordiv__(self, other: Any) -> Any:
        if type(other) is int:
            if other == 1 and not self.is_condition:
                return self
            if other > 0:
                values = self.numbers // other
                return Many(values, self.low // other, self.high // other)
        if not isinstance(other, (int, Many, Fraction)):
            return NotImplemented
        refuse_zero(other)
        most = max(abs(self.low), abs(self.high), 1)
        low, high = _bounds(other)
        return _result(operator.floordiv, self, other, lambda a, b, c, d: (-most, most), low, high)

    def __rfloordiv__(self, other: Any) -> Any:
        refuse_zero(self)
        if isinstance(other, Fraction):
            return other // Others.fraction(self)
        return Many(np.asarray(other // self.numbers))

    def __mod__(self, other: Any) -> Any:
        if not isinstance(other, (int, Many, Fraction)):
            return NotImplemented
        refuse_zero(other)
        low, high = _bounds(other)
        most = max(abs(low), abs(high))
        return _result(operator.mod, self, other, lambda a, b, c, d: (-most, most), low, high)

    def __rmod__(self, other: Any) -> Any:
        refuse_zero(self)
        if isinstance(other, Fraction):
            return other % Others.fraction(self)
        return Many(np.asarray(other % self.numbers))

    def __truediv__(self, other: Any) -> Any:
        return Others.quotient(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return Others.quotient(other, self)

    def __pow__(self, exponent: int) -> Any:
        result: Any = 1
        for _ in range(abs(exponent)):
            result = self * result
        return result if exponent >= 0 else 1 / result

    def __neg__(self) -> Any:
        return Many(-self.numbers, -self.high, -self.low)

    def __pos__(self) -> Any:
        return self

    __radd__, __rmul__ = __add__, __mul__

    def __floor__(self) -> Any:
        return self

    __ceil__ = __floor__

    def __round__(self, digits: int = 0) -> Any:
        return self if digits >= 0 else Others.rounded(self, digits)

    @property
    def numbers(self) -> np.ndarray[Any, Any]:
        """The values as integers, also those of a condition."""
        return self.values.astype(np.int64) if self.is_condition else self.values

    def __lt__(self, other: Any) -> Any:
        return _compared(operator.lt, self, other)

    def __le__(self, other: Any) -> Any:
        return _compared(operator.le, self, other)

    def __gt__(self, other: Any) -> Any:
        return _compared(operator.gt, self, other)

    def __ge__(self, other: Any) -> Any:
        return _compared(operator.ge, self, other)

    def __eq__(self, other: Any) -> Any:
        if self is other:
            return True
        return _compared(operator.eq, self, other)

    def __ne__(self, other: Any) -> Any:
        if self is other:
            return False
        return _compared(operator.ne, self, other)

    __hash__ = object.__hash__

    def choose(self, a: Any, b: Any) -> Any:
        """Return a where this condition holds, else b; conditions and numbers stay apart."""
        return Others.where(self, a, b)


def settled(condition: np.ndarray[Any, Any]) -> Any:
    """Return a condition as True or False if all variants agree."""
    count = np.count_nonzero(condition)
    if count in (0, condition.size):
        return bool(count)
    return Many(condition)


def _compared(compare: Callable[[Any, Any], Any], one: Many, other: Any) -> Any:
    if isinstance(other, Fraction):
        return compare(Others.fraction(one), other)
    if not isinstance(other, (int, Many, str)):
        if isinstance(other, Open):
            return NotImplemented
        return {operator.eq: False, operator.ne: True}.get(compare, NotImplemented)
    is_word = one.values.dtype.kind in "UO"
    if is_word is not (isinstance(other, str) or _is_words(other)):
        return {operator.eq: False, operator.ne: True}.get(compare, NotImplemented)
    if not is_word:
        known = DECIDED[compare](one.low, one.high, *_bounds(other))
        if known is not None:
            return known
    _check_width(one, other)
    return settled(np.asarray(compare(one.values, _values(other))))


def _is_words(value: Any) -> bool:
    return isinstance(value, Many) and value.values.dtype.kind in "UO"


def _result(
    operate: Callable[[Any, Any], Any],
    one: Many,
    other: Any,
    bounds: Callable[[int, int, int, int], Bounds],
    low: int,
    high: int,
) -> Any:
    """Return the values of an operation, or refuse it if they may be too large."""
    if isinstance(other, Fraction):
        return operate(Others.fraction(one), other)
    if not isinstance(other, (int, Many)):
        return NotImplemented
    _check_width(one, other)
    given = other.numbers if isinstance(other, Many) else other
    reached = bounds(one.low, one.high, low, high)
    if fits(reached):
        return Many(operate(one.numbers, given), *reached)
    # The largest factors may belong to different variants; floats show it well enough.
    about = np.abs(operate(one.numbers.astype(float), np.asarray(given, float)))
    beyond = settled(about > LIMIT)
    if beyond is False:
        return Many(operate(one.numbers, given))
    if beyond is True:
        raise Overflow
    raise Split(beyond)


def _bounds(value: Any) -> Bounds:
    if isinstance(value, Many):
        return value.low, value.high
    return (value, value) if isinstance(value, int) else (0, 0)


def _values(value: Any) -> Any:
    return value.values if isinstance(value, Many) else value


def _apart(one: Many, other: Many) -> bool:
    """Return whether both depend on axes, but on no common one."""
    return bool(one.wide) and bool(other.wide) and one.wide.isdisjoint(other.wide)


def _check_width(one: Many, other: Any) -> None:
    if isinstance(other, Many) and one.values.shape != other.values.shape:
        shape = np.broadcast_shapes(one.values.shape, other.values.shape)
        if int(np.prod(shape, dtype=float)) > MOST_VALUES:
            raise TooWide(shape)
