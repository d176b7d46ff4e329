"""Poly: integers written in symbols, such as ⌊(H − 1)/2⌋ + 1.

A Poly is a polynomial with integer coefficients over atoms. An atom is the name of a symbol, or a
floor ``⌊p/m⌋``. Nested floors are merged, ⌊(⌊a/s⌋ + b)/t⌋ = ⌊(a + b·s)/(s·t)⌋, and multiples of m
are moved out of the floor, so the sizes of a chain of windows need only one floor.

`/` in a spec gives a PolyRatio: a Poly over a whole number.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, prod
from operator import index
from typing import Any

from . import notation
from .decisions import Comparison, Decisions, Symbol, depends_on
from .num import NoFormula, Num, Open


class Floor:
    """The atom ⌊p/m⌋."""

    __slots__ = ("_hash", "_text", "m", "p")

    def __init__(self, p: Poly, m: int):
        self.p, self.m = p, m
        self._hash = hash((p, m))
        self._text = ""

    def __eq__(self, other: object) -> bool:
        return self is other or isinstance(other, Floor) and (self.p, self.m) == (other.p, other.m)

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        if not self._text:
            self._text = notation.floor_text(self)
        return self._text


Monomial = tuple["str | Floor", ...]  # atoms, sorted by their text, repeated for powers


class Poly(Open):
    """An integer polynomial: `{monomial: coefficient}`, without zero coefficients."""

    __slots__ = ("_hash", "terms")
    __array_ufunc__ = None  # makes numpy leave mixed arithmetic to this class

    def __init__(self, terms: dict[Monomial, int]):
        self.terms = {m: c for m, c in terms.items() if c}
        self._hash: int | None = None

    @staticmethod
    def symbol(name: str, decisions: Decisions | None = None, unit: int = 1) -> Poly:
        """Return the symbol with this name; `decisions` decide where it is compared."""
        atom = Symbol(name)
        atom.decisions, atom.unit = decisions, unit
        return Poly({(atom,): 1})

    @staticmethod
    def of(value: Any) -> Poly:
        """Return a number as a polynomial, and a polynomial as it is."""
        if isinstance(value, Poly):
            return value
        if isinstance(value, Fraction) and value.denominator == 1:
            value = value.numerator
        return Poly({(): index(value)})

    @property
    def constant(self) -> int | None:
        """Return the value, or None if it depends on a symbol."""
        if not self.terms:
            return 0
        return self.terms.get(()) if len(self.terms) == 1 else None

    @property
    def has_symbols(self) -> bool:
        """Whether the value depends on symbols."""
        return self.constant is None

    @property
    def symbols(self) -> frozenset[str]:
        """Return the names of the symbols in it, also of those inside floors."""
        found: set[str] = set()
        for monomial in self.terms:
            for atom in monomial:
                found |= {atom} if isinstance(atom, str) else atom.p.symbols
        return frozenset(found)

    def __add__(self, other: Any) -> Any:
        if type(other) is int and other == 0:
            return self
        if isinstance(other, Fraction):
            return ratio(self * other.denominator + other.numerator, other.denominator)
        if not isinstance(other, (int, Poly)):
            return NotImplemented
        total = dict(self.terms)
        for m, c in Poly.of(other).terms.items():
            total[m] = total.get(m, 0) + c
        return Poly(total)

    def total(self, values: Sequence[Num]) -> Poly:
        """Return the sum of values, of which this is one."""
        if len(values) == 1:
            return self
        total: dict[Monomial, int] = {}
        for value in values:
            for m, c in Poly.of(value).terms.items():
                total[m] = total.get(m, 0) + c
        return Poly(total)

    def __mul__(self, other: Any) -> Any:
        if type(other) is int:
            if other == 1:
                return self
            return Poly({m: c * other for m, c in self.terms.items()})
        if isinstance(other, Fraction):
            return ratio(self * other.numerator, other.denominator)
        if not isinstance(other, (int, Poly)):
            return NotImplemented
        total: dict[Monomial, int] = {}
        for m, c in self.terms.items():
            for n, e in Poly.of(other).terms.items():
                key = tuple(sorted(m + n, key=str)) if m and n else m or n
                total[key] = total.get(key, 0) + c * e
        return Poly(total)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Poly:
        return Poly({m: -c for m, c in self.terms.items()})

    def __sub__(self, other: Any) -> Any:
        return self + other * -1

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __pow__(self, exponent: int) -> Poly:
        if exponent < 0:
            raise NoFormula(f"{self} is in a denominator")
        return prod([self] * exponent, start=Poly.of(1))

    def __truediv__(self, divisor: Any) -> Any:
        """Return the quotient: a polynomial, or one over a whole number."""
        if isinstance(divisor, Fraction):
            return ratio(self * divisor.denominator, divisor.numerator)
        return ratio(self, index(divisor))

    def __rtruediv__(self, dividend: Any) -> Any:
        raise NoFormula(f"{self} is in a denominator")

    __rfloordiv__ = __rmod__ = __rtruediv__

    def __mod__(self, divisor: Any) -> Any:
        return self - self // divisor * divisor

    def __floor__(self) -> Poly:
        return self

    __ceil__ = __floor__

    def __round__(self, digits: int = 0) -> Poly:
        return self

    def __floordiv__(self, divisor: Any) -> Any:
        """Return ⌊self/divisor⌋ for a positive int; multiples of it move out of the floor.

        A divisor with symbols must divide the polynomial.
        """
        if isinstance(divisor, Poly) and divisor.constant is None:
            return self._quotient(divisor)
        if isinstance(divisor, Fraction):
            return self * divisor.denominator // divisor.numerator
        m = int(divisor)
        if m == 1:
            return self
        if m <= 0:
            raise ValueError(f"a floor needs a positive divisor, not {m}")
        outside = {k: c // m for k, c in self.terms.items()}
        inside = {k: c % m for k, c in self.terms.items()}
        rest = Poly(inside)
        if rest.constant is not None:
            return Poly(outside) + rest.constant // m
        # ⌊(g·a + b)/(g·t)⌋ = ⌊(a + ⌊b/g⌋)/t⌋
        g = gcd(m, *(c for k, c in inside.items() if k))
        rest, m = Poly({k: c // g for k, c in inside.items()}), m // g
        if m == 1:
            return Poly(outside) + rest
        base, b, s = rest._single_floor()
        if base is None:
            return Poly(outside) + Poly({(Floor(rest, m),): 1})
        return Poly(outside) + (base + b * s) // (s * m)

    def _quotient(self, divisor: Poly) -> Poly:
        """Return self/divisor for a divisor of one term that divides each term, or for itself.

        Errors: NoFormula for another divisor.
        """
        if self == divisor:
            return Poly.of(1)
        found: dict[Monomial, int] = {}
        ((atoms, factor),) = divisor.terms.items() if len(divisor.terms) == 1 else [((), 0)]
        for monomial, c in self.terms.items():
            rest = list(monomial)
            if factor <= 0 or c % factor or any(rest.count(a) < atoms.count(a) for a in atoms):
                raise NoFormula(f"{self} is divided by {divisor}")
            for atom in atoms:
                rest.remove(atom)
            found[tuple(rest)] = c // factor
        return Poly(found)

    def _single_floor(self) -> tuple[Poly | None, Poly, int]:
        """Return (a, b, s) if this is ⌊a/s⌋ + b, where b has no floors, else (None, 0, 1)."""
        floors = [m for m in self.terms if any(isinstance(atom, Floor) for atom in m)]
        if len(floors) == 1 and len(floors[0]) == 1 and self.terms[floors[0]] == 1:
            (atom,) = floors[0]
            if isinstance(atom, Floor):
                rest = {m: c for m, c in self.terms.items() if m != floors[0]}
                return atom.p, Poly(rest), atom.m
        return None, Poly({}), 1

    def at(self, **values: Any) -> Any:
        """Return the value, with ints or arrays in place of the symbols."""
        total: Any = 0
        for monomial, c in self.terms.items():
            term: Any = c
            for atom in monomial:
                if isinstance(atom, str):
                    term = term * values[atom]
                else:
                    term = term * (atom.p.at(**values) // atom.m)
            total = total + term
        return total

    def __index__(self) -> int:
        """Return the value of a constant.

        Errors: NoFormula if it depends on a symbol.
        """
        if self.constant is None:
            raise NoFormula(depends_on(self.symbols))
        return self.constant

    __int__ = __index__

    def __ge__(self, other: Any) -> Any:
        return _comparison(self - other, 0)

    def __le__(self, other: Any) -> Any:
        return _comparison(other - self, 0)

    def __gt__(self, other: Any) -> Any:
        return _comparison(self - other, 1)

    def __lt__(self, other: Any) -> Any:
        return _comparison(other - self, 1)

    def equals(self, other: Any) -> Comparison | bool:
        """Return the condition that another number is the same; False for what is no number."""
        if not isinstance(other, (int, Fraction, Open)) or isinstance(other, bool):
            return False
        return Comparison(numerator(self - other), equal=True)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Poly):
            return self is other or self.terms == other.terms
        return isinstance(other, int) and self.terms == Poly.of(other).terms

    def __hash__(self) -> int:
        if self._hash is None:
            constant = self.constant
            self._hash = hash(frozenset(self.terms.items()) if constant is None else constant)
        return self._hash

    def ordered(self) -> list[tuple[Monomial, int]]:
        """Return the terms: those with most factors first, and the coarsest floors last."""
        return sorted(self.terms.items(), key=lambda term: _order(term[0]))

    def __str__(self) -> str:
        return notation.text(self)

    __repr__ = __str__


def numerator(value: Any) -> Poly:
    """Return what is divided in a number: a polynomial of the same sign."""
    found: Poly = value if isinstance(value, Poly) else value.numerator
    return found


def _comparison(difference: Any, least: int) -> Comparison:
    """Return the condition that a difference is 0 or more (`least` is 0), or above 0 (1)."""
    return Comparison(numerator(difference) - least, equal=False)


def _order(atoms: Monomial) -> tuple[Any, ...]:
    """Return what terms are sorted by."""
    coarseness = [atom.m if isinstance(atom, Floor) else 1 for atom in atoms]
    return -len(atoms), coarseness, list(map(str, atoms))


def ratio(numerator: Poly, denominator: int) -> Poly | PolyRatio:
    """Return numerator/denominator in lowest terms: a polynomial where that is whole."""
    if denominator == 0:
        raise ZeroDivisionError
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    common = gcd(denominator, *numerator.terms.values())
    reduced = Poly({m: c // common for m, c in numerator.terms.items()})
    return reduced if denominator == common else PolyRatio(reduced, denominator // common)


def parts(value: Any) -> tuple[Poly, int]:
    """Return a number as a polynomial, and what that is divided by."""
    if isinstance(value, PolyRatio):
        return value.numerator, value.denominator
    if isinstance(value, Fraction):
        return Poly.of(value.numerator), value.denominator
    return Poly.of(value), 1


class PolyRatio(Open):
    """The fraction numerator / denominator, with a denominator of 2 or more."""

    __slots__ = ("denominator", "numerator")

    def __init__(self, numerator: Poly, denominator: int):
        self.numerator, self.denominator = numerator, denominator

    def __str__(self) -> str:
        return f"({self.numerator})/{self.denominator}"

    def __add__(self, other: Any) -> Any:
        p, d = parts(other)
        return ratio(self.numerator * d + p * self.denominator, self.denominator * d)

    def __mul__(self, other: Any) -> Any:
        p, d = parts(other)
        return ratio(self.numerator * p, self.denominator * d)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Any:
        return self * -1

    def __sub__(self, other: Any) -> Any:
        return self + other * -1

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __truediv__(self, other: Any) -> Any:
        p, d = parts(other)
        return ratio(self.numerator * d, self.denominator * int(p))

    def __floordiv__(self, other: Any) -> Any:
        quotient = self / other
        return quotient.__floor__()

    def __floor__(self) -> Poly:
        floor: Poly = self.numerator // self.denominator
        return floor

    def __ceil__(self) -> Poly:
        ceiling: Poly = -(-self.numerator // self.denominator)
        return ceiling

    def __round__(self, digits: int = 0) -> Poly:
        """Return the nearest whole number; halves go to the even one, which is a decision."""
        if digits:
            raise NoFormula(f"{self} is rounded to {digits} digits")
        twice, d = self.numerator * 2 + self.denominator, 2 * self.denominator
        near = twice // d
        is_half = (twice - near * d).equals(0)
        is_odd = is_half and (near - near // 2 * 2).equals(1)
        nearest: Poly = near - 1 if is_odd else near
        return nearest

    @property
    def is_whole(self) -> Comparison | bool:
        """The condition that the value is a whole number."""
        rest: Poly = self.numerator - self.__floor__() * self.denominator
        return rest.equals(0)

    def __ge__(self, other: Any) -> Comparison:
        return numerator(self - other) >= 0  # type: ignore[no-any-return]  # a comparison

    def __le__(self, other: Any) -> Comparison:
        return numerator(other - self) >= 0  # type: ignore[no-any-return]  # a comparison

    def __gt__(self, other: Any) -> Comparison:
        return numerator(self - other) > 0  # type: ignore[no-any-return]  # a comparison

    def __lt__(self, other: Any) -> Comparison:
        return numerator(other - self) > 0  # type: ignore[no-any-return]  # a comparison

    def equals(self, other: Any) -> Comparison | bool:
        """Return the condition that another number is the same; False for what is no number."""
        if not isinstance(other, (int, Fraction, Open)) or isinstance(other, bool):
            return False
        return Comparison(numerator(self - other), equal=True)
