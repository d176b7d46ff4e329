"""Budgets: limits on the figures of a network or of a layer in it. `analyze` warns; `check` fails."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from ..diagnostic import Diagnostic, Fix, misspelled
from ..language.validation import plain, shown
from ..language.yaml_tree import Marks
from ..ops.base import named
from .figures import SUMMED, figure, known_figures, printed
from .rows import Report

_SHORT = re.compile(r"(<=|>=|<|>|≤|≥)?\s*(.+)\Z")
WORDS = {"max": "<=", "min": ">="}
HOLDS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class Budget(NamedTuple):
    """A limit beside our figure."""

    what: str
    limit: str
    ours: Any  # a number, or a shape
    verdict: str  # kept, exceeded (too much), missed (too little) or differs (a shape)
    at: str | None = None


def budgets(
    report: Report, budget: dict[str, Any], marks: Marks, file: str, at: str | None = None
) -> tuple[list[Budget], list[Diagnostic]]:
    """Each limit beside our figure, and a warning for each that does not hold. `at` holds budgets of layers and blocks, by name."""
    results: list[Budget] = []
    found: list[Diagnostic] = []
    for what, limit in budget.items():
        if what == "at" and at is None:
            parts: Iterator[Judged] = (
                _at(report, name, inner, marks.find("at"), file)
                for name, inner in (limit.items() if isinstance(limit, dict) else [("", limit)])
            )
        else:
            parts = iter([_held(report, what, limit, marks, file, at, budget)])
        for kept, faults in parts:
            results += kept
            found += faults
    return results, found


Judged = tuple[list[Budget], list[Diagnostic]]


def _at(report: Report, name: str, inner: Any, marks: Marks, file: str) -> Judged:
    """The budget of one layer or block."""
    if not isinstance(inner, dict):
        return [], [
            Diagnostic(
                "CNN103",
                f"`at` takes budgets by layer, not {shown(inner)}",
                marks.find(name).position(file),
                help="at: {conv1: {params: < 10k}}",
            )
        ]
    if not report.group(name) and name not in report.graph.groups:
        return [], [
            misspelled(
                Diagnostic(
                    "CNN105",
                    f"`at` names `{name}`, and no layer is called so",
                    marks.key(file, name),
                ),
                name,
                report.graph.groups,
            )
        ]
    return budgets(report, inner, marks.find(name), file, name)


def _held(
    report: Report,
    what: str,
    limit: Any,
    marks: Marks,
    file: str,
    at: str | None,
    given: Iterable[str],
) -> Judged:
    """One figure and its limit, or both of its limits."""
    ours = figure(report, what, at)
    if ours is None:
        known = [*known_figures(), *([] if at else ["at"])]
        fault = Diagnostic(
            "CNN101",
            f"`{what}` is no figure to budget"
            if what not in (*known_figures(), "at")
            else f"{f'`{at}`' if at else 'this network'} has no {what}",
            marks.key(file, what),
        )
        return [], [misspelled(fault, what, known, f"figures are {', '.join(known)}", given)]
    if what == "shape":
        return _shape(ours, limit, marks, file, at)
    results: list[Budget] = []
    found: list[Diagnostic] = []
    for one in limits(limit, marks.find(what)):
        number = printed(one.value, "bytes" in what)
        if number is None:
            return results, [
                *found,
                Diagnostic(
                    "CNN103",
                    f"a budget is `< 26M`, {{max: 26M}} or {{min: 224}}, not {shown(limit)}",
                    one.marks.position(file),
                ),
            ]
        size = (
            (max if "<" in one.sign else min)(ours) if isinstance(ours, tuple) else ours
        )  # the axis that counts
        kept = HOLDS[one.sign](size, number.value)
        results.append(
            Budget(
                what,
                one.text,
                size,
                "kept" if kept else "exceeded" if "<" in one.sign else "missed",
                at,
            )
        )
        if not kept:
            found.append(_exceeded(report, what, at, size, one, number.value, file))
    return results, found


def _exceeded(
    report: Report, what: str, at: str | None, ours: int, limit: Limit, bound: Fraction, file: str
) -> Diagnostic:
    """A limit that does not hold: by how much, where most of it is, and the limit that would."""
    most, place = "<" in limit.sign, limit.marks.position(file)
    share = (
        f" ({float(abs(ours - bound) / bound):.1%} {'over' if most else 'under'})"
        if bound and ours < 10 * bound
        else ""
    )
    number = rounded(ours, most, "bytes" in what)
    written = (
        number if limit.key else f"<= {number}" if most else f"{{min: {number}}}"
    )  # a plain `>` begins a block of text in YAML
    largest = (
        "".join(f"`{row}` has {value:,} of it; " for row, value in _largest(report, what, at))
        if most
        else ""
    )
    right = f"{limit.key}: {written}" if limit.key else written
    return Diagnostic(
        "CNN302",
        f"{what}{f' of `{at}`' if at else ''} is {ours:,}, the budget is {limit.text}{share}",
        place,
        f"{largest}if {ours:,} is right, write `{right}`",
        severity="warning",
        fix=Fix(f"write `{right}`", (limit.marks.whole(written),), restates=True),
    )


def _largest(report: Report, what: str, at: str | None) -> Iterator[tuple[str, int]]:
    """The layer that holds the most of a sum, if there are several."""
    rows = [row for row in (report.rows if at is None else report.group(at)) if what in SUMMED]
    if len(rows) > 1:
        row = max(rows, key=lambda row: getattr(row, what))
        yield row.path, getattr(row, what)


def _shape(ours: tuple, limit: Any, marks: Marks, file: str, at: str | None) -> Judged:
    """A shape that must come out; `_` matches anything."""
    place = marks.find("shape")
    if not isinstance(limit, list) or not all(n == "_" or type(n) is int for n in limit):
        return [], [
            Diagnostic(
                "CNN103",
                f"`shape` takes a shape, [channels, …], not {shown(limit)}",
                place.position(file),
            )
        ]
    agrees = len(limit) == len(ours) and all(want in ("_", n) for want, n in zip(limit, ours))
    verdict = Budget(
        "shape", "×".join(map(plain, limit)), named(ours), "kept" if agrees else "differs", at
    )
    if agrees:
        return [verdict], []
    right = f"[{', '.join(map(str, ours))}]"
    return [verdict], [
        Diagnostic(
            "CNN302",
            f"the shape{f' of `{at}`' if at else ''} is {named(ours)}, the budget is {verdict.limit}",
            place.position(file),
            f"if {named(ours)} is right, write `shape: {right}`",
            severity="warning",
            fix=Fix(f"write `{right}`", (place.whole(right),), restates=True),
        )
    ]


class Limit(NamedTuple):
    """One bound of a figure, as it is written: behind a key `max` or `min`, or short."""

    sign: str
    value: Any
    text: str
    marks: Marks
    key: str = ""


def limits(limit: Any, marks: Marks) -> list[Limit]:
    """The bounds of ``< 26M``, ``{max: …}`` and ``{min: …}``; a bare number is a maximum. One without value is none that can be read."""
    if isinstance(limit, dict):
        bounds = [
            Limit(
                WORDS.get(key, "<="),
                value if key in WORDS else None,
                f"at {'most' if key == 'max' else 'least'} {value}",
                marks.find(key),
                key,
            )
            for key, value in limit.items()
        ]
        return bounds or [Limit("<=", None, "", marks)]
    if isinstance(limit, str) and (match := _SHORT.match(limit)):
        sign = {"≤": "<=", "≥": ">=", None: "<="}.get(match[1], match[1])
        return [Limit(sign, match[2], f"{match[1] or '≤'} {match[2]}", marks)]
    return [Limit("<=", limit, f"≤ {limit}", marks)]


def rounded(n: int, up: bool, bytes: bool = False) -> str:
    """A limit that n keeps, of three or four digits.

    >>> rounded(138_357_544, True), rounded(1_274_329, True), rounded(212, False), rounded(553_430_176, True, True)
    ('138.4M', '1.28M', '212', '527.8MiB')
    """
    steps = (
        [(2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")]
        if bytes
        else [(10**9, "G"), (10**6, "M"), (10**3, "k")]
    )
    for unit, prefix in steps:
        if n >= unit:
            scale = 100 if n < 10 * unit else 10
            parts = -(-n * scale // unit) if up else n * scale // unit
            return f"{parts / scale:.{len(str(scale)) - 1}f}".rstrip("0").rstrip(".") + prefix
    return str(n)
