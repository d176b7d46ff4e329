"""Offers to set a budget to the figure that the network has."""

from __future__ import annotations

from collections.abc import Iterator

from ...analysis.bound import is_maximum
from ...analysis.result import Budget
from ...checking.repair.edited_text import Replacement
from ...language.yaml_flow import in_yaml
from ...language.yaml_tree import Marks
from ..view import View
from .action import Action


def set_budget(view: View, first: int, last: int) -> Iterator[Action]:
    """Yield a change for each budget of the network shown that is written between two offsets."""
    spec, report = view.spec, view.report
    if spec is None or report is None or not report.complete:
        return
    places, marks = view.places, spec.figures(view.variant).budget_marks
    for budget in report.budgets:
        owner = marks.find("at", budget.at) if budget.at else marks
        key = budget.what
        if key not in owner.keys or key not in owner.items:
            continue
        start, end = places.key(owner, key)[0], places.span(owner.items[key])[1]
        if end < first or start > last or not isinstance(budget.ours, int):
            continue
        change = _limit(view, owner.items[key], budget)
        if change is not None and view.text[change.start : change.end] != change.text:
            title = f"Set the budget of {budget.subject} to what it is, {budget.ours:,}"
            yield Action(title, "quickfix", (change,))


def _limit(view: View, marks: Marks, budget: Budget) -> Replacement | None:
    """Return the change of a limit, as it is written: `< 26M` or `{max: 26M}`."""
    for word in ("max", "min"):
        if word in marks.items and len({"max", "min"} & marks.keys.keys()) == 1:
            return Replacement(*view.places.span(marks.items[word]), str(budget.ours))
    if marks.items or marks.keys:
        return None
    start, end = view.places.span(marks)
    word = "max" if is_maximum(budget.limit) else "min"
    return Replacement(start, end, in_yaml({word: budget.ours}))
