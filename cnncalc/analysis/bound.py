"""Reads limits such as `< 26M` and `{min: 224}`, and says whether a figure keeps them."""

from __future__ import annotations

import operator
import re
from typing import Any, Literal, NamedTuple

from ..language.validation import plain
from ..language.yaml_tree import Marks
from .figures import Printed, printed, printed_time
from .result import Figure

COMPARISONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_SIGNS = {"max": "<=", "min": ">=", "≤": "<=", "≥": ">="}
_SHORT = re.compile(r"(<=|>=|<|>|≤|≥)?\s*(\S.*)\Z")
_WORDS = {"at most": "<=", "at least": ">="}  # of a limit that a report writes
_WRITTEN = re.compile(r"(at most|at least|<=|>=|<|>|≤|≥) (.*)\Z")


class Bound(NamedTuple):
    """One bound of a figure, as it is written: after a key `max` or `min`, or in short form."""

    sign: str
    value: Any  # None: it cannot be read
    text: str
    marks: Marks
    key: str = ""

    @property
    def is_maximum(self) -> bool:
        """Whether it is an upper one."""
        return "<" in self.sign


def bounds_of(limit: Any, marks: Marks) -> list[Bound]:
    """Return the bounds of ``< 26M``, ``{max: …}`` or ``{min: …}``; a bare number is a maximum."""
    if isinstance(limit, dict):
        bounds = [_keyed(key, value, marks.find(key)) for key, value in limit.items()]
        return bounds or [Bound("<=", None, "", marks)]
    if isinstance(limit, str) and (match := _SHORT.match(limit)):
        sign, value = match[1] or "≤", match[2]
        return [Bound(_SIGNS.get(sign, sign), value, f"{sign} {plain(value)}", marks)]
    return [Bound("<=", limit, f"≤ {plain(limit)}", marks)]


def _keyed(key: str, value: Any, marks: Marks) -> Bound:
    """Return the bound of ``max: 26M`` or ``min: 224``."""
    known = key in ("max", "min")
    return Bound(
        sign=_SIGNS[key] if known else "<=",
        value=value if known else None,
        text=f"at {'most' if key == 'max' else 'least'} {plain(value)}",
        marks=marks,
        key=key,
    )


def rounded(n: int, up: bool, bytes: bool = False) -> str:
    """Return a limit with three or four digits that n keeps.

    >>> rounded(138_357_544, True), rounded(1_274_329, True), rounded(212, False)
    ('138.4M', '1.28M', '212')
    >>> rounded(553_430_176, True, bytes=True)
    '527.8MiB'
    """
    steps = [(10**9, "G"), (10**6, "M"), (10**3, "k")]
    if bytes:
        steps = [(2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")]
    for unit, prefix in steps:
        if n >= unit:
            scale = 100 if n < 10 * unit else 10
            parts = -(-n * scale // unit) if up else n * scale // unit
            return f"{parts / scale:.{len(str(scale)) - 1}f}".rstrip("0").rstrip(".") + prefix
    return str(n)


def verdict_on(ours: int, limit: Bound, number: Printed) -> Literal["kept", "exceeded", "missed"]:
    """Return whether a figure keeps a limit, whose number is given, or how it fails."""
    if COMPARISONS[limit.sign](ours, number.value):
        return "kept"
    return "exceeded" if limit.is_maximum else "missed"


def is_maximum(limit: str) -> bool:
    """Return whether a limit, as a report writes it, is an upper one.

    >>> is_maximum("< 26M"), is_maximum("at most 26M"), is_maximum("at least 224")
    (True, True, False)
    """
    return limit.startswith(("<", "at most"))


def verdict_by(limit: str, ours: Figure) -> str | None:
    """Return the verdict on a figure by a limit, as a report writes it; None without a figure.

    >>> verdict_by("< 300M", 300_774_272), verdict_by("at least 224", (240, 212))
    ('exceeded', 'missed')
    >>> verdict_by("512×_×_", (512, 7, 7)), verdict_by("at least 224", "all")
    ('kept', None)
    """
    match = _WRITTEN.match(limit)
    if match is None:
        if not isinstance(ours, tuple):
            return None
        wanted = limit.split("×")
        agrees = len(wanted) == len(ours) and all(w in ("_", str(n)) for w, n in zip(wanted, ours))
        return "kept" if agrees else "differs"
    sign, number = match[1], printed(match[2], bytes=True) or printed_time(match[2])
    sizes = ours if isinstance(ours, tuple) else (ours,)
    if number is None or not all(isinstance(size, int) for size in sizes):
        return None
    extreme = max if is_maximum(limit) else min
    one = Bound(_WORDS.get(sign, _SIGNS.get(sign, sign)), None, limit, Marks(0, 0))
    return verdict_on(extreme(sizes), one, number)


_SPOKEN = {"thousand": "k", "million": "M", "billion": "G", "trillion": "T"}
_SPELLED = re.compile(r"(?i)\D*?([<>]=?)?\s*([\d.,]*\d)\s*([a-z]+?)s?\Z")


def in_digits(limit: Any) -> str | None:
    """Return how a limit with a number in words is written, such as ``1 million``."""
    spelled = _SPELLED.match(limit.strip()) if isinstance(limit, str) else None
    prefix = _SPOKEN.get(spelled[3].lower()) if spelled else None
    return f"write `{spelled[1] or '<='} {spelled[2]}{prefix}`" if spelled and prefix else None
