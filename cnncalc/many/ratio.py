"""Ratio: an exact fraction with a value for each variant, and the choice between two values."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from math import gcd
from typing import Any

import numpy as np

from ..num import Open
from .array import SEVERAL, Many, settled
from .others import Others
from .split import Split


class Ratio(Open):
    """A fraction num / den with den > 0; one denominator for all variants where there is one."""

    __array_ufunc__ = None

    def __init__(self, num: Any, den: Any):
        self.numerator, self.denominator = num, den

    def one(self) -> Any:
        """Return the value that all variants share.

        Errors: Split where they do not.
        """
        num, den = int(_one(self.numerator)), int(_one(self.denominator))
        return Fraction(num, den)

    def ends(self) -> tuple[Any, Any]:
        num, den = _dense(self.numerator), self.denominator
        if isinstance(den, int):
            low, high = num.ends() if isinstance(num, Many) else (num, num)
            return Fraction(low, den), Fraction(high, den)
        pairs = np.broadcast_arrays(_plain(num), den.values)
        found = [Fraction(int(n), int(d)) for n, d in zip(*(a.ravel() for a in pairs))]
        return min(found), max(found)

    def is_within(self, limit: int) -> bool:
        fine = self.denominator <= limit
        return bool(fine) and bool(self <= limit) and bool(self >= -limit)

    @property
    def is_whole(self) -> Any:
        """The condition that the value is a whole number."""
        return self.numerator % self.denominator == 0

    def __bool__(self) -> bool:
        return bool(self.numerator)

    def __int__(self) -> int:
        return int(self.one())

    def __float__(self) -> float:
        return float(self.one())

    def __str__(self) -> str:
        return SEVERAL

    def __add__(self, other: Any) -> Any:
        num, den = _parts(other)
        top = self.numerator * den + num * self.denominator
        return lowest(top, self.denominator * den)

    def __mul__(self, other: Any) -> Any:
        num, den = _parts(other)
        return lowest(self.numerator * num, self.denominator * den)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Any:
        return Ratio(-self.numerator, self.denominator)

    def __pos__(self) -> Any:
        return self

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __truediv__(self, other: Any) -> Any:
        return quotient(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return quotient(other, self)

    def __floordiv__(self, other: Any) -> Any:
        num, den = _parts(other)
        return (self.numerator * den) // (self.denominator * num)

    def __rfloordiv__(self, other: Any) -> Any:
        num, den = _parts(other)
        return (num * self.denominator) // (den * self.numerator)

    def __mod__(self, other: Any) -> Any:
        return self - other * (self // other)

    def __rmod__(self, other: Any) -> Any:
        return other - self * (other // self)

    def __pow__(self, exponent: int) -> Any:
        result: Any = 1
        for _ in range(abs(exponent)):
            result = self * result
        return result if exponent >= 0 else quotient(1, result)

    def __floor__(self) -> Any:
        return self.numerator // self.denominator

    def __ceil__(self) -> Any:
        return -(-self.numerator // self.denominator)

    def __round__(self, digits: int = 0) -> Any:
        return rounded(self, digits)

    def __lt__(self, other: Any) -> Any:
        return self._compared(operator.lt, other)

    def __le__(self, other: Any) -> Any:
        return self._compared(operator.le, other)

    def __gt__(self, other: Any) -> Any:
        return self._compared(operator.gt, other)

    def __ge__(self, other: Any) -> Any:
        return self._compared(operator.ge, other)

    def __eq__(self, other: Any) -> Any:
        return self is other or self._compared(operator.eq, other)

    def __ne__(self, other: Any) -> Any:
        return self is not other and self._compared(operator.ne, other)

    __hash__ = object.__hash__

    def _compared(self, compare: Callable[[Any, Any], Any], other: Any) -> Any:
        if not isinstance(other, (int, Fraction, Open)):
            return NotImplemented
        if isinstance(other, int):
            return self._compared_with_whole(compare, other)
        num, den = _parts(other)
        return compare(self.numerator * den, num * self.denominator)

    def _compared_with_whole(self, compare: Callable[[Any, Any], Any], n: int) -> Any:
        """Compare without a product, which might be too large."""
        if compare in (operator.lt, operator.ge):
            return compare(self.__floor__(), n)
        if compare in (operator.le, operator.gt):
            return compare(self.__ceil__(), n)
        equal = where(self.__floor__() == n, self.is_whole, False)
        return equal if compare is operator.eq else where(equal, False, True)


def ratio(num: Any, den: int) -> Any:
    """Return num / den, where num is a Many."""
    return lowest(num, den)


def lowest(num: Any, den: Any) -> Any:
    """Return a fraction in the lowest terms that all variants share; whole where all are."""
    num = _dense(num)
    if isinstance(num, int) and isinstance(den, int):
        found = Fraction(num, den)
        return found.numerator if found.denominator == 1 else found
    if isinstance(den, int):
        if den == 1:
            return num
        common = gcd(den, int(np.gcd.reduce(num.values, axis=None)))
        num, den = num // common, den // common
        return num if den == 1 else Ratio(num, den)
    common = np.gcd(_plain(num), den.values)
    num, den = Many(_plain(num) // common), Many(den.values // common)
    den.tighten()
    if den.low == den.high:
        return lowest(num, den.low)
    return Ratio(num, den)


def quotient(a: Any, b: Any) -> Any:
    """Return a / b, exactly.

    Errors: a ZeroDivisionError if all divisors are 0, Split if some are.
    """
    if not isinstance(a, (int, Fraction, Open)) or not isinstance(b, (int, Fraction, Open)):
        raise TypeError
    (num, den), (top, bottom) = _parts(a), _parts(b)
    if top == 0:
        raise ZeroDivisionError
    num, den = num * bottom, den * top
    sign = where(den < 0, -1, 1)
    return lowest(num * sign, den * sign)


def rounded(value: Any, digits: int = 0) -> Any:
    """Return the value rounded half to even, to a number of digits after the point."""
    if digits:
        scale = Fraction(10) ** digits
        return quotient(rounded(value * scale), scale)
    num, den = _parts(value)
    if isinstance(den, int) and den == 1:
        return num
    low = num // den
    twice = 2 * (num - low * den)
    up = where(twice == den, low % 2, where(twice > den, 1, 0))
    return low + up


def where(condition: Any, a: Any, b: Any) -> Any:
    """Return a where a condition holds, else b.

    Errors: Split for values that no array can hold together.
    """
    if not isinstance(condition, Many):
        return a if condition else b
    if a is b or type(a) is type(b) and not isinstance(a, Open) and a == b:
        return a
    kinds = {_kind(a), _kind(b)}
    if kinds == {"word"}:
        return Many(np.where(condition.values, _plain(a), _plain(b)))
    if kinds == {"condition"}:
        return settled(np.where(condition.values, _plain(a), _plain(b)))
    if not kinds <= {"whole", "fraction"}:
        raise Split(condition)
    if kinds == {"whole"}:
        low, high = zip(*(_ends(_dense(value)) for value in (a, b)))
        values = np.where(condition.values, _plain(_dense(a)), _plain(_dense(b)))
        return Many(values, min(low), max(high))
    (num, den), (top, bottom) = _parts(a), _parts(b)
    return lowest(where(condition, num * bottom, top * den), den * bottom)


def _kind(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)) or isinstance(value, Many) and value.is_condition:
        return "condition"
    if isinstance(value, str) or isinstance(value, Many) and value.values.dtype.kind in "UO":
        return "word"
    if isinstance(value, (Ratio, Fraction)):
        return "fraction"
    return "whole" if isinstance(value, (int, Open)) else "other"


def _ends(value: Any) -> tuple[int, int]:
    return (value.low, value.high) if isinstance(value, Many) else (value, value)


def _plain(value: Any) -> Any:
    return value.values if isinstance(value, Many) else value


def _dense(value: Any) -> Any:
    return value.dense() if hasattr(value, "dense") else value


def _one(value: Any) -> Any:
    return value.one() if isinstance(value, Many) else value


def _parts(value: Any) -> tuple[Any, Any]:
    """Return numerator and denominator."""
    if isinstance(value, (Ratio, Fraction)):
        return value.numerator, value.denominator
    return value, 1


Others.fraction = lambda value: Ratio(value, 1)
Others.quotient, Others.rounded, Others.where = quotient, rounded, where
