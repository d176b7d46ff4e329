"""Receptive fields: which positions of the input an output position can see, along one axis.

A `Map` says what one operator reads: output j reads ``taps[j mod P] + Q·⌊j/P⌋``, with P phases and
an advance of Q input positions per period. A convolution has one phase, and Q is its stride;
upsampling by two has two phases and Q = 1. A `Field` composes the maps down to the network's input.
It keeps the first and last position seen by each phase, which is exact for every chain and join of
such maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import NamedTuple

# A field with more is not followed: it is reported, and shown as the whole input.
MAX_PHASES, MAX_TAPS = 4096, 10**6


class Map(NamedTuple):
    """What an operator reads along one axis: sorted taps by phase, and the advance per period."""

    advance: int
    taps: tuple[Sequence[int], ...]

    @staticmethod
    def adaptive(n: int, out: int) -> Map:
        """Windows of ⌊i·n/out⌋ … ⌈(i+1)·n/out⌉, with out/gcd phases."""
        g = gcd(n, out)
        if out // g > MAX_PHASES:
            return UNKNOWN
        taps = [range(i * n // out, -(-(i + 1) * n // out)) for i in range(out // g)]
        return Map(n // g, tuple(taps))

    @staticmethod
    def window(k: int, s: int = 1, lo: int = 0, d: int = 1) -> Map:
        """k taps, d apart, from −lo, that advance by s."""
        return Map(s, (range(-lo, d * (k - 1) - lo + 1, d),))


IDENTITY = Map(1, (range(1),))
UNKNOWN = Map(1, ())  # too many phases to follow


class Field(NamedTuple):
    """What one axis of a layer sees of one axis of the input; positions may be in the padding.

    A span is the first and last position that a phase sees, or None where it sees nothing.
    """

    advance: int = 1
    spans: tuple[tuple[int, int] | None, ...] = ((0, 0),)

    def through(self, reads: Map) -> Field | None:
        """The field of an operator that reads this one, or None if it has too many phases."""
        if reads is IDENTITY:
            return self
        inner, outer = len(self.spans), len(reads.taps)
        if reads is UNKNOWN:
            return None
        if inner == 1 and outer == 1:
            span, taps, step = self.spans[0], reads.taps[0], self.advance
            if span is None or not taps:
                return Field(step * reads.advance, (None,))
            seen = (span[0] + step * taps[0], span[1] + step * taps[-1])
            return Field(step * reads.advance, (seen,))
        turns = inner // gcd(inner, reads.advance)
        phases = outer * turns
        if phases > MAX_PHASES or phases * max(map(len, reads.taps)) > MAX_TAPS:
            return None
        spans: list[tuple[int, int] | None] = []
        for j in range(phases):
            start = reads.advance * (j // outer)
            spans.append(hull([self.at(start + tap) for tap in reads.taps[j % outer]]))
        return Field(self.advance * (reads.advance * turns // inner), tuple(spans))

    def at(self, j: int) -> tuple[int, int] | None:
        """The first and last input position that position j sees."""
        turn, phase = divmod(j, len(self.spans))
        span = self.spans[phase]
        return span and (span[0] + self.advance * turn, span[1] + self.advance * turn)

    def union(self, other: Field) -> Field | None:
        """What either sees, at a join; None if strides differ or there are too many phases."""
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
        return max((s[1] - s[0] + 1 for s in self.spans if s), default=0)

    @property
    def padding(self) -> int:
        """How far the first output position that sees anything reaches before the input."""
        return -next((s[0] for s in self.spans if s), 0)

    @property
    def centre(self) -> Fraction | int:
        """The middle of what output position 0 sees, as an input position; the phases' mean."""
        if len(self.spans) == 1 and self.spans[0]:
            middle = Fraction(self.spans[0][0] + self.spans[0][1], 2)
        else:
            seen = [(phase, span) for phase, span in enumerate(self.spans) if span]
            middles = [Fraction(lo + hi, 2) - self.stride * phase for phase, (lo, hi) in seen]
            middle = Fraction(sum(middles), max(len(middles), 1))
        return middle.numerator if middle.denominator == 1 else middle

    def clipped(self, n_in: int, n_out: int) -> int:
        """How many positions on the input itself the output position that sees most sees."""
        best, phases = 0, len(self.spans)
        for phase, span in enumerate(self.spans):
            last_turn = (n_out - 1 - phase) // phases
            if span is None or last_turn < 0:
                continue
            lo, hi = span
            # The most is seen in the first or last turn, or where an end crosses a border.
            into, out_of = -lo // self.advance, (n_in - 1 - hi) // self.advance
            for turn in {0, last_turn, into, into + 1, out_of, out_of + 1}:
                at = self.advance * min(max(turn, 0), last_turn)
                best = max(best, min(hi + at, n_in - 1) - max(lo + at, 0) + 1)
        return best


def hull(spans: list[tuple[int, int] | None]) -> tuple[int, int] | None:
    """Return the smallest span around those that see anything."""
    seen = [span for span in spans if span]
    if not seen:
        return None
    return min(span[0] for span in seen), max(span[1] for span in seen)
