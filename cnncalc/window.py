"""Receptive fields: which positions of the input an output position can see, along one axis.

A `Map` says what one operator reads: output j reads ``taps[j mod P] + Q·⌊j/P⌋``, with P phases and
an advance of Q input positions per period. A convolution has one phase, and Q is its stride;
upsampling by two has two phases and Q = 1. A `Field` composes the maps down to the network's input.
It keeps the first and last position seen by each phase, which is exact for every chain and join of
such maps. Where no pattern repeats (branches whose strides differ meet, corners are aligned), a
`Listed` field holds what each position sees, for the sizes at hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import NamedTuple

MAX_PHASES, MAX_TAPS = 2**12, 2**15  # of a field that repeats; one with more is listed
MAX_POSITIONS = 2**13  # of a listed field
_MAX_ADVANCE = 10**18

Span = tuple[int, int] | None  # first and last position seen; None: nothing


class Unknown(NamedTuple):
    """What is not followed, and why."""

    reason: str


TOO_MANY = Unknown("it differs between more positions than are followed")


class Map(NamedTuple):
    """What an operator reads along one axis: sorted taps by phase, and the advance per period.

    With an advance of 0 it reads nothing beyond its phases: they are all the positions.
    """

    advance: int
    taps: tuple[Sequence[int], ...]

    @staticmethod
    def adaptive(n: int, out: int) -> Map | Unknown:
        """Windows of ⌊i·n/out⌋ … ⌈(i+1)·n/out⌉, with out/gcd phases."""
        g = gcd(n, out)
        if out // g > MAX_POSITIONS:
            return TOO_MANY
        taps = [range(i * n // out, -(-(i + 1) * n // out)) for i in range(out // g)]
        return Map(n // g, tuple(taps))

    @staticmethod
    def window(k: int, s: int = 1, lo: int = 0, d: int = 1) -> Map:
        """k taps, d apart, from −lo, that advance by s."""
        return Map(s, (range(-lo, d * (k - 1) - lo + 1, d),))


IDENTITY = Map(1, (range(1),))


class Field(NamedTuple):
    """What one axis of a layer sees of one axis of the input; positions may be in the padding.

    A span is the first and last position that a phase sees, or None where it sees nothing. With an
    advance of 0 all positions see the same.
    """

    advance: int = 1
    spans: tuple[Span, ...] = ((0, 0),)

    def through(self, reads: Map) -> Field | None:
        """The field of an operator that reads this one, or None if no short pattern repeats."""
        if reads is IDENTITY:
            return self
        if self.advance > _MAX_ADVANCE:
            return None
        inner, outer = len(self.spans), len(reads.taps)
        if inner == 1 and outer == 1:
            span, taps, step = self.spans[0], reads.taps[0], self.advance
            if span is None or not taps:
                return Field(step * reads.advance, (None,))
            seen = (span[0] + step * taps[0], span[1] + step * taps[-1])
            return Field(step * reads.advance, (seen,))
        if not reads.advance:
            return None
        turns = inner // gcd(inner, reads.advance)
        phases = outer * turns
        if phases > MAX_PHASES or phases * max(map(len, reads.taps)) > MAX_TAPS:
            return None
        spans: list[Span] = []
        for j in range(phases):
            start = reads.advance * (j // outer)
            spans.append(hull([self.at(start + tap) for tap in reads.taps[j % outer]]))
        return Field(self.advance * (reads.advance * turns // inner), tuple(spans))

    def at(self, j: int) -> Span:
        """The first and last input position that position j sees."""
        turn, phase = divmod(j, len(self.spans))
        span = self.spans[phase]
        return span and (span[0] + self.advance * turn, span[1] + self.advance * turn)

    def union(self, other: Field) -> Field | None:
        """What either sees, at a join; None if strides differ or no short pattern repeats."""
        if self == other:
            return self
        if self.stride != other.stride:
            return None
        phases = lcm(len(self.spans), len(other.spans))
        if phases > MAX_PHASES:
            return None
        spans = tuple(hull([self.at(j), other.at(j)]) for j in range(phases))
        return Field(self.advance * phases // len(self.spans), spans)

    @property
    def stride(self) -> Fraction | int:
        """How many input positions the field advances per output position."""
        if len(self.spans) == 1:
            return self.advance
        ratio = Fraction(self.advance, len(self.spans))
        return ratio.numerator if ratio.denominator == 1 else ratio

    @property
    def size(self) -> int:
        """How many positions the phase that sees most sees."""
        return _widest(self.spans)

    @property
    def padding(self) -> int:
        """How far the first output position that sees anything reaches before the input."""
        return _before_start(self.spans)

    @property
    def centre(self) -> Fraction | int:
        """The middle of what output position 0 sees, as an input position; the phases' mean."""
        if len(self.spans) == 1 and self.spans[0]:
            middle = Fraction(self.spans[0][0] + self.spans[0][1], 2)
        else:
            seen = [(phase, span) for phase, span in enumerate(self.spans) if span]
            turns, count = len(self.spans), max(len(seen), 1)
            ends = sum(lo + hi for _, (lo, hi) in seen)
            moved = self.advance * sum(phase for phase, _ in seen)
            middle = Fraction(turns * ends - 2 * moved, 2 * turns * count)
        return middle.numerator if middle.denominator == 1 else middle

    def clipped(self, n_in: int, n_out: int) -> int:
        """How many positions on the input itself the output position that sees most sees."""
        best, phases = 0, len(self.spans)
        for phase, span in enumerate(self.spans):
            last_turn = (n_out - 1 - phase) // phases
            if span is None or last_turn < 0:
                continue
            lo, hi = span
            turns = {0, last_turn}
            if self.advance:  # the most is seen there, or where an end crosses a border
                into, out_of = -lo // self.advance, (n_in - 1 - hi) // self.advance
                turns |= {into, into + 1, out_of, out_of + 1}
            for turn in turns:
                at = self.advance * min(max(turn, 0), last_turn)
                best = max(best, min(hi + at, n_in - 1) - max(lo + at, 0) + 1)
        return best


