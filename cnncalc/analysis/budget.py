"""Budgets: limits on the figures of a network. `analyze` warns; enforcing them belongs to CI checks."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any, NamedTuple

from ..diagnostic import Diagnostic, nearest
from ..spec.check import shown
from ..spec.yaml_tree import Marks
from .fold import Report
from .quantity import figure, known_figures, printed

_SHORT = re.compile(r"(<=|>=|<|>|≤|≥)?\s*(.+)\Z")


class Budget(NamedTuple):
    """A limit beside our figure."""

    what: str
    limit: str
    ours: int
    verdict: str  # kept, exceeded (too much) or missed (too little)


def budgets(report: Report, budget: dict[str, Any], marks: Marks, file: str) -> tuple[list[Budget], list[Diagnostic]]:
    """Each limit beside our figure, and a warning for each that is passed."""
    results, found = [], []
    for what, limit in budget.items():
        ours = figure(report, what, None)
        if ours is None or isinstance(ours, tuple):
            found.append(Diagnostic("CNN101", f"`{what}` is no figure to budget" if what not in known_figures() else f"this network has no {what}", marks.key(file, what), help=nearest(what, known_figures()) or f"figures are {', '.join(known_figures())}"))
            continue
        for sign, value, text in limits(limit) or [("<=", None, "")]:
            number = printed(value, "bytes" in what)
            if number is None:
                found.append(Diagnostic("CNN103", f"a budget is `< 26M`, {{max: 26M}} or {{min: 224}}, not {shown(limit)}", marks.find(what).position(file)))
                continue
            kept = {"<": ours < number.value, "<=": ours <= number.value, ">": ours > number.value, ">=": ours >= number.value}[sign]
            results.append(Budget(what, text, ours, "kept" if kept else "exceeded" if "<" in sign else "missed"))
            if not kept:
                over = abs(Fraction(ours) - number.value)
                share = f" ({float(over / number.value):.1%} {'over' if '<' in sign else 'under'})" if number.value else ""
                found.append(Diagnostic("CNN302", f"{what} is {ours:,}, the budget is {text}{share}", marks.find(what).position(file), severity="warning"))
    return results, found


def limits(limit: Any) -> list[tuple[str, Any, str]]:
    """(sign, number, text) of ``< 26M``, ``{max: …}`` and ``{min: …}``; a bare number is a maximum."""
    if isinstance(limit, dict):
        known = {"max": "<=", "min": ">="}
        return [(known.get(key, "<="), value if key in known else None, f"{'at most' if key == 'max' else 'at least'} {value}") for key, value in limit.items()]
    if isinstance(limit, str) and (match := _SHORT.match(limit)):
        sign = {"≤": "<=", "≥": ">=", None: "<="}.get(match[1], match[1])
        return [(sign, match[2], f"{match[1] or '≤'} {match[2]}")]
    return [("<=", limit, f"≤ {limit}")]
