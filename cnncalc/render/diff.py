"""Writes the differences of two networks for a screen, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from math import log2
from typing import Any

from ..analysis.diff import BudgetChange, Change, Diff
from ..analysis.figures import RECEPTIVE_FIELDS
from ..at_least import AtLeast
from ..language.validation import plain
from ..wording import figure_text, value_text
from .analyze import UNKNOWN_FIGURES
from .changes import SIGNS, folded_changes, readable_depth
from .formats.json import Json, document, with_unknown
from .formats.lines import Lines, joined
from .formats.markdown import Page
from .formats.table import bar
from .formats.wrapped import beside, hanging, in_columns, widest

ALWAYS = ("params", "macs")  # sums that are shown even if they are equal
WITH_GATES, WITHOUT_GATES = RECEPTIVE_FIELDS
_BAR = 8  # cells of the bar of a change
LABEL = 60  # most characters of a layer's label that share a line with what changed

Pairs = list[tuple[str, Diff]]  # with the variant's name, if several are compared
Alone = tuple[list[str], list[str]]  # variants that only the old or only the new family has


def table(
    diffs: Pairs, alone: Alone, depth: int | None, folds: bool = False, *, width: int
) -> Lines:
    """Write parameters, totals and budgets of each pair, then the layers that differ.

    Layers deeper than `depth` are folded into their blocks; if it `folds` by itself, those of a
    long list are, and a line says so. Lines break between words.
    """
    parts = [list(_lines(diff, depth, folds, width)) for _, diff in diffs]
    parts += [hanging(line, width) for line in _unpaired(alone)]
    first, *others = parts
    return joined([first, *(["", *lines] for lines in others)])


def json(diffs: Pairs, alone: Alone, depth: int | None = None, folds: bool = False) -> Json:
    """Write everything that differs, at any depth."""
    networks = [_data(name, diff) for name, diff in diffs]
    return document({"removed": alone[0], "added": alone[1], "networks": networks})


def markdown(diffs: Pairs, alone: Alone, depth: int | None = None, folds: bool = False) -> Page:
    """Write a heading and two tables for each pair."""
    page = Page()
    for name, diff in diffs:
        _add_section(page, name, diff, depth)
    for line in _unpaired(alone):
        page.paragraph(line)
    return page


def differs(diff: Diff) -> bool:
    """Return whether there is anything to report."""
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


def _lines(diff: Diff, depth: int | None, folds: bool, width: int) -> Iterator[str]:
    """Yield the lines of a pair for a screen: what changed, the sums, then the layers."""
    if not differs(diff):
        yield from hanging(f"{diff.new.name}: no change", width)
        return
    yield from hanging(heading(diff), width)
    for report in (diff.old, diff.new):
        if report.undeclared:
            yield from hanging(f" {report.name}: {UNKNOWN_FIGURES}: {report.undeclared}", width)
        if report.declared and report.declared.paths:
            yield from hanging(f" {report.name}: declared, not computed: {report.declared}", width)
    yield ""
    if diff.parameters:
        yield from hanging(f" {_parameters(diff)}", width)
        yield ""
    rows = [*_rows(diff)]
    if widest(rows) > width:
        rows = [
            (*cells, change.partition(" (")[2].rstrip(")") or change) for *cells, change in rows
        ]
    yield from in_columns(rows, width)
    for budget in diff.budgets:
        moved = f"{figure_text(budget.what, budget.old)} → {figure_text(budget.what, budget.new)}"
        words = f" budget {budget.what} {_limit(budget)}: {moved}, {verdict(budget)}"
        yield from hanging(words, width)
    yield ""
    listed = _listed(diff)
    by_itself = readable_depth(listed) if folds else None
    lines = folded_changes(listed, depth or by_itself)
    room = min(max((len(line.label) for line in lines), default=0), LABEL, width // 2)
    for line in lines:
        yield from beside(f" {line.sign} ", line.label, room, line.words, width)
    if lines:
        yield ""
    if by_itself is not None:
        every = f" Blocks are folded: `--depth all` shows all {len(listed):,} changes."
        yield from hanging(every, width, 1)
    yield from hanging(f" {_alike(diff)}", width)


def _parameters(diff: Diff) -> str:
    """Return ``width 16 → 20, depth 3 → 4``: the parameters of the spec that changed."""
    pairs = diff.parameters.items()
    return ", ".join(f"{name} {plain(old)} → {plain(new)}" for name, (old, new) in pairs)


def _add_section(page: Page, name: str, diff: Diff, depth: int | None) -> None:
    """Add a pair to a page."""
    if not differs(diff):
        page.paragraph(f"{diff.new.name}: no change")
        return
    rows = [*_rows(diff), *map(_budget_row, diff.budgets)]
    page.heading(f"{heading(diff)} (`{name}`)" if name else heading(diff))
    if diff.parameters:
        page.paragraph(_parameters(diff))
    columns = {"": False, "old": True, "new": True, "change": True}  # which are numeric
    pairs = [diff.totals.get(row[0], (None, None)) for row in rows]
    drawn = [_change_bar(*pair) for pair in pairs]
    if any(drawn):
        table = [(*row, bar) for row, bar in zip(rows, drawn)]
        page.table([*columns, " "], [*columns.values(), False], table, compact=True)
    else:
        page.table(list(columns), columns.values(), rows, compact=True)
    lines = folded_changes(_listed(diff), depth)
    changes = [(line.sign, f"`{line.label}`", line.words) for line in lines]
    if changes:
        page.table(("", "layer", ""), [False] * 3, changes, compact=True)
    page.paragraph(_alike(diff))


def heading(diff: Diff) -> str:
    """Return ``VGG-16 → VGG-19``; for two versions of one network, where they come from."""
    old, new = diff.labels
    return f"{diff.new.name}: {old} → {new}" if old else f"{diff.old.name} → {diff.new.name}"


Cells = tuple[str, str, str, str]


def _rows(diff: Diff) -> Iterator[Cells]:
    """Yield the sums that differ, and those that are always shown."""
    for name, (old, new) in diff.totals.items():
        if old != new or name in ALWAYS:
            change = difference(old, new)
            if name == WITH_GATES and WITHOUT_GATES in diff.totals:
                change += ", with gates"
            yield name, value_text(old), value_text(new), change


def _budget_row(budget: BudgetChange) -> Cells:
    sign = "✅" if budget.verdict == "kept" else "❌"
    return (
        f"budget {budget.what} {_limit(budget)}",
        figure_text(budget.what, budget.old),
        figure_text(budget.what, budget.new),
        f"{sign} {verdict(budget)}",
    )


def _limit(budget: BudgetChange) -> str:
    """Return ``< 2M``, or how it changed."""
    if budget.old_limit in (None, budget.limit):
        return budget.limit
    return f"{budget.old_limit} → {budget.limit}"


def verdict(budget: BudgetChange) -> str:
    """Return ``kept``, ``still exceeded``, or both verdicts if they differ."""
    if budget.old_verdict in (None, budget.verdict):
        still = budget.old_verdict is not None and budget.verdict != "kept"
        return f"still {budget.verdict}" if still else budget.verdict
    return f"{budget.old_verdict} → {budget.verdict}"


def _alike(diff: Diff) -> str:
    """Return how many layers are the same, have another path, or see another field."""
    words = f"{diff.alike} layers unchanged"
    kept = [change for change in diff.changes if change.kind in ("field", "renamed")]
    pairs = [(change.old, change.new) for change in kept]
    renamed = sum(bool(old and new and old.row.path != new.row.path) for old, new in pairs)
    if renamed:
        words += f", {renamed} with a different path"
    fields = [change.figures["field"] for change in kept if change.kind == "field"]
    if fields:
        shown = [f"{value_text(old)} → {value_text(new)}" for old, new in fields]
        ends = shown[:1] if len(shown) == 1 else [shown[0], shown[-1]]
        words += f", {len(fields)} with a different field ({' … '.join(ends)})"
    return words


def difference(old: Any, new: Any) -> str:
    """Return ``+5,309,696 (+3.8%)``."""
    if not isinstance(old, int) or not isinstance(new, int):
        return "" if old == new else "changed"
    if isinstance(old, AtLeast) or isinstance(new, AtLeast):
        return "not known" if old == new else "changed"
    if old == new:
        return "="
    change = f"{new - old:+,}"
    if not old:
        return change
    places = ".1%" if abs(new - old) * 1000 >= old else ".2%"
    return f"{change} ({(new - old) / old:+{places}})"


def _change_bar(old: Any, new: Any) -> str:
    """Return a bar of a change: eight cells for twice or half as much, and more."""
    if not isinstance(old, int) or not isinstance(new, int) or old == new or old <= 0:
        return ""
    change = abs(log2(new / old)) if new > 0 else 1.0
    return bar(round(min(change, 1.0) * 1000), 1000, _BAR) if change else ""


def _data(name: str, diff: Diff) -> dict[str, Any]:
    """Return a pair for JSON."""
    return {
        "name": name or None,
        "old": diff.old.name,
        "new": diff.new.name,
        "alike": diff.alike,
        "layers": [_change_data(change) for change in diff.changes],
        "parameters": diff.parameters,
        "totals": diff.totals,
        **_unknown(diff),
        "budgets": [budget._asdict() for budget in diff.budgets],
    }


def _unknown(diff: Diff) -> dict[str, Any]:
    """Return why totals are unknown in either network, and what they are at least."""
    found: dict[str, Any] = {}
    for n, (side, report) in enumerate((("old", diff.old), ("new", diff.new))):
        values = {name: both[n] for name, both in diff.totals.items()}
        known = with_unknown(values, report.undeclared)
        if "unknown" in known:
            found[side] = {"unknown": known["unknown"], "at_least": known["at_least"]}
    return {"unknown": found} if found else {}


def _change_data(change: Change) -> dict[str, Any]:
    return {
        "change": change.kind,
        "old": change.old and change.old.row.path,
        "new": change.new and change.new.row.path,
        "figures": change.figures,
    }