class Listed(NamedTuple):
    """What each position of an axis sees of one axis of the input, where no pattern repeats.

    Positions that do not exist see nothing.
    """

    spans: tuple[Span, ...]

    def at(self, j: int) -> Span:
        """The first and last input position that position j sees."""
        return self.spans[j] if 0 <= j < len(self.spans) else None

    @property
    def stride(self) -> None:
        """There is no one distance between what neighbours see."""
        return None

    @property
    def size(self) -> int:
        """How many positions the position that sees most sees."""
        return _widest(self.spans)

    @property
    def padding(self) -> int:
        """How far the first position that sees anything reaches before the input."""
        return _before_start(self.spans)

    @property
    def centre(self) -> Fraction | int:
        """The middle of what the first position that sees anything sees."""
        lo, hi = next((s for s in self.spans if s), (0, 0))
        return Fraction(lo + hi, 2) if (lo + hi) % 2 else (lo + hi) // 2

    def clipped(self, n_in: int, n_out: int) -> int:
        """How many positions on the input itself the position that sees most sees."""
        return max((min(s[1], n_in - 1) - max(s[0], 0) + 1 for s in self.spans if s), default=0)


def _widest(spans: Sequence[Span]) -> int:
    """How many positions the span that sees most sees."""
    return max((span[1] - span[0] + 1 for span in spans if span), default=0)


def _before_start(spans: Sequence[Span]) -> int:
    """How far the first span that sees anything reaches before the input."""
    return -next((span[0] for span in spans if span), 0)


def listed(below: Field | Listed, reads: Map, n: int) -> Field | Listed:
    """The field of the n positions of an operator that reads another field."""
    phases, spans = len(reads.taps), []
    for j in range(n):
        start = reads.advance * (j // phases)
        spans.append(hull([below.at(start + tap) for tap in reads.taps[j % phases]]))
    return settled(spans)


def listed_union(a: Field | Listed, b: Field | Listed, n: int) -> Field | Listed:
    """What either sees, of n positions."""
    return settled([hull([a.at(j), b.at(j)]) for j in range(n)])


def settled(spans: Sequence[Span]) -> Field | Listed:
    """The field of positions one by one; one that does not move where all see the same."""
    alike = len(set(spans)) == 1
    return Field(0, (spans[0],)) if alike else Listed(tuple(spans))


def all_seen(field: Field | Listed, n: int) -> Span:
    """What n positions see together."""
    period = len(field.spans)
    ends = {*range(min(period, n)), *range(max(n - period, 0), n)}  # nothing between sees more
    return hull([field.at(j) for j in ends])


def hull(spans: Sequence[Span]) -> Span:
    """Return the smallest span around those that see anything."""
    seen = [span for span in spans if span]
    if not seen:
        return None
    return min(span[0] for span in seen), max(span[1] for span in seen)
