"""Receptive fields: which positions of the input an output position can see, along one axis.

A `Map` says what one operator reads: output j reads ``taps[j mod P] + Q·⌊j/P⌋``, with P phases and
an advance of Q input positions per period. A convolution has one phase, and Q is its stride;
upsampling by two has two phases and Q = 1. A `Field` composes such maps down to the network's
input. It keeps the first and last position that each phase sees, which is exact for every chain and
join of such maps. If no pattern repeats (branches with different strides meet, or corners are
aligned), a `Listed` field holds what each position sees, for the given sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import cache
from itertools import chain
from math import gcd, lcm, prod
from typing import NamedTuple

from .bits import bits_of, first_bits, members, shifted, spread

MAX_PHASES, MAX_TAPS = 2**12, 2**15  # of a field that repeats; if there are more, it is listed
MAX_POSITIONS = 2**13  # of a listed field
_MAX_ADVANCE = 10**18

Span = tuple[int, int] | None  # first and last position seen; None: nothing


class Unknown(NamedTuple):
    """A field that is not followed, and why."""

    reason: str


TOO_MANY = Unknown("too many positions see different things to follow each one")


class Map(NamedTuple):
    """What an operator reads along one axis: sorted taps by phase, and the advance per period.

    If the advance is 0, nothing repeats: there is one phase for each position.
    """

    advance: int
    taps: tuple[Sequence[int], ...]

    @staticmethod
    def adaptive(n: int, out: int) -> Map | Unknown:
        """Return windows from ⌊i·n/out⌋ to ⌈(i+1)·n/out⌉, with out/gcd(n, out) phases."""
        g = gcd(n, out)
        if out // g > MAX_POSITIONS:
            return TOO_MANY
        taps = [range(i * n // out, -(-(i + 1) * n // out)) for i in range(out // g)]
        return Map(n // g, tuple(taps))

    @staticmethod
    def window(k: int, s: int = 1, lo: int = 0, d: int = 1) -> Map:
        """Return a window of k taps at distance d that starts at −lo and advances by s."""
        if k == s == 1 and not lo:
            return IDENTITY
        return Map(s, (range(-lo, d * (k - 1) - lo + 1, d),))

    @staticmethod
    def transposed(k: int, s: int, p: int, d: int) -> Map | Unknown:
        """Return what an output o reads: i where o + p − d·t = s·i for one of k taps t.

        So there are s phases, some of which may read nothing.
        """
        if s > MAX_PHASES:
            return TOO_MANY
        taps: list[Sequence[int]] = [()] * s
        apart = s // gcd(s, d)  # taps of one phase
        for t in range(min(apart, k)):
            phase, step = (d * t - p) % s, d * apart // s
            first = (phase + p - d * t) // s
            count = -(-(k - t) // apart)
            taps[phase] = range(first - (count - 1) * step, first + 1, step)
        return Map(1, tuple(taps))

    def read_by(self, j: int) -> Sequence[int]:
        """Return the positions that output j reads."""
        turn, phase = divmod(j, len(self.taps))
        return [self.advance * turn + tap for tap in self.taps[phase]]

    def read_within(self, outputs: int, n: int) -> int:
        """Return the positions that some outputs read, of those from 0 to n - 1, as bits."""
        if len(self.taps) > 1:
            read = chain.from_iterable(map(self.read_by, members(outputs)))
            return bits_of(position for position in read if 0 <= position < n)
        found, turns = 0, spread(outputs, self.advance)
        for tap in self.taps[0]:
            found |= shifted(turns, tap)
        return found & first_bits(n)

    def reads_corners(self, n: int, out: int) -> bool:
        """Return whether the first of `out` positions reads the first of n, the last the last."""
        turn, phase = divmod(out - 1, len(self.taps))
        return 0 in self.taps[0] and n - 1 - self.advance * turn in self.taps[phase]


IDENTITY = Map(1, (range(1),))


class Field(NamedTuple):
    """What one axis of a layer sees of one axis of the input; positions may be in the padding.

    A span is the first and last position that a phase sees, or None if it sees nothing. If the
    advance is 0, all positions see the same. `corners` means: the layer's first position is proven
    to see the first position of the input, and its last position the last one.
    """

    advance: int = 1
    spans: tuple[Span, ...] = ((0, 0),)
    corners: bool = True

    def through(self, reads: Map, corners: bool = False) -> Field | None:
        """Return the field of an operator that reads this one; None if no short pattern repeats."""
        if self.advance > _MAX_ADVANCE:
            return None
        inner, outer = len(self.spans), len(reads.taps)
        if inner == 1 and outer == 1:
            span, taps, step = self.spans[0], reads.taps[0], self.advance
            if span is None or not taps:
                return Field(step * reads.advance, (None,), False)
            seen = (span[0] + step * taps[0], span[1] + step * taps[-1])
            return Field(step * reads.advance, (seen,), corners)
        if not reads.advance:
            return None
        turns = inner // gcd(inner, reads.advance)
        phases = outer * turns
        if phases > MAX_PHASES or phases * max(map(len, reads.taps)) > MAX_TAPS:
            return None
        spans: list[Span] = []
        for j in range(phases):
            start, taps = reads.advance * (j // outer), reads.taps[j % outer]
            spans.append(_seen(self.at, start, taps))
        return Field(self.advance * (reads.advance * turns // inner), tuple(spans), corners)

    def at(self, j: int) -> Span:
        """Return the first and last input position that position j sees."""
        turn, phase = divmod(j, len(self.spans))
        span = self.spans[phase]
        return span and (span[0] + self.advance * turn, span[1] + self.advance * turn)

    def union(self, other: Field) -> Field | None:
        """Return what either sees, or None if strides differ or no short pattern repeats."""
        if self == other:
            return self
        if self.stride != other.stride:
            return None
        corners = self.corners or other.corners
        phases = lcm(len(self.spans), len(other.spans))
        if phases == 1:
            return Field(self.advance, (_either(self.spans[0], other.spans[0]),), corners)
        if phases > MAX_PHASES:
            return None
        spans = tuple(map(_either, self._first(phases), other._first(phases)))
        return Field(self.advance * phases // len(self.spans), spans, corners)

    def _first(self, phases: int) -> list[Span]:
        """Return what the first positions see, for whole periods."""
        shifts = [self.advance * turn for turn in range(phases // len(self.spans))]
        return [s and (s[0] + by, s[1] + by) for by in shifts for s in self.spans]

    @property
    def stride(self) -> Fraction | int:
        """Return how many input positions the field advances per output position."""
        if len(self.spans) == 1:
            return self.advance
        ratio = Fraction(self.advance, len(self.spans))
        return ratio.numerator if ratio.denominator == 1 else ratio

    @property
    def size(self) -> int:
        """Return the number of positions seen by the phase that sees most."""
        return _widest(self.spans)

    @property
    def padding(self) -> int:
        """Return how far the first position that sees anything reaches before the input."""
        return _before_start(self.spans)

    @property
    def centre(self) -> Fraction | int:
        """Return the middle of what position 0 sees, in input positions.

        If there are several phases, it is the mean over them of each middle, moved back to
        position 0 by the stride.
        """
        if len(self.spans) == 1 and self.spans[0]:
            return _half(sum(self.spans[0]))
        seen = [(phase, span) for phase, span in enumerate(self.spans) if span]
        turns, count = len(self.spans), max(len(seen), 1)
        ends = sum(lo + hi for _, (lo, hi) in seen)
        moved = self.advance * sum(phase for phase, _ in seen)
        middle = Fraction(turns * ends - 2 * moved, 2 * turns * count)
        return middle.numerator if middle.denominator == 1 else middle

    def clipped(self, n_in: int, n_out: int) -> int:
        """Return the most positions of the input, without padding, that one position sees."""
        best, phases = 0, len(self.spans)
        most = min(self.size, n_in)
        for phase, span in enumerate(self.spans):
            if best >= most:
                break
            last_turn = (n_out - 1 - phase) // phases
            if span is None or last_turn < 0:
                continue
            lo, hi = span
            turns = {0, last_turn}
            if self.advance:  # the maximum is there, or where an end crosses a border
                into, out_of = -lo // self.advance, (n_in - 1 - hi) // self.advance
                turns |= {into, into + 1, out_of, out_of + 1}
            for turn in turns:
                at = self.advance * min(max(turn, 0), last_turn)
                best = max(best, min(hi + at, n_in - 1) - max(lo + at, 0) + 1)
        return best


class Listed(NamedTuple):
    """What each position of an axis sees of one axis of the input, if no pattern repeats.

    Positions that do not exist see nothing.
    """

    spans: tuple[Span, ...]

    def at(self, j: int) -> Span:
        """Return the first and last input position that position j sees."""
        return self.spans[j] if 0 <= j < len(self.spans) else None

    @property
    def corners(self) -> bool:
        """Return False: nothing is proven about the corners."""
        return False

    @property
    def stride(self) -> None:
        """Return None: the distance between what neighbours see varies."""
        return None

    @property
    def size(self) -> int:
        """Return the number of positions seen by the position that sees most."""
        return _widest(self.spans)

    @property
    def padding(self) -> int:
        """Return how far the first position that sees anything reaches before the input."""
        return _before_start(self.spans)

    @property
    def centre(self) -> Fraction | int:
        """Return the middle of what the first position that sees anything sees."""
        return _half(sum(next((s for s in self.spans if s), (0, 0))))

    def clipped(self, n_in: int, n_out: int) -> int:
        """Return the most positions of the input, without padding, that one position sees."""
        return max((min(s[1], n_in - 1) - max(s[0], 0) + 1 for s in self.spans if s), default=0)


class Part(NamedTuple):
    """One of several axes that lie in a row: its size, and the axis of the output that reads it.

    That axis has `places` positions.
    """

    size: int
    axis: int
    places: int
    reads: Map


class InARow(NamedTuple):
    """An axis that holds several axes in a row, such as the rows of a map one after another."""

    parts: tuple[Part, ...]
    mixed: Unknown  # what follows if what is seen depends on more than one of them

    @property
    def size(self) -> int:
        """Return the number of positions."""
        return prod(part.size for part in self.parts)

    def along(self, field: Field | Listed) -> tuple[int, Map] | Unknown:
        """Return the axis of the output along which a field of this axis moves, and the map.

        So the field must depend on the position along one of the parts alone.
        """
        n = self.size
        if n > MAX_POSITIONS:
            return TOO_MANY
        spans = [field.at(position) for position in range(n)]
        inner = n
        for part in self.parts:
            inner //= part.size
            groups: list[list[int]] = [[] for _ in range(part.size)]
            for position in range(n):
                groups[position // inner % part.size].append(position)
            if all(len({spans[position] for position in group}) == 1 for group in groups):
                return part.axis, Map(0, tuple(_unrolled(part, groups)))
        return self.mixed


def _unrolled(part: Part, groups: Sequence[Sequence[int]]) -> Iterator[Sequence[int]]:
    """Yield what each position of the output reads of the axis that holds the parts."""
    for j in range(part.places):
        read = [place for place in part.reads.read_by(j) if 0 <= place < part.size]
        yield sorted(position for place in read for position in groups[place])


def _half(n: int) -> Fraction | int:
    """Return n/2."""
    return Fraction(n, 2) if n % 2 else n // 2


def _widest(spans: Sequence[Span]) -> int:
    """Return the length of the longest span."""
    return max((span[1] - span[0] + 1 for span in spans if span), default=0)


def _before_start(spans: Sequence[Span]) -> int:
    """Return how far the first span that is not None reaches before the input."""
    return -next((span[0] for span in spans if span), 0)


def listed(below: Field | Listed, reads: Map, n: int) -> Field | Listed:
    """Return the field of the n positions of an operator that reads another field."""
    phases, spans = len(reads.taps), []
    at = cache(below.at)  # many positions read the same one after a reshape
    for j in range(n):
        start, taps = reads.advance * (j // phases), reads.taps[j % phases]
        spans.append(_seen(at, start, taps))
    return settled(spans)


def _seen(at: Callable[[int], Span], start: int, taps: Sequence[int]) -> Span:
    """Return what the positions at some distances from a start see."""
    return at(start + taps[0]) if len(taps) == 1 else hull([at(start + tap) for tap in taps])


def _either(a: Span, b: Span) -> Span:
    """Return the smallest span that covers both."""
    if a is None or b is None:
        return a or b
    return a[0] if a[0] < b[0] else b[0], a[1] if a[1] > b[1] else b[1]


def steady(field: Field | Listed, corners: bool) -> Field | Listed:
    """Return a field that moves by the same amount from each position to the next as such."""
    if not isinstance(field, Listed) or None in field.spans:
        return field
    (low, high), *others = [span for span in field.spans if span is not None]
    step = others[0][0] - low
    for turn, span in enumerate(others, 1):
        if span != (low + step * turn, high + step * turn):
            return field
    return Field(step, ((low, high),), corners)


def listed_union(a: Field | Listed, b: Field | Listed, n: int) -> Field | Listed:
    """Return what each of n positions sees of either."""
    return settled([_either(a.at(j), b.at(j)) for j in range(n)])


def settled(spans: Sequence[Span]) -> Field | Listed:
    """Return a field for these spans, one for each position; it does not move if all are equal."""
    alike = len(set(spans)) == 1
    return Field(0, (spans[0],), False) if alike else Listed(tuple(spans))


def all_seen(field: Field | Listed, n: int) -> Span:
    """Return what n positions see together."""
    period = len(field.spans)
    ends = {*range(min(period, n)), *range(max(n - period, 0), n)}  # others see no more
    return hull([field.at(j) for j in ends])


def hull(spans: Sequence[Span]) -> Span:
    """Return the smallest span that covers all spans; None if all are None."""
    seen = [span for span in spans if span]
    if not seen:
        return None
    return min(span[0] for span in seen), max(span[1] for span in seen)
