"""QuasiLinear: integer functions of one size, such as 2·⌊(N + 1)/4⌋ − 3, and where they are ≥ 0.

Such a function is linear in steps: f(N) = slope·⌊N/m⌋ + table[N mod m]. Sums, multiples and floors
of such functions have this form again, for a larger modulus m. So everything that layers ask of a
size can be solved: each condition is an interval of sizes in each residue class.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import Any

from .num import NoFormula
from .size_set import SizeSet, Span

MAX_MODULUS = 2**16


class QuasiLinear:
    """The function slope·⌊N/m⌋ + table[N mod m] of a size N, where the table has m entries.

    There are at most `most` entries, also in what is computed from it.
    """

    __slots__ = ("most", "slope", "table")

    def __init__(self, slope: int, table: Sequence[int], most: int = MAX_MODULUS):
        self.slope = slope
        self.table = tuple(table)
        self.most = most

    @staticmethod
    def size(most: int = MAX_MODULUS) -> QuasiLinear:
        """Return the size N itself."""
        return QuasiLinear(1, (0,), most)

    @property
    def modulus(self) -> int:
        """Return m."""
        return len(self.table)

    def at(self, n: int) -> int:
        """Return the value at a size."""
        return self.slope * (n // self.modulus) + self.table[n % self.modulus]

    def stretched(self, modulus: int) -> QuasiLinear:
        """Return the same function for a multiple of its modulus.

        Errors: NoFormula if that is too large to list.
        """
        m = self.modulus
        if modulus == m:
            return self
        if modulus > self.most:
            raise NoFormula(f"sizes repeat only every {modulus:,} positions")
        times = modulus // m
        table = [value + self.slope * q for q in range(times) for value in self.table]
        return self._with(self.slope * times, table)

    def _with(self, slope: int, table: Sequence[int]) -> QuasiLinear:
        return QuasiLinear(slope, table, self.most)

    def __add__(self, other: Any) -> QuasiLinear:
        if not isinstance(other, QuasiLinear):
            return self._with(self.slope, [value + other for value in self.table])
        m = lcm(self.modulus, other.modulus)
        a, b = self.stretched(m), other.stretched(m)
        return self._with(a.slope + b.slope, [x + y for x, y in zip(a.table, b.table)])

    def __mul__(self, factor: Any) -> QuasiLinear:
        if isinstance(factor, QuasiLinear):
            raise NoFormula("a product of two sizes is not linear")
        return self._with(self.slope * factor, [value * factor for value in self.table])

    __radd__, __rmul__ = __add__, __mul__

    def __sub__(self, other: Any) -> QuasiLinear:
        negative: QuasiLinear | int = other * -1
        return self + negative

    def __floordiv__(self, divisor: int) -> QuasiLinear:
        """Return ⌊self/divisor⌋ for a positive divisor: it must divide the slope."""
        f = self.stretched(self.modulus * (divisor // gcd(self.slope, divisor)))
        return self._with(f.slope // divisor, [value // divisor for value in f.table])

    def positive_or_zero(self) -> SizeSet:
        """Return the sizes at which it is 0 or more."""
        return SizeSet([self._rising(r, value) for r, value in enumerate(self.table)])

    def _rising(self, r: int, value: int) -> Span | None:
        """Return where slope·q + value ≥ 0 among the sizes m·q + r."""
        m, slope = self.modulus, self.slope
        if slope > 0:
            return m * max(-(value // slope), 0) + r, None
        if slope < 0:
            return (r, m * (value // -slope) + r) if value >= 0 else None
        return (r, None) if value >= 0 else None

    def zero(self) -> SizeSet:
        """Return the sizes at which it is 0."""
        return SizeSet([self._zero(r, value) for r, value in enumerate(self.table)])

    def _zero(self, r: int, value: int) -> Span | None:
        """Return where slope·q + value = 0 among the sizes m·q + r."""
        if self.slope == 0:
            return (r, None) if value == 0 else None
        if value % self.slope or -value // self.slope < 0:
            return None
        n = self.modulus * (-value // self.slope) + r
        return n, n

    def line_on(self, sizes: SizeSet) -> tuple[Fraction, Fraction] | None:
        """Return (a, b) if it is a·N + b on all sizes of a set that goes on forever; else None."""
        m = lcm(self.modulus, sizes.modulus)
        f = self.stretched(m)
        a = Fraction(f.slope, m)
        kept = {f.table[r] - a * r for r in range(m) if sizes.goes_on(r)}
        return (a, kept.pop()) if len(kept) == 1 else None
