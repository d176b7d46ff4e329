"""Describes the layers that differ between two networks, one by one or folded into blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..analysis.blocks import LONG
from ..analysis.diff import Change, Unit
from ..at_least import AtLeast
from ..wording import plural, shape_text, short, value_text

SIGNS = {"added": "+", "removed": "−", "changed": "~"}
_VALUE = 40  # most characters of a value
_SUMS = ("params", "macs")  # of a block


class ChangeLine(NamedTuple):
    """A line about a layer or block: its sign, what it is called, and what changed."""

    sign: str
    label: str
    words: str


def folded_changes(changes: Sequence[Change], depth: int | None) -> list[ChangeLine]:
    """Return a line for each change; those deeper than `depth` share the line of their block."""
    blocks: dict[str, list[Change]] = {}
    for change in changes:
        path = _unit(change).row.path
        parts = path.split(".")
        blocks.setdefault(path if depth is None else ".".join(parts[:depth]), []).append(change)
    lines = []
    for path, members in blocks.items():
        if len(members) == 1 and _unit(members[0]).row.path == path:
            lines.append(ChangeLine(SIGNS[members[0].kind], _label(members[0]), _words(members[0])))
        else:
            lines.append(_of_block(path, members))
    return lines


def readable_depth(changes: Sequence[Change]) -> int | None:
    """Return the largest depth at which many changes take at most `LONG` lines, but 1 or more.

    None if they are few enough, or if no layer is in a block.
    """
    deepest = max((_unit(change).row.path.count(".") for change in changes), default=0)
    if len(changes) <= LONG or not deepest:
        return None
    depths = range(deepest, 1, -1)
    return next((n for n in depths if len(folded_changes(changes, n)) <= LONG), 1)


def _of_block(path: str, changes: list[Change]) -> ChangeLine:
    """Return one line for the changes in a block: how many layers, and the sums."""
    kinds = Counter(change.kind for change in changes)
    kind = next(iter(kinds)) if len(kinds) == 1 else "changed"
    parts = [", ".join(f"{plural(n, 'layer')} {word}" for word, n in kinds.items())]
    for what in _SUMS:
        moved = sum(_figure(change.new, what) - _figure(change.old, what) for change in changes)
        if isinstance(moved, AtLeast):
            parts.append(f"{what} not known")
        elif moved:
            parts.append(f"{what} {moved:+,}")
    return ChangeLine(SIGNS[kind], path, "; ".join(parts))


def _figure(unit: Unit | None, what: str) -> int:
    value: int = 0 if unit is None else getattr(unit.row, what)
    return value


def _label(change: Change) -> str:
    """Return ``conv3_4 + relu8``: a layer and those after it that write over its output.

    The path is the one in the new network, if the layer is in it.
    """
    unit = _unit(change)
    return " + ".join([unit.row.path, *(path.rpartition(".")[2] for path, _, _ in unit.riders)])


def _unit(change: Change) -> Unit:
    unit = change.new or change.old
    assert unit is not None  # a change has at least one of them
    return unit


def _words(change: Change) -> str:
    """Return what a layer is, or what changed in it."""
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
    """Return a value, cut off if it is too long for a line."""
    text = value_text(value)
    return text if len(text) <= _VALUE else text[: _VALUE - 1] + "…"
