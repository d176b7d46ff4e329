"""Two networks side by side: for a screen, as Markdown for a comment, as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..analysis.diff import BudgetChange, Change, Diff, Unit
from ..wording import shape_text, short, value_text
from .formats.json import Json, document
from .formats.lines import Lines, joined
from .formats.markdown import Page

SIGNS = {"added": "+", "removed": "−", "changed": "~"}
ALWAYS = ("params", "macs")  # sums that are shown even if they are equal
LABEL, VALUE = 60, 40  # characters of a line that a layer's label and a value may take

Pairs = list[tuple[str, Diff]]  # the variant's name, if several are compared
Alone = tuple[list[str], list[str]]  # variants that only the old or only the new family has


def table(diffs: Pairs, alone: Alone, width: int) -> Lines:
    """Write each pair's layers that differ, totals and budgets; lines are not cut to the width."""
    parts = [*(list(_lines(diff)) for _, diff in diffs), *([line] for line in _unpaired(alone))]
    first, *others = parts
    return joined([first, *(["", *lines] for lines in others)])


def json(diffs: Pairs, alone: Alone) -> Json:
    """Write everything that differs."""
    networks = [_data(name, diff) for name, diff in diffs]
    return document({"removed": alone[0], "added": alone[1], "networks": networks})


def markdown(diffs: Pairs, alone: Alone) -> Page:
    """Write a heading and two tables for each pair."""
    page = Page()
    for name, diff in diffs:
        _add_section(page, name, diff)
    for line in _unpaired(alone):
        page.paragraph(line)
    return page


def differs(diff: Diff) -> bool:
    """Whether there is anything to report."""
    return (
        any(change.kind != "renamed" for change in diff.changes)
        or any(old != new for old, new in diff.totals.values())
        or any(budget.old_limit != budget.limit for budget in diff.budgets)
    )


def _unpaired(alone: Alone) -> list[str]:
    """Return the variants that were removed or added."""
    named = zip(("removed", "added"), alone)
    return [f"{word}: {', '.join(names)}" for word, names in named if names]


def _listed(diff: Diff) -> list[Change]:
    """Return the changes that get a line of their own."""
    return [change for change in diff.changes if change.kind in SIGNS]


def _lines(diff: Diff) -> Iterator[str]:
    """Yield the lines of a pair for a screen."""
    if not differs(diff):
        yield f"{diff.new.name}: no change"
        return
    yield _heading(diff)
    yield ""
    changes = _listed(diff)
    width = min(max((len(_label(change)) for change in changes), default=0), LABEL)
    for change in changes:
        yield f" {SIGNS[change.kind]} {_label(change):<{width}}  {_words(change)}"
    if changes:
        yield ""
    yield f" {_alike(diff)}"
    yield ""
    rows = list(_rows(diff))
    names, olds, news, _ = (max(map(len, column)) for column in zip(*rows))
    for name, old, new, moved in rows:
        yield f" {name:<{names}}  {old:>{olds}} → {new:>{news}}  {moved}".rstrip()
    for budget in diff.budgets:
        moved = f"{value_text(budget.old)} → {value_text(budget.new)}"
        yield f" budget {budget.what} {_limit(budget)}: {moved}, {budget.verdict}"


def _add_section(page: Page, name: str, diff: Diff) -> None:
    """Add a pair to a page."""
    if not differs(diff):
        page.paragraph(f"{diff.new.name}: no change")
        return
    rows = [*_rows(diff), *map(_budget_row, diff.budgets)]
    page.heading(f"{_heading(diff)} (`{name}`)" if name else _heading(diff))
    columns = {"": False, "old": True, "new": True, "change": True}  # which are numeric
    page.table(list(columns), columns.values(), rows, compact=True)
    changes = [(SIGNS[c.kind], f"`{_label(c)}`", _words(c)) for c in _listed(diff)]
    if changes:
        page.table(("", "layer", ""), [False] * 3, changes, compact=True)
    page.paragraph(_alike(diff))


