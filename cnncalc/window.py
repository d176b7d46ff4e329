"""Receptive fields: which positions of the input an output position can see, along one axis.

A `Map` says what one operator reads: output j reads ``taps[j mod P] + Q·⌊j/P⌋`` (P phases, advancing
Q input positions per period). A convolution has one phase and Q = its stride; upsampling by two has
two phases and Q = 1. A `Field` is the composition of the maps down to the network's input, kept as
the first and last position seen by each phase, which is exact for every chain and join of such maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import NamedTuple

MAX_PHASES, MAX_TAPS = (
    4096,
    10**6,
)  # beyond them a field is given up: said aloud, and shown as the whole input


class Map(NamedTuple):
    """What an operator reads along one axis: sorted taps per phase, and the advance per period."""

    advance: int
    taps: tuple[Sequence[int], ...]

    @staticmethod
    def adaptive(n: int, out: int) -> Map:
        """Windows of ⌊i·n/out⌋ … ⌈(i+1)·n/out⌉: as many phases as out/gcd."""
        g = gcd(n, out)
        if out // g > MAX_PHASES:
            return UNKNOWN
        return Map(
            n // g, tuple(range(i * n // out, -(-(i + 1) * n // out)) for i in range(out // g))
        )

    @staticmethod
    def window(k: int, s: int = 1, lo: int = 0, d: int = 1) -> Map:
        """k taps, d apart, from −lo; moving on by s."""
        return Map(s, (range(-lo, d * (k - 1) - lo + 1, d),))


IDENTITY = Map(1, (range(1),))
UNKNOWN = Map(1, ())  # too many phases to follow


class Field(NamedTuple):
    """What one axis of a layer sees of one axis of the input. Unclipped: positions may lie in padding."""

    advance: int = 1
    spans: tuple[tuple[int, int] | None, ...] = (
        (0, 0),
    )  # per phase: first and last, None: sees nothing

    def through(self, reads: Map) -> Field | None:
        """The field of an operator that reads this one; None where there are too many phases."""
        if reads is IDENTITY:
            return self
        inner, outer = len(self.spans), len(reads.taps)
        if reads is UNKNOWN:
            return None
        if inner == 1 and outer == 1:
            span, taps, step = self.spans[0], reads.taps[0], self.advance
            if span is None or not taps:
                return Field(step * reads.advance, (None,))
            return Field(
                step * reads.advance, ((span[0] + step * taps[0], span[1] + step * taps[-1]),)
            )
        turns = inner // gcd(inner, reads.advance)
        if outer * turns > MAX_PHASES or outer * turns * max(map(len, reads.taps)) > MAX_TAPS:
            return None
        spans = []
        for j in range(outer * turns):
            start = reads.advance * (j // outer)
            spans.append(hull([self.at(start + tap) for tap in reads.taps[j % outer]]))
        return Field(self.advance * (reads.advance * turns // inner), tuple(spans))

    def at(self, j: int) -> tuple[int, int] | None:
        """First and last input position seen by position j."""
        turn, phase = divmod(j, len(self.spans))
        span = self.spans[phase]
        return span and (span[0] + self.advance * turn, span[1] + self.advance * turn)

    def union(self, other: Field) -> Field | None:
        """Both together, at a join; None where they move on at different strides."""
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
        """Input positions per output position."""
        if len(self.spans) == 1:
            return self.advance
        ratio = Fraction(self.advance, len(self.spans))
        return ratio.numerator if ratio.denominator == 1 else ratio

    @property
    def size(self) -> int:
        """Positions seen by the phase that sees most."""
        return max((s[1] - s[0] + 1 for s in self.spans if s), default=0)

    @property
    def padding(self) -> int:
        """How far the first output position that sees anything reaches before the input."""
        return -next((s[0] for s in self.spans if s), 0)

    @property
    def centre(self) -> Fraction | int:
        """Middle of what output position 0 sees, in input positions from 0; the mean over the phases."""
        if len(self.spans) == 1 and self.spans[0]:
            middle = Fraction(self.spans[0][0] + self.spans[0][1], 2)
        else:
            middles = [
                Fraction(s[0] + s[1], 2) - self.stride * phase
                for phase, s in enumerate(self.spans)
                if s
            ]
            middle = Fraction(sum(middles), max(len(middles), 1))
        return middle.numerator if middle.denominator == 1 else middle

    def clipped(self, n_in: int, n_out: int) -> int:
        """Positions really on the input, for the output position that sees most of it."""
        best, phases = 0, len(self.spans)
        for phase, span in enumerate(self.spans):
            turns = (n_out - 1 - phase) // phases  # the last turn in which this phase still exists
            if span is None or turns < 0:
                continue
            lo, hi = span
            for turn in {
                0,
                turns,
                *(
                    t + e
                    for t in (-lo // self.advance, (n_in - 1 - hi) // self.advance)
                    for e in (0, 1)
                ),
            }:
                at = self.advance * min(max(turn, 0), turns)
                best = max(best, min(hi + at, n_in - 1) - max(lo + at, 0) + 1)
        return best


def hull(spans: list[tuple[int, int] | None]) -> tuple[int, int] | None:
    """The smallest span around those that see anything."""
    seen = [s for s in spans if s]
    return (min(s[0] for s in seen), max(s[1] for s in seen)) if seen else None
