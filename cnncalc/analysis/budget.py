"""Budgets: limits on the figures of a network or of its layers. `analyze` warns; `check` fails."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from ..diagnostic import MOST, Diagnostic, Fix, misspelled, too_many
from ..language.validation import plain, shown
from ..language.yaml_tree import Marks
from ..num import Shape
from ..wording import shape_text
from .figures import SUMMED, Printed, field_of, figure, known_figures, printed
from .result import Budget, Report

COMPARISONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_SIGNS = {"max": "<=", "min": ">=", "≤": "<=", "≥": ">="}
_SHORT = re.compile(r"(<=|>=|<|>|≤|≥)?\s*(\S.*)\Z")

_Judged = tuple[list[Budget], list[Diagnostic]]


class _Limit(NamedTuple):
    """One bound of a figure as it is written: after a key `max` or `min`, or short."""

    sign: str
    value: Any  # None: it cannot be read
    text: str
    marks: Marks
    key: str = ""

    @property
    def is_maximum(self) -> bool:
        return "<" in self.sign


def budgets(
    report: Report, budget: dict[str, Any], marks: Marks, file: str, at: str | None = None
) -> tuple[list[Budget], list[Diagnostic]]:
    """Holds each limit beside our figure, and warns of each that is not kept.

    `at` is the layer or block whose budget it is; the network's own budget may hold such budgets,
    by name, under its key `at`. `marks` are the positions of the limits in `file`.
    """
    results: list[Budget] = []
    found: list[Diagnostic] = []
    for what, limit in budget.items():
        if len(found) >= MOST:
            return results, [*found, too_many(found[-1])]
        if what == "at" and at is None:
            judged = _by_layer(report, limit, marks.find("at"), file)
        else:
            judged = _one_figure(report, what, limit, marks, file, at, budget)
        results += judged[0]
        found += judged[1]
    return results, found


def _by_layer(report: Report, layers: Any, marks: Marks, file: str) -> _Judged:
    """The budgets of layers and blocks, by name."""
    results: list[Budget] = []
    found: list[Diagnostic] = []
    for name, budget in layers.items() if isinstance(layers, dict) else [("", layers)]:
        if len(found) >= MOST:
            break
        if not isinstance(budget, dict):
            found.append(
                Diagnostic(
                    "CNN103",
                    f"`at` takes budgets by layer, not {shown(budget)}",
                    marks.find(name).position(file),
                    help="at: {conv1: {params: < 10k}}",
                )
            )
        elif not report.group(name) and name not in report.graph.groups:
            fault = Diagnostic(
                "CNN105",
                f"`at` names `{name}`, and no layer is called so",
                marks.key(file, name),
                subject=name,
            )
            found.append(misspelled(fault, name, report.graph.groups))
        else:
            kept, exceeded = budgets(report, budget, marks.find(name), file, name)
            results += kept
            found += exceeded
    return results, found


def _one_figure(
    report: Report,
    what: str,
    limit: Any,
    marks: Marks,
    file: str,
    at: str | None,
    given: Iterable[str],
) -> _Judged:
    """One figure and its limit, or both of its limits."""
    seen = field_of(report, what, at)
    if seen is not None and seen.unknown:  # no number to compare
        return [], [_undecided(what, marks, file, at, seen.unknown)]
    ours: Any = seen.sizes if seen is not None else figure(report, what, at)
    if ours is None:
        return [], [_no_figure(what, marks, file, at, given)]
    if what == "shape" and isinstance(ours, tuple):
        return _shape(ours, limit, marks.find("shape"), file, at)
    results: list[Budget] = []
    found: list[Diagnostic] = []
    for one in _limits(limit, marks.find(what)):
        number = printed(one.value, "bytes" in what)
        if number is None:
            message = f"a budget is `< 26M`, {{max: 26M}} or {{min: 224}}, not {shown(limit)}"
            found.append(Diagnostic("CNN103", message, one.marks.position(file)))
            break
        if isinstance(number.value, Fraction):
            message = f"{what} is a whole number, the budget is {one.text}"
            place = one.marks.position(file)
            found.append(Diagnostic("CNN103", message, place, "add its unit: 25.6M"))
            break
        extreme = max if one.is_maximum else min  # of a receptive field the axis that counts
        size: int = extreme(ours) if isinstance(ours, tuple) else ours
        verdict = _verdict(size, one, number)
        results.append(Budget(what=what, limit=one.text, ours=size, verdict=verdict, at=at))
        if verdict != "kept":
            found.append(_exceeded(report, what, at, size, one, number, file))
    return results, found


def _undecided(what: str, marks: Marks, file: str, at: str | None, why: str) -> Diagnostic:
    """A receptive field that is not followed, so that no limit can be compared with it."""
    where = f" of `{at}`" if at else ""
    return Diagnostic(
        "CNN308",
        f"{what}{where} is not known, so its budget cannot be decided: {why}",
        marks.key(file, what),
        help="budget a layer before this one, or drop the budget",
        severity="warning",
        subject=what,
    )


def _verdict(ours: int, limit: _Limit, number: Printed) -> Literal["kept", "exceeded", "missed"]:
    if COMPARISONS[limit.sign](ours, number.value):
        return "kept"
    return "exceeded" if limit.is_maximum else "missed"


def _no_figure(
    what: str, marks: Marks, file: str, at: str | None, given: Iterable[str]
) -> Diagnostic:
    """A figure that does not exist, or that this network or layer does not have."""
    known = known_figures() if at else (*known_figures(), "at")
    if what in known_figures() or what == "at":
        message = f"{f'`{at}`' if at else 'this network'} has no {what}"
    else:
        message = f"`{what}` is no figure to budget"
    fault = Diagnostic("CNN101", message, marks.key(file, what))
    return misspelled(fault, what, known, f"figures are {', '.join(known)}", given)


def _exceeded(
    report: Report,
    what: str,
    at: str | None,
    ours: int,
    limit: _Limit,
    number: Printed,
    file: str,
) -> Diagnostic:
    """A limit that is not kept: by how much, which layer has most of it, and a limit that would."""
    bound, share, largest = number.value, "", ""
    if bound and ours < 10 * bound:
        way, excess = ("over", ours - bound) if limit.is_maximum else ("under", bound - ours)
        share = f" ({float(excess / bound):.1%} {way})"
    if limit.is_maximum:
        largest = _largest(report, what, at)
    right = rounded(ours, limit.is_maximum, "bytes" in what)
    written = right
    if limit.key:
        right = f"{limit.key}: {right}"
    else:
        # in YAML a plain `>` begins a block of text
        right = written = f"<= {right}" if limit.is_maximum else f"{{min: {right}}}"
    where = f" of `{at}`" if at else ""
    return Diagnostic(
        "CNN302",
        f"{what}{where} is {ours:,}, the budget is {limit.text}{share}",
        limit.marks.position(file),
        f"{largest}if {ours:,} is right, write `{right}`",
        severity="warning",
        fix=Fix(f"write `{right}`", (limit.marks.whole(written),), restates=True),
        subject=what,
    )


def _largest(report: Report, what: str, at: str | None) -> str:
    """Names the layer that has the most of a sum, if there are several."""
    rows = report.rows if at is None else report.group(at)
    if what not in SUMMED or len(rows) < 2:
        return ""
    row = max(rows, key=operator.attrgetter(what))
    return f"`{row.path}` has {getattr(row, what):,} of it; "


def _shape(ours: Shape, limit: Any, place: Marks, file: str, at: str | None) -> _Judged:
    """A shape that must come out; `_` matches anything."""
    if not isinstance(limit, list) or not all(n == "_" or type(n) is int for n in limit):
        message = f"`shape` takes a shape, [channels, …], not {shown(limit)}"
        return [], [Diagnostic("CNN103", message, place.position(file))]
    wanted = "×".join(map(plain, limit))
    agrees = len(limit) == len(ours) and all(want in ("_", n) for want, n in zip(limit, ours))
    shape = shape_text(ours)
    if agrees:
        return [Budget(what="shape", limit=wanted, ours=shape, verdict="kept", at=at)], []
    right = f"[{', '.join(map(str, ours))}]"
    where = f" of `{at}`" if at else ""
    fault = Diagnostic(
        "CNN302",
        f"the shape{where} is {shape}, the budget is {wanted}",
        place.position(file),
        f"if {shape} is right, write `shape: {right}`",
        severity="warning",
        fix=Fix(f"write `{right}`", (place.whole(right),), restates=True),
        subject="shape",
    )
    return [Budget(what="shape", limit=wanted, ours=shape, verdict="differs", at=at)], [fault]


def _limits(limit: Any, marks: Marks) -> list[_Limit]:
    """The bounds of ``< 26M``, ``{max: …}`` and ``{min: …}``; a bare number is a maximum."""
    if isinstance(limit, dict):
        bounds = [_keyed_limit(key, value, marks.find(key)) for key, value in limit.items()]
        return bounds or [_Limit("<=", None, "", marks)]
    if isinstance(limit, str) and (match := _SHORT.match(limit)):
        sign, value = match[1] or "≤", match[2]
        return [_Limit(_SIGNS.get(sign, sign), value, f"{sign} {plain(value)}", marks)]
    return [_Limit("<=", limit, f"≤ {plain(limit)}", marks)]


def _keyed_limit(key: str, value: Any, marks: Marks) -> _Limit:
    """The bound of ``max: 26M`` or ``min: 224``."""
    known = key in ("max", "min")
    return _Limit(
        sign=_SIGNS[key] if known else "<=",
        value=value if known else None,
        text=f"at {'most' if key == 'max' else 'least'} {plain(value)}",
        marks=marks,
        key=key,
    )


def rounded(n: int, up: bool, bytes: bool = False) -> str:
    """A limit of three or four digits that n keeps.

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
