"""Finds the best of many values in order: by bisection if figures only grow, else one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from ..sweep.asked import Condition
from .trial import Trial

MOST_TRIED = 1000  # values that are tried one by one
_FEW = 64  # values that are always tried one by one
_EVEN = 16  # values between the smallest and the largest tried, to see whether figures only grow
_BEYOND = 2  # further values after the first that is not possible any more

At = Callable[[int], Trial]  # the trial of a value, by its place in the order


class Objective(NamedTuple):
    """The figure or name that is best where it is largest, or smallest."""

    name: str
    largest: bool

    def of(self, trial: Trial) -> object:
        """Return its value for a trial; None if that has none."""
        return {**trial.figures, **trial.settings}.get(self.name)

    def better(self, a: Trial, b: Trial) -> bool:
        """Return whether a trial is better than another one."""
        one, other = self.of(a), self.of(b)
        if one is None or other is None:
            return one is not None
        return bool(one > other if self.largest else one < other)  # type: ignore[operator]


class Searched(NamedTuple):
    """The best place, the next one, which fails, and how they were found.

    `best` is None if no value meets all conditions; then `nearest` is the trial that comes closest.
    """

    best: int | None
    beyond: int | None
    how: str
    nearest: Trial | None = None


class TooMany(Exception):
    """Figures go up and down over so many values that they cannot be tried one by one."""


def searched(
    at: At,
    count: int,
    start: int,
    conditions: Sequence[Condition],
    objective: Objective,
    excess: Callable[[Trial], float],
) -> Searched:
    """Search the values in places 0 to count − 1.

    Accepts:
        at: returns the trial of a place.
        count: how many places there are.
        start: a place to begin with, such as that of the present value.
        conditions: what a trial must meet.
        objective: what is best.
        excess: returns how far a trial is from meeting all conditions.

    Errors: TooMany if only trying all values would tell.
    """
    if count <= _FEW:
        return _one_by_one(at, count, conditions, objective, excess)
    tried = _samples(at, count, start, conditions)
    names = sorted({name for condition in conditions for name in condition.names})
    growing = _growing(at, tried, [*names, objective.name])
    if growing is None:
        if count > MOST_TRIED:
            raise TooMany
        return _one_by_one(at, count, conditions, objective, excess)
    met = [n for n in tried if not at(n).unmet(conditions)]
    if not met:
        edge = _edge_between(at, tried, conditions)
        if edge is None:
            nearest = min((at(n) for n in tried), key=excess)
            return Searched(None, None, _how(growing, len(tried)), nearest)
        met = [edge]
    upwards = objective.better(at(tried[-1]), at(tried[0]))
    last, first_out = (max(met), 1) if upwards else (min(met), -1)
    outside = [n for n in tried if (n - last) * first_out > 0]
    beyond = (min(outside) if upwards else max(outside)) if outside else None
    while beyond is not None and abs(beyond - last) > 1:
        middle = (last + beyond) // 2
        if at(middle).unmet(conditions):
            beyond = middle
        else:
            last = middle
    return Searched(last, beyond, _how(growing, len(tried)))


def _samples(at: At, count: int, start: int, conditions: Sequence[Condition]) -> list[int]:
    """Return places from the first on, ever further apart, until none is possible any more."""
    tried = {0, start}
    n, step, was_met, further = 0, 1, not at(0).unmet(conditions), _BEYOND
    while n < count - 1 and further and at(n).fault is None:
        n = min(n + step, count - 1)
        step *= 2
        tried.add(n)
        met = not at(n).unmet(conditions)
        was_met |= met
        further -= was_met and not met
    largest = max(tried)
    tried |= {largest * k // (_EVEN + 1) for k in range(1, _EVEN + 1)}
    return sorted(tried)


def _growing(at: At, tried: Sequence[int], names: Sequence[str]) -> dict[str, bool] | None:
    """Return whether each figure only grows, or only falls; None if any goes up and down."""
    found: dict[str, bool] = {}
    trials = [at(n) for n in tried]
    if any(trial.fault for trial in trials):
        return None
    for name in dict.fromkeys(names):
        if name in trials[0].settings and isinstance(trials[0].settings[name], (int, Fraction)):
            continue  # values are in order
        values = [{**trial.figures, **trial.settings}.get(name) for trial in trials]
        if None in values or any(isinstance(value, (str, tuple)) for value in values):
            return None
        pairs = list(pairwise(values))
        if all(a <= b for a, b in pairs):  # type: ignore[operator]  # they are numbers
            found[name] = True
        elif all(a >= b for a, b in pairs):  # type: ignore[operator]  # they are numbers
            found[name] = False
        else:
            return None
    return found


def _edge_between(at: At, tried: Sequence[int], conditions: Sequence[Condition]) -> int | None:
    """Return a place that meets all conditions between two that do not; None if there is none.

    One of the conditions holds below it, another one above it.
    """
    for low, high in pairwise(tried):
        below, above = at(low).unmet(conditions), at(high).unmet(conditions)
        if set(below) & set(above):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            unmet = at(middle).unmet(conditions)
            if not unmet:
                return middle
            if set(unmet) & set(below):
                low = middle
            else:
                high = middle
    return None


def _how(growing: dict[str, bool], tried: int) -> str:
    """Write why bisection is right."""
    parts = []
    for grows, verb in ((True, "grow"), (False, "fall")):
        names = [name for name, way in growing.items() if way is grows]
        if names:
            parts.append(f"{_listed(names)} only {verb}{'s' if len(names) == 1 else ''}")
    return f"bisection; over {tried} values tried, {' and '.join(parts)}"


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _one_by_one(
    at: At,
    count: int,
    conditions: Sequence[Condition],
    objective: Objective,
    excess: Callable[[Trial], float],
) -> Searched:
    """Try every value."""
    best: int | None = None
    for n in range(count):
        if not at(n).unmet(conditions) and (best is None or objective.better(at(n), at(best))):
            best = n
    how = f"all {count:,} values were tried"
    if best is None:
        return Searched(None, None, how, min((at(n) for n in range(count)), key=excess))
    beside = (n for n in (best + 1, best - 1) if 0 <= n < count and not at(n).fault)
    beyond = next((n for n in beside if objective.better(at(n), at(best))), None)
    return Searched(best, beyond, how)
