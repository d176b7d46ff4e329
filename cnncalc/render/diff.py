"""Two networks side by side: for a screen, as Markdown for a comment, as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..analysis.diff import Change, Diff, Moved, Unit
from .columns import shape_text, short
from .json import SCHEMA_VERSION, dumps, number

SIGNS = {"added": "+", "removed": "−", "changed": "~"}


Alone = tuple[list[str], list[str]]  # variants that only the old, or only the new family has


def table(diffs: list[tuple[str, Diff]], alone: Alone) -> str:
    """Each pair of networks: its layers that differ, its totals, its budgets."""
    parts = [
        "\n".join(lines(diff)) if differs(diff) else f"{diff.new.name}: no change"
        for _, diff in diffs
    ]
    return "\n\n".join([*parts, *unpaired(alone)])


def unpaired(alone: Alone) -> list[str]:
    """The variants that were removed or added."""
    return [
        f"{word}: {', '.join(names)}" for word, names in zip(("removed", "added"), alone) if names
    ]


def differs(diff: Diff) -> bool:
    """Whether there is anything to tell."""
    return (
        any(change.kind != "renamed" for change in diff.changes)
        or any(old != new for old, new in diff.totals.values())
        or any(budget.old_limit != budget.limit for budget in diff.budgets)
    )


def listed(diff: Diff) -> list[Change]:
    """The changes that get a line of their own."""
    return [change for change in diff.changes if change.kind in SIGNS]


def lines(diff: Diff) -> Iterator[str]:
    yield heading(diff)
    shown = listed(diff)
    width = max((len(label(change)) for change in shown), default=0)
    yield ""
    for change in shown:
        yield f" {SIGNS[change.kind]} {label(change):<{min(width, 60)}}  {words(change)}"
    yield f"{'' if not shown else chr(10)} {alike(diff)}"
    yield ""
    cells = [(name, value(old), value(new), change_of(old, new)) for name, old, new in totals(diff)]
    widths = [max(len(cell[n]) for cell in cells) for n in range(3)]
    for name, old_text, new_text, change_text in cells:
        yield f" {name:<{widths[0]}}  {old_text:>{widths[1]}} → {new_text:>{widths[2]}}  {change_text}".rstrip()
    for budget in diff.budgets:
        yield f" budget {budget.what} {limit_of(budget)}: {value(budget.old)} → {value(budget.new)}, {budget.verdict}"


def heading(diff: Diff) -> str:
    """``VGG-16 → VGG-19``; of two versions of one network, where they are from."""
    old, new = diff.labels
    return f"{diff.new.name}: {old} → {new}" if old else f"{diff.old.name} → {diff.new.name}"


def totals(diff: Diff) -> list[tuple[str, Any, Any]]:
    """The sums that differ, and those that everybody looks for."""
    return [
        (name, old, new)
        for name, (old, new) in diff.totals.items()
        if old != new or name in ("params", "macs")
    ]


def limit_of(budget: Moved) -> str:
    """``< 2M``, or how it changed."""
    return (
        budget.limit
        if budget.old_limit in (None, budget.limit)
        else f"{budget.old_limit} → {budget.limit}"
    )


def markdown(diffs: list[tuple[str, Diff]], alone: Alone) -> str:
    """A heading and two tables for each pair of networks."""
    parts = []
    for name, diff in diffs:
        if not differs(diff):
            parts += [f"{diff.new.name}: no change", ""]
            continue
        shown = listed(diff)
        parts += [f"### {heading(diff)}" + (f" (`{name}`)" if name else ""), ""]
        parts += ["| | old | new | change |", "|---|---:|---:|---:|"]
        parts += [
            f"| {what} | {value(old)} | {value(new)} | {change_of(old, new)} |"
            for what, old, new in totals(diff)
        ]
        parts += [
            f"| budget {budget.what} {limit_of(budget).replace('<', '&lt;')} | {value(budget.old)} | {value(budget.new)} | {'✅' if budget.verdict == 'kept' else '❌'} {budget.verdict} |"
            for budget in diff.budgets
        ]
        if shown:
            parts += [
                "",
                "| | layer | |",
                "|---|---|---|",
                *(
                    f"| {SIGNS[change.kind]} | `{label(change)}` | {words(change)} |"
                    for change in shown
                ),
            ]
        parts += ["", alike(diff), ""]
    return "\n".join([*parts, *unpaired(alone)]).rstrip()


def json(diffs: list[tuple[str, Diff]], alone: Alone) -> str:
    """The object that `diff --format json` prints."""
    return dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "removed": alone[0],
            "added": alone[1],
            "networks": [
                {
                    "name": name or None,
                    "old": diff.old.name,
                    "new": diff.new.name,
                    "alike": diff.alike,
                    "layers": [
                        {
                            "change": change.kind,
                            "old": change.old and change.old.row.path,
                            "new": change.new and change.new.row.path,
                            "figures": {
                                what: [plain(old), plain(new)]
                                for what, (old, new) in change.figures.items()
                            },
                        }
                        for change in diff.changes
                    ],
                    "totals": {
                        what: [plain(old), plain(new)] for what, (old, new) in diff.totals.items()
                    },
                    "budgets": [
                        {**budget._asdict(), "old": plain(budget.old), "new": plain(budget.new)}
                        for budget in diff.budgets
                    ],
                }
                for name, diff in diffs
            ],
        }
    )


def label(change: Change) -> str:
    """``conv3_4 + relu8``: a layer with those that follow in its place; its path in the new network, if it is there."""
    unit = change.new or change.old
    assert unit is not None
    return " + ".join([unit.row.path, *(path.rpartition(".")[2] for path, _, _ in unit.riders)])


def words(change: Change) -> str:
    """What a layer is, or what changed in it."""
    if change.figures:
        return "; ".join(
            f"{name} {brief(old)} → {brief(new)}" for name, (old, new) in change.figures.items()
        )
    return description(change.new or change.old)


def brief(data: Any) -> str:
    """A value that is not too long for a line."""
    text = value(data)
    return text if len(text) <= 40 else text[:39] + "…"


def description(unit: Unit | None) -> str:
    """``conv 256×56×56, 590,080 params, 1.85 G MACs``."""
    assert unit is not None
    row = unit.row
    parts = [
        f"{row.op} {shape_text(row.output_shape)}",
        *([f"{row.params:,} params"] if row.params else []),
        *([f"{short(row.macs)} MACs"] if row.macs else []),
    ]
    return ", ".join(parts)


def alike(diff: Diff) -> str:
    """How many layers are the same, how many have other paths, and where the fields of those behind a change went."""
    both = [
        change
        for change in diff.changes
        if change.kind in ("field", "renamed") and change.old and change.new
    ]
    renamed = sum(
        change.old.row.path != change.new.row.path for change in both if change.old and change.new
    )
    fields = [change.figures["field"] for change in both if change.kind == "field"]
    ends = (
        f", {len(fields)} with other fields ({value(fields[0][0])} → {value(fields[0][1])}"
        + (f" … {value(fields[-1][0])} → {value(fields[-1][1])})" if len(fields) > 1 else ")")
        if fields
        else ""
    )
    return (
        f"{diff.alike} layers unchanged"
        + (f", {renamed} under another path" if renamed else "")
        + ends
    )


def value(data: Any) -> str:
    """A figure or setting for people."""
    if data is None:
        return "–"
    if isinstance(data, bool):
        return "true" if data else "false"
    if isinstance(data, int):
        return f"{data:,}"
    if isinstance(data, (tuple, list)):
        if all(isinstance(n, int) for n in data):
            return shape_text(tuple(data)) if data else "–"
        return ", ".join(value(part) for part in data) or "–"
    return str(data)


def change_of(old: Any, new: Any) -> str:
    """``+5,309,696 (+3.8%)``."""
    if not isinstance(old, int) or not isinstance(new, int):
        return "" if old == new else "changed"
    share = (
        f" ({(new - old) / old:+{'.1%' if abs(new - old) * 1000 >= old else '.2%'}})" if old else ""
    )
    return (
        f"{new - old:+,}{share}" if old and new != old else f"{new - old:+,}" if new != old else "="
    )


def plain(data: Any) -> Any:
    """A value of JSON."""
    return [plain(part) for part in data] if isinstance(data, (tuple, list)) else number(data)
