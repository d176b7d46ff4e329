"""What the spec computes beside what the module does in its place, in pairs."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from .recorder import Event

_REORDERED = (
    "parallel branches are called in another order than in the spec; what they compute is the same"
)


class Pair(NamedTuple):
    """What the spec computes and what the module does instead; None where one has nothing."""

    expected: Event | None
    found: Event | None
    rewired: bool = False  # the same, but of other layers' outputs

    @property
    def ok(self) -> bool:
        """Whether both compute the same."""
        if self.expected is None or self.found is None or self.rewired:
            return False
        expected, found = self.expected, self.found
        return (expected.what, expected.size) == (found.what, found.size)


def align(expected: list[Event], found: list[Event], loose: bool) -> tuple[list[Pair], list[str]]:
    """Pair what both compute, by call order. Returns the pairs, and notes.

    Where only parallel branches are called in another order, pair them by what they compute.
    """
    pairs = [Pair(a, b) for a, b in zip(expected, found)]
    if len(expected) == len(found):
        alike = all(pair.ok for pair in pairs)
        other = _first_other_flow(expected, found)
        if alike and (other is None or loose):  # loose has left out what some read
            return pairs, []
        flows = {event.flow: event for event in found}
        if all(event.flow in flows for event in expected):
            return [Pair(event, flows[event.flow]) for event in expected], [_REORDERED]
        if alike and other is not None:
            pairs[other] = pairs[other]._replace(rewired=True)
            return pairs, []
        if swapped_pair(pairs):
            return pairs, []
    return _align_by_kind(expected, found), []


def align_unfinished(expected: list[Event], found: list[Event], failed: Event | None) -> list[Pair]:
    """Pair what both compute up to where forward failed.

    What it tried to compute then comes last, if that is not what the spec does there.
    """
    pairs, _ = align(expected[: len(found)], found, loose=True)
    following = expected[len(found)] if len(found) < len(expected) else None
    agree = all(pair.ok for pair in pairs)
    if agree and failed and following and failed.what != following.what:
        pairs.append(Pair(following, failed))
    return pairs


def swapped_pair(pairs: Sequence[Pair]) -> Pair | None:
    """Find the pair with which the first one that differs changed places.

    Each has what the other should have.
    """
    wrong = []
    for pair in pairs:
        if pair.expected and pair.found and pair.expected.what != pair.found.what:
            wrong.append((pair, pair.expected.what, pair.found.what))
    for pair, expected, found in wrong[1:]:
        _, first_expected, first_found = wrong[0]
        if (expected, found) == (first_found, first_expected):
            return pair
    return None


def _first_other_flow(expected: list[Event], found: list[Event]) -> int | None:
    """The first pair whose inputs were computed otherwise."""
    for n, (a, b) in enumerate(zip(expected, found)):
        if a.flow != b.flow:
            return n
    return None


def _align_by_kind(expected: list[Event], found: list[Event]) -> list[Pair]:
    """Pair the longest stretches that compute the same, and what is between them in order."""
    pairs: list[Pair] = []
    matcher = SequenceMatcher(
        None, [e.what for e in expected], [e.what for e in found], autojunk=False
    )
    for _, a, b, c, d in matcher.get_opcodes():
        left, right = expected[a:b], found[c:d]
        both = min(len(left), len(right))
        pairs += [Pair(x, y) for x, y in zip(left, right)]
        pairs += [Pair(x, None) for x in left[both:]]
        pairs += [Pair(None, y) for y in right[both:]]
    return pairs
