"""Decides comparisons of symbols, and records what was assumed.

A formula cannot branch. Where a rule compares symbols, the comparison comes out as it does for one
value of each symbol, and the formula holds wherever it comes out the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .num import NoFormula, Open

Poly = Any  # poly.Poly, which is written with these decisions


def depends_on(symbols: Iterable[str]) -> str:
    """Return why there is no formula where a number is needed."""
    return f"it depends on the value of {' and '.join(sorted(symbols))}"


class Decisions:
    """The decisions of one computation.

    Attributes:
        values: the value of each symbol for which comparisons come out.
        made: each condition (a margin that is 0 or more, or 0 if it is `equal`), and whether it
            holds.
    """

    def __init__(self, values: Mapping[str, int]):
        self.values = dict(values)
        self.made: dict[tuple[Poly, bool], bool] = {}

    def decide(self, margin: Poly, equal: bool) -> bool:
        """Return whether a condition holds, and record it."""
        value = margin.at(**self.values)
        holds = bool(value == 0 if equal else value >= 0)
        self.made[margin, equal] = holds
        return holds


class Symbol(str):
    """The name of a symbol; comparisons of it are left to `decisions`, or have no formula.

    It stands for a whole number, which is `unit` times what the name means: for a `width` that is a
    multiple of 1/4, it is 4·width, and the unit is 4.
    """

    decisions: Decisions | None = None
    unit = 1


def unit_of(symbol: str) -> int:
    """Return the whole number by which the meaning of a symbol is multiplied."""
    unit: int = getattr(symbol, "unit", 1)
    return unit


class Comparison(Open):
    """The condition that a margin is 0 or more, or 0 if `equal`; its truth is a decision."""

    __slots__ = ("equal", "margin")
    is_condition = True

    def __init__(self, margin: Poly, equal: bool):
        self.margin, self.equal = margin, equal

    def __bool__(self) -> bool:
        value = self.margin.constant
        if value is not None:
            return bool(value == 0 if self.equal else value >= 0)
        for symbol in self.margin.symbols:
            decisions = getattr(symbol, "decisions", None)
            if decisions is not None:
                return bool(decisions.decide(self.margin, self.equal))
        raise NoFormula(depends_on(self.margin.symbols))

    def one(self) -> bool:
        """Return its truth."""
        return bool(self)

    def choose(self, a: Any, b: Any) -> Any:
        """Return a if it holds, else b; what is equal needs no decision."""
        if type(a) is type(b) and a == b:
            return a
        return a if self else b
