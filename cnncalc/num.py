"""Num: the arithmetic in which the rules of operators are written.

A rule runs on Python ints (one network), on numpy int64 arrays (many at once) and on the symbols
of `poly` (formulas), without asking which. So a rule uses only ``+ - *``, and ``//`` by positive
values of the configuration, and never compares sizes.

The values of a spec's expressions are Num too. They may compare: a comparison of an `Open` number
is a condition, which `choose` takes; whoever asks for its truth makes a decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import floor, prod
from typing import TYPE_CHECKING, Any

Num = Any  # int | numpy int64 array | many.Many | poly.Poly
Shape = tuple[Num, ...]  # (C, *spatial)


class NoFormula(Exception):
    """What symbols cannot express: a rule needs the number itself."""


class Open:
    """A number, word or condition that is not one value: values of many variants, or a symbol.

    `bool`, `int`, `float` and `one` of it are decisions: an array returns the value that its
    members share or asks for a split, a symbol may record what it assumed. It has the operators of
    a number that make sense for it; `/` is exact, and `math.floor`, `math.ceil` and `round` work.
    """

    __slots__ = ()
    is_condition = False

    if TYPE_CHECKING:

        def __lt__(self, other: Any) -> Any: ...
        def __le__(self, other: Any) -> Any: ...
        def __gt__(self, other: Any) -> Any: ...
        def __ge__(self, other: Any) -> Any: ...
        def __truediv__(self, other: Any) -> Any: ...
        def __pow__(self, exponent: int) -> Any: ...
        def __floor__(self) -> Any: ...
        def __round__(self, digits: int = 0) -> Any: ...
        def __int__(self) -> int: ...

    @property
    def has_symbols(self) -> bool:
        """Whether the value depends on symbols, so that comparing it takes a decision."""
        return False

    def equals(self, other: Any) -> Any:
        """Return the condition that another value is the same."""
        return self == other

    def one(self) -> Any:
        """Return the value as a plain one, if it is one; a symbol returns itself."""
        return self

    def __format__(self, spec: str) -> str:
        """Return the text that `str` gives: how to write a number says nothing about it."""
        return str(self)

    def ceil_sqrt(self) -> Any:
        """Return the smallest whole numbers whose squares are at least these whole numbers.

        Errors: NoFormula for a symbol.
        """
        raise NoFormula(f"a square root of {self} is not a polynomial")

    def choose(self, a: Any, b: Any) -> Any:
        """Return a where this condition holds, else b."""
        return a if self else b

    def ends(self) -> tuple[Any, Any]:
        """Return the smallest and the largest value; None where it is not known."""
        return None, None

    def is_within(self, limit: int) -> bool:
        """Return whether it is a number from -limit to limit, or no number."""
        return True

    def total(self, values: Sequence[Num]) -> Num:
        """Return the sum of values, of which this is one."""
        return sum(values)


def choose(condition: Any, a: Any, b: Any) -> Any:
    """Return a where the condition holds, else b."""
    if isinstance(condition, Open):
        return condition.choose(a, b)
    return a if condition else b


def equals(a: Any, b: Any) -> Any:
    """Return whether two values are equal, which is a condition if one of them is open."""
    if isinstance(a, Open) or not isinstance(b, Open):
        return a.equals(b) if isinstance(a, Open) else a == b
    return b.equals(a)


def total(values: Sequence[Num]) -> Num:
    """Return the sum of values, which may be of different kinds."""
    for value in values:
        if isinstance(value, Open):
            return value.total(values)
    return sum(values)


def is_open(value: Any) -> bool:
    """Return whether an `Open` value is in a value, which may be a nested list."""
    if type(value) is tuple:
        return any(map(is_open, value))
    return isinstance(value, Open)


product = prod  # works on ints, arrays and symbols; 1 if there are no factors


def ceil_div(n: Num, s: int) -> Num:
    """Return ⌈n / s⌉ for a positive s."""
    return (n + s - 1) // s


_LARGEST = 10**7  # sizes up to this are scaled by a formula as float64 scales them


def scaled(n: Num, scale: Fraction) -> Num:
    """Return ⌊n·scale⌋ as torch computes it: scale and product are rounded to float64.

    Errors: NoFormula for a symbol if the product may be rounded up to a whole number, as 90·0.7 is
    not, and 10·0.7 is: the float is a little below 7/10. Then no formula says when. Other formulas
    are right for sizes up to 10⁷.

    Source: torch.nn.functional.interpolate with `scale_factor`.

    >>> scaled(90, Fraction(7, 10)), scaled(80, Fraction(7, 10)), scaled(7, Fraction(3, 2))
    (62, 56, 10)
    """
    factor = float(scale)
    if isinstance(n, int):
        return floor(n * factor)
    if hasattr(n, "floored"):  # an array
        return n.floored(factor)
    if hasattr(n, "astype"):  # an array of numpy
        return (n * factor).astype("int64")
    ratio = _as_rounded(factor)
    return n * ratio.numerator // ratio.denominator


def _as_rounded(factor: float) -> Fraction:
    """Return a ratio r so that ⌊n·r⌋ is ⌊n·factor⌋ in float64 for whole n up to _LARGEST.

    Rounding goes wrong if it reaches a whole number k from below: if k/n is above the factor, by
    at most a half of the float's last digit.

    Errors: NoFormula if that may be.
    """
    exact = Fraction(factor)
    half = exact / 2**53
    if _simplest(exact, exact + half).denominator <= _LARGEST:
        raise NoFormula(f"a size times {factor:g} depends on how float64 rounds")
    near = _simplest(exact - 2 * half, exact)
    alike = near == exact or _simplest(near, exact).denominator > _LARGEST
    return near if alike else exact


def _simplest(low: Fraction, high: Fraction) -> Fraction:
    """Return the fraction with the smallest denominator in (low, high], for 0 < low < high."""
    whole = floor(low) + 1
    if whole <= high:
        return Fraction(whole)
    # 1/x is in [1/high, 1/low) of what is left; its own simplest one is found in turn
    low, high = low - whole + 1, high - whole + 1
    return whole - 1 + 1 / _simplest_from(1 / high, 1 / low if low else None)


def _simplest_from(low: Fraction, high: Fraction | None) -> Fraction:
    """Return the fraction with the smallest denominator in [low, high); without end if None."""
    whole = -floor(-low)
    if high is None or whole < high:
        return Fraction(whole)
    low, high = low - whole + 1, high - whole + 1
    return whole - 1 + 1 / _simplest(1 / high, 1 / low)


def slide(
    n: Num, k: int, s: int = 1, lo: int = 0, hi: int = 0, d: int = 1, ceil: bool = False
) -> Num:
    """Count the positions of a window along an axis: ⌊(n + lo + hi − d(k−1) − 1)/s⌋ + 1.

    With `ceil`, round up instead, but drop a last window that would start in the padding after
    the input: (out − 1)·s < n + lo.

    Source: `ceil_mode` of torch.nn.MaxPool2d.

    >>> slide(227, 11, 4), slide(7, 3, 3), slide(7, 3, 3, ceil=True)
    (55, 2, 3)
    """
    return (n + slide_offset(k, s, lo, hi, d, ceil)) // s


def slide_offset(k: int, s: int, lo: int, hi: int, d: int, ceil: bool) -> int:
    """Return the constant a for which a window has ⌊(n + a)/s⌋ positions on every size n."""
    reach = lo + hi - d * (k - 1)
    return min(reach + 2 * s - 2, lo + s - 1) if ceil else reach + s - 1