def _heading(diff: Diff) -> str:
    """Write ``VGG-16 → VGG-19``; of two versions of one network, where they are from."""
    old, new = diff.labels
    return f"{diff.new.name}: {old} → {new}" if old else f"{diff.old.name} → {diff.new.name}"


Cells = tuple[str, str, str, str]


def _rows(diff: Diff) -> Iterator[Cells]:
    """Yield the sums that differ, and those that everybody looks for."""
    for name, (old, new) in diff.totals.items():
        if old != new or name in ALWAYS:
            yield name, value_text(old), value_text(new), _difference(old, new)


def _budget_row(budget: BudgetChange) -> Cells:
    sign = "✅" if budget.verdict == "kept" else "❌"
    return (
        f"budget {budget.what} {_limit(budget)}",
        value_text(budget.old),
        value_text(budget.new),
        f"{sign} {budget.verdict}",
    )


def _limit(budget: BudgetChange) -> str:
    """Write ``< 2M``, or how it changed."""
    if budget.old_limit in (None, budget.limit):
        return budget.limit
    return f"{budget.old_limit} → {budget.limit}"


def _label(change: Change) -> str:
    """Write ``conv3_4 + relu8``: a layer with those that follow in its place.

    The path is that in the new network, if the layer is there.
    """
    unit = _unit(change)
    return " + ".join([unit.row.path, *(path.rpartition(".")[2] for path, _, _ in unit.riders)])


def _unit(change: Change) -> Unit:
    unit = change.new or change.old
    assert unit is not None  # a change has one of them
    return unit


def _words(change: Change) -> str:
    """Write what a layer is, or what changed in it."""
    if change.figures:
        figures = change.figures.items()
        return "; ".join(f"{name} {_brief(old)} → {_brief(new)}" for name, (old, new) in figures)
    row = _unit(change).row
    parts = [f"{row.op} {shape_text(row.output_shape)}"]
    if row.params:
        parts.append(f"{row.params:,} params")
    if row.macs:
        parts.append(f"{short(row.macs)} MACs")
    return ", ".join(parts)


def _brief(value: Any) -> str:
    """Write a value that is not too long for a line."""
    text = value_text(value)
    return text if len(text) <= VALUE else text[: VALUE - 1] + "…"


def _alike(diff: Diff) -> str:
    """Write how many layers are the same, are under another path, or see another field."""
    words = f"{diff.alike} layers unchanged"
    kept = [change for change in diff.changes if change.kind in ("field", "renamed")]
    pairs = [(change.old, change.new) for change in kept]
    renamed = sum(bool(old and new and old.row.path != new.row.path) for old, new in pairs)
    if renamed:
        words += f", {renamed} under another path"
    fields = [change.figures["field"] for change in kept if change.kind == "field"]
    if fields:
        shown = [f"{value_text(old)} → {value_text(new)}" for old, new in fields]
        ends = shown[:1] if len(shown) == 1 else [shown[0], shown[-1]]
        words += f", {len(fields)} with other fields ({' … '.join(ends)})"
    return words


def _difference(old: Any, new: Any) -> str:
    """Write ``+5,309,696 (+3.8%)``."""
    if not isinstance(old, int) or not isinstance(new, int):
        return "" if old == new else "changed"
    if old == new:
        return "="
    change = f"{new - old:+,}"
    if not old:
        return change
    places = ".1%" if abs(new - old) * 1000 >= old else ".2%"
    return f"{change} ({(new - old) / old:+{places}})"


def _data(name: str, diff: Diff) -> dict[str, Any]:
    """Return a pair as programs read it."""
    return {
        "name": name or None,
        "old": diff.old.name,
        "new": diff.new.name,
        "alike": diff.alike,
        "layers": [_change_data(change) for change in diff.changes],
        "totals": diff.totals,
        "budgets": [budget._asdict() for budget in diff.budgets],
    }


def _change_data(change: Change) -> dict[str, Any]:
    return {
        "change": change.kind,
        "old": change.old and change.old.row.path,
        "new": change.new and change.new.row.path,
        "figures": change.figures,
    }
