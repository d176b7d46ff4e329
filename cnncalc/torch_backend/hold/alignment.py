"""Pairs what the spec computes with what the module computes in its place."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from typing import NamedTuple

from .recorder import Event
from .scopes import Scopes

_REORDERED = (
    "the module calls parallel branches in a different order than the spec; they compute the same"
)

_FURTHEST = 500  # places that missing computations are moved by


class Pair(NamedTuple):
    """What the spec computes, and what the module computes there; None if one computes nothing."""

    expected: Event | None
    found: Event | None
    rewired: bool = False  # the same computation, but it reads other layers' outputs

    @property
    def ok(self) -> bool:
        """Return whether both compute the same."""
        if self.expected is None or self.found is None or self.rewired:
            return False
        expected, found = self.expected, self.found
        return (expected.what, expected.size) == (found.what, found.size)


def align(expected: list[Event], found: list[Event], loose: bool) -> tuple[list[Pair], list[str]]:
    """Pair what both compute in call order. Returns the pairs and notes.

    If only the order of parallel branches differs, pair them by what they compute.
    """
    pairs = [Pair(a, b) for a, b in zip(expected, found)]
    if len(expected) == len(found):
        alike = all(pair.ok for pair in pairs)
        other = _first_other_flow(expected, found)
        if alike and (other is None or loose):  # `loose` left out what some of them read
            return pairs, []
        reordered = _align_by_flow(expected, found)
        if reordered:
            return reordered, [_REORDERED]
        if alike and other is not None:
            pairs[other] = pairs[other]._replace(rewired=True)
            return pairs, []
        if swapped_pair(pairs):
            return pairs, []
    return _align_by_kind(expected, found), []


def align_unfinished(expected: list[Event], found: list[Event], failed: Event | None) -> list[Pair]:
    """Pair what both compute up to the point where forward failed.

    The last pair is what forward tried to compute there, if the spec computes something else.
    """
    pairs, _ = align(expected[: len(found)], found, loose=True)
    following = expected[len(found)] if len(found) < len(expected) else None
    agree = all(pair.ok for pair in pairs)
    if agree and failed and following and failed.what != following.what:
        pairs.append(Pair(following, failed))
    return pairs


def swapped_pair(pairs: Sequence[Pair]) -> Pair | None:
    """Find the pair that is swapped with the first one that differs.

    Each computes what the other should.
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
    """Return the index of the first pair whose inputs were computed differently."""
    for n, (a, b) in enumerate(zip(expected, found)):
        if a.flow != b.flow:
            return n
    return None


def _align_by_flow(expected: list[Event], found: list[Event]) -> list[Pair]:
    """Pair what is computed from the same, in call order where several are. Empty if one is not."""
    flows: dict[int, deque[Event]] = defaultdict(deque)
    for event in found:
        flows[event.flow].append(event)
    pairs: list[Pair] = []
    for event in expected:
        if not flows[event.flow]:
            return []
        pairs.append(Pair(event, flows[event.flow].popleft()))
    return pairs


def _align_by_kind(expected: list[Event], found: list[Event]) -> list[Pair]:
    """Pair the longest stretches that compute the same, and pair the rest in order.

    Where something is missing among repeated blocks, whole blocks are missing if that may be.
    """
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
    return _with_whole_blocks(pairs)


def missing_runs(pairs: Sequence[Pair]) -> Iterator[range]:
    """Yield the longest runs of pairs of which one side computes nothing, and always the same."""
    start = 0
    for one_sided, run in groupby(pairs, key=lambda pair: (not pair.expected, not pair.found)):
        length = sum(1 for _ in run)
        if any(one_sided):
            yield range(start, start + length)
        start += length


def lacked(pairs: Sequence[Pair], run: range) -> list[str]:
    """Return the paths of the blocks and layers that one side lacks in a run."""
    ours = pairs[run.start].expected is not None
    return _scopes(pairs, ours).cover(_paths(pairs[run.start : run.stop], ours))


def _with_whole_blocks(pairs: list[Pair]) -> list[Pair]:
    """Move what is missing along repeated blocks, so that the fewest blocks and layers lack it.

    Of several places for whole blocks, it is the last: of a repeat, the last copies are missing.
    """
    for run in [*missing_runs(pairs)]:
        ours = pairs[run.start].expected is not None
        scopes = _scopes(pairs, ours)
        best = pairs, len(scopes.cover(_paths(pairs[run.start : run.stop], ours)))
        for step in (-1, 1):
            moved, start = [*pairs], run.start
            for _ in range(min(len(run), _FURTHEST)):
                if not _moved(moved, range(start, start + len(run)), step, ours):
                    break
                start += step
                missing = moved[start : start + len(run)]
                fewest = len(scopes.cover(_paths(missing, ours)))
                are_blocks = fewest < len(run)
                if fewest < best[1] or fewest == best[1] and step > 0 and are_blocks:
                    best = [*moved], fewest
        pairs = best[0]
    return pairs


def _moved(pairs: list[Pair], run: range, step: int, ours: bool) -> bool:
    """Move a run of missing computations by one place; return whether the same are paired then."""
    beside = run.stop if step > 0 else run.start - 1
    end = run.start if step > 0 else run.stop - 1
    if not 0 <= beside < len(pairs) or not pairs[beside].ok:
        return False
    whole, half = pairs[beside], pairs[end]
    one, other = (half.expected, whole.found) if ours else (whole.expected, half.found)
    if not Pair(one, other).ok:
        return False
    pairs[end] = Pair(one, other)
    pairs[beside] = Pair(whole.expected, None) if ours else Pair(None, whole.found)
    return True


def _scopes(pairs: Sequence[Pair], ours: bool) -> Scopes:
    return Scopes(_paths(pairs, ours))


def _paths(pairs: Iterable[Pair], ours: bool) -> list[str]:
    """Return where the spec's or the module's computations are."""
    events = (pair.expected if ours else pair.found for pair in pairs)
    return [event.where for event in events if event is not None]
