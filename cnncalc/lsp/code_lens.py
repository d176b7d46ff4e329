"""Code lens: totals of a network and its variants, budgets, and the use of a block shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lsprotocol import types as lsp

from ..analysis.result import Budget
from ..checking.lock import Figures
from ..wording import axes_text, plural, value_text
from .hover import short_totals
from .view import View

SHOW_VARIANT = "cnncalc.showVariant"
SHOW_USE = "cnncalc.showUse"
COMPARE = "cnncalc.compareWithSaved"
NOTHING = ""


def code_lens(
    view: View, uri: str, figures: Mapping[str | None, Figures], budgets: list[Budget]
) -> list[lsp.CodeLens]:
    """Return the lines to show above others; `figures` are those of the variants checked so far."""
    spec = view.spec
    if spec is None:
        return []
    marks, found = spec.marks, []
    if "layers" in marks.keys:
        line = marks.keys["layers"][0]
        shown = view.variant or "the base" if len(spec.members) > 1 else ""
        totals = _totals(view, figures)
        found.append(_lens(line, ": ".join(filter(None, (shown, totals)))))
        found.append(_lens(line, "compare with saved", COMPARE, uri))
    for variant in spec.variants:
        where = marks.find("variants").keys.get(variant)
        if where is None:
            continue
        totals = short_totals(figures[variant]) if variant in figures else ""
        if variant in view.names_shown:
            title = ": ".join(filter(None, ("shown", totals)))
            found.append(_lens(where[0], title))
        else:
            title = f"show {variant}" + (f": {totals}" if totals else "")
            found.append(_lens(where[0], title, SHOW_VARIANT, uri, variant))
    found += _budgets(view, budgets)
    found += _uses(view, uri)
    return found


def _totals(view: View, figures: Mapping[str | None, Figures]) -> str:
    """Return the totals of the network that is shown; its field too."""
    report = view.report if view.has_figures else None
    if report is None or not report.complete:
        totals = figures.get(view.variant)
        return short_totals(totals) if totals else "not complete"
    text = short_totals({"params": report.totals.params, "macs": report.totals.macs})
    if report.receptive_field is not None:
        text += f" · field {axes_text(report.receptive_field[1].size)}"
    return text


def _budgets(view: View, budgets: list[Budget]) -> list[lsp.CodeLens]:
    """Return a line above the budget of the network that is shown: what is kept, what not."""
    assert view.spec is not None
    marks = view.spec.marks
    if view.variant is not None and view.variant in marks.find("variants").items:
        marks = marks.find("variants", view.variant)
    if "budget" not in marks.keys or not budgets:
        return []
    broken = [budget for budget in budgets if budget.verdict != "kept"]
    title = f"{plural(len(budgets), 'budget')} kept"
    if broken:
        parts = [f"{b.subject} {value_text(b.ours)}: {b.verdict}" for b in broken]
        title = " · ".join(parts)
    return [_lens(marks.keys["budget"][0], title)]


def _uses(view: View, uri: str) -> list[lsp.CodeLens]:
    """Return a line above each block that says which use of it is shown, and shows the next."""
    assert view.spec is not None
    found = []
    if view.uses is None:
        return []
    for name, uses in view.uses.blocks.items():
        where = view.spec.marks.find("blocks").keys.get(name)
        if where is None:
            continue
        number = view.uses.number_shown(name, view.chosen)
        title = f"use {number + 1} of {len(uses)}: {uses[number].path}"
        if len(uses) == 1:
            found.append(_lens(where[0], title))
        else:
            following = (number + 1) % len(uses)
            found.append(_lens(where[0], f"{title} · next", SHOW_USE, uri, name, following))
    return found


def _lens(line: int, title: str, command: str = NOTHING, *arguments: Any) -> lsp.CodeLens:
    where = lsp.Range(lsp.Position(line, 0), lsp.Position(line, 0))
    return lsp.CodeLens(where, lsp.Command(title, command, arguments=list(arguments) or None))
