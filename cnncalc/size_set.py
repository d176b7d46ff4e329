"""SizeSet: sizes that meet conditions, such as all N ≡ 12 mod 16 from 188 on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, takewhile
from math import lcm
from typing import NamedTuple

Span = tuple[int, int | None]  # first and last size of a residue class; None: it goes on forever

_MOST_EARLY = 1000  # sizes outside a pattern that are listed


class Pattern(NamedTuple):
    """A set in words: the `early` sizes, and from `start` on all with these residues mod `modulus`.

    If no size is beyond all limits, there are no residues, and `early` has all sizes.
    """

    modulus: int
    residues: tuple[int, ...]
    start: int | None
    early: tuple[int, ...]


class SizeSet:
    """A set of positive sizes: of each residue class mod `modulus`, those from a first to a last.

    The intersection of two such sets is one again.
    """

    __slots__ = ("spans",)

    def __init__(self, spans: Sequence[Span | None]):
        m = len(spans)
        positive = [span and (span[0] or m, span[1]) for span in spans]
        self.spans = tuple([span if span and _holds(*span) else None for span in positive])

    @staticmethod
    def all() -> SizeSet:
        """Return all positive sizes."""
        return SizeSet([(1, None)])

    @property
    def modulus(self) -> int:
        """Return the number of residue classes."""
        return len(self.spans)

    def goes_on(self, n: int) -> bool:
        """Return whether there is no largest size among those that are n mod the modulus."""
        span = self.spans[n % self.modulus]
        return span is not None and span[1] is None

    def __contains__(self, n: int) -> bool:
        span = self.spans[n % self.modulus]
        return span is not None and span[0] <= n and (span[1] is None or n <= span[1])

    def __bool__(self) -> bool:
        return any(self.spans)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SizeSet) and self.pattern == other.pattern

    __hash__ = None  # type: ignore[assignment]  # nobody needs it

    def __and__(self, other: SizeSet) -> SizeSet:
        m = lcm(self.modulus, other.modulus)
        return SizeSet([_common(r, m, self, other) for r in range(m)])

    @property
    def smallest(self) -> int | None:
        """Return the smallest size; None if there is none."""
        return min((span[0] for span in self.spans if span), default=None)

    def from_(self, n: int) -> Iterator[int]:
        """Yield the sizes from n on, in order."""
        found = self.beyond(n)
        while found is not None:
            yield found
            found = self.beyond(found + 1)

    def up_to(self, n: int) -> int | None:
        """Return the largest size that is at most n; None if there is none."""
        found: list[int] = []
        for r, span in enumerate(self.spans):
            if span:
                last = n if span[1] is None else min(n, span[1])
                last -= (last - r) % self.modulus
                if last >= span[0]:
                    found.append(last)
        return max(found, default=None)

    def beyond(self, n: int) -> int | None:
        """Return the smallest size that is at least n; None if there is none."""
        found: list[int] = []
        for r, span in enumerate(self.spans):
            if span:
                first = max(n, span[0])
                first += (r - first) % self.modulus
                if span[1] is None or first <= span[1]:
                    found.append(first)
        return min(found, default=None)

    @property
    def pattern(self) -> Pattern:
        """Return the set in the simplest words."""
        filled = [span for span in self.spans if span]
        residues = [span[0] % self.modulus for span in filled if span[1] is None]
        d = _period(residues, self.modulus)
        kept = frozenset(r % d for r in residues)
        if not kept:
            return Pattern(1, (), None, tuple(islice(self.from_(1), _MOST_EARLY)))
        bound = max(span[0] - self.modulus if span[1] is None else span[1] for span in filled) + 1
        start = self.beyond(bound)
        early = islice(takewhile(lambda n: n < bound, self.from_(1)), _MOST_EARLY)
        return Pattern(d, tuple(sorted(kept)), start, tuple(early))


def _holds(first: int, last: int | None) -> bool:
    """Return whether a span holds any size."""
    return last is None or first <= last


def _common(r: int, m: int, a: SizeSet, b: SizeSet) -> Span | None:
    """Return the sizes that are r mod m in both sets."""
    one, other = a.spans[r % a.modulus], b.spans[r % b.modulus]
    if one is None or other is None:
        return None
    first = max(one[0], other[0])
    ends = [span[1] for span in (one, other) if span[1] is not None]
    last = min(ends, default=None)
    return first + (r - first) % m, None if last is None else last - (last - r) % m


def _period(residues: Sequence[int], m: int) -> int:
    """Return the smallest divisor of m with which the residues repeat."""
    kept = frozenset(residues)
    for d in range(1, m + 1):
        if m % d == 0 and all((r + d) % m in kept for r in residues):
            return d
    return m
