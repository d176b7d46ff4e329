"""Poly: integers written in symbols, such as ⌊(H − 1)/2⌋ + 1.

A polynomial with integer coefficients over atoms. An atom is the name of a symbol, or a floor
``⌊p/m⌋``. Nested floors collapse, ⌊(⌊a/s⌋ + b)/t⌋ = ⌊(a + b·s)/(s·t)⌋, and multiples of m leave
the floor, so the sizes of a chain of windows stay one floor deep.
"""

from __future__ import annotations

from math import gcd
from operator import index
from typing import Any, NamedTuple


class Floor(NamedTuple):
    """The atom ⌊p/m⌋."""

    p: Poly
    m: int

    def __str__(self) -> str:
        inner = str(self.p)
        return f"⌊({inner})/{self.m}⌋" if " " in inner else f"⌊{inner}/{self.m}⌋"


Monomial = tuple["str | Floor", ...]  # atoms, sorted by their text, repeated for powers


class Poly:
    """An integer polynomial: `{monomial: coefficient}`, without zero coefficients."""

    __slots__ = ("terms",)
    __array_ufunc__ = None  # numpy must leave mixed arithmetic to us

    def __init__(self, terms: dict[Monomial, int]):
        self.terms = {m: c for m, c in terms.items() if c}

    @staticmethod
    def symbol(name: str) -> Poly:
        """Return the symbol of this name."""
        return Poly({(name,): 1})

    @staticmethod
    def of(value: Any) -> Poly:
        """Return a number as a polynomial; a polynomial as it is."""
        return value if isinstance(value, Poly) else Poly({(): index(value)})

    @property
    def constant(self) -> int | None:
        """The value, or None if it depends on a symbol."""
        if not self.terms:
            return 0
        return self.terms.get(()) if len(self.terms) == 1 else None

    def __add__(self, other: Any) -> Poly:
        total = dict(self.terms)
        for m, c in Poly.of(other).terms.items():
            total[m] = total.get(m, 0) + c
        return Poly(total)

    def __mul__(self, other: Any) -> Poly:
        total: dict[Monomial, int] = {}
        for m, c in self.terms.items():
            for n, e in Poly.of(other).terms.items():
                key = tuple(sorted(m + n, key=str))
                total[key] = total.get(key, 0) + c * e
        return Poly(total)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Poly:
        return self * -1

    def __sub__(self, other: Any) -> Poly:
        return self + -Poly.of(other)

    def __rsub__(self, other: Any) -> Poly:
        return Poly.of(other) - self

    def __floordiv__(self, divisor: Any) -> Poly:
        """Return ⌊self/divisor⌋ for a positive int; what divides evenly leaves the floor."""
        m = int(divisor)
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

    def _single_floor(self) -> tuple[Poly | None, int, int]:
        """Return (a, b, s) if this is ⌊a/s⌋ + b, else (None, 0, 1)."""
        symbols = [m for m in self.terms if m]
        if len(symbols) == 1 and len(symbols[0]) == 1 and self.terms[symbols[0]] == 1:
            atom = symbols[0][0]
            if isinstance(atom, Floor):
                return atom.p, self.terms.get((), 0), atom.m
        return None, 0, 1

    def at(self, **values: Any) -> Any:
        """Return the value with ints or arrays put in for the symbols."""
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

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (int, Poly)) and self.terms == Poly.of(other).terms

    def __hash__(self) -> int:
        return hash(frozenset(self.terms.items()) if self.constant is None else self.constant)

    def __str__(self) -> str:
        text = ""
        for monomial, c in sorted(self.terms.items(), key=lambda t: (not t[0], str(t[0]))):
            minus, plus = (" − ", " + ") if text else ("−", "")
            factors = [str(atom) for atom in monomial]
            if abs(c) != 1 or not factors:
                factors.insert(0, str(abs(c)))
            text += (minus if c < 0 else plus) + "·".join(factors)
        return text or "0"

    __repr__ = __str__
