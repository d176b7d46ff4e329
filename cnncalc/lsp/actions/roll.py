"""Offers to write equal layers once with a `repeat`, and the copies of a repeat one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...checking.repair.edited_text import Replacement
from ...language.steps import Step
from ..layer_lists import Layers
from ..values import values_of
from ..view import View
from .action import Action, changed
from .entries import Entry, entries, lines_of, moved
from .form import change_of_form

_LONGEST = 12  # layers of a group that is repeated
_MOST = 64  # copies that are written one by one


def roll(view: View, layers: Layers, step: Step) -> Iterator[Action]:
    """Yield the change that writes the equal layers from this one on only once."""
    listed = entries(view.places, layers)
    at = next((n for n, entry in enumerate(listed) if entry.step is step), None)
    if at is None:
        return
    texts = [_text(view, entry) for entry in listed]
    best = (0, 0)
    for length in range(1, min(_LONGEST, (len(texts) - at) // 2) + 1):
        group, copies = texts[at : at + length], 1
        while texts[at + copies * length : at + (copies + 1) * length] == group:
            copies += 1
        if copies > 1 and copies * length > best[0] * best[1]:
            best = (copies, length)
    copies, length = best
    if copies < 2:
        return
    first, last = listed[at], listed[at + copies * length - 1]
    lines = lines_of(view.places, first, listed[at + length - 1])
    dash = " " * first.dash + "-" + " " * (first.column - first.dash - 1)
    inside = moved(lines, first.dash, first.dash + 4)
    new = [f"{dash}chain:", *inside, f"{' ' * first.column}repeat: {copies}"]
    if length == 1 and first.step.marks.keys and not _is_flow(view, first):
        new = [*lines, f"{' ' * first.column}repeat: {copies}"]
    elif length == 1 and not first.step.marks.keys:
        new = [f"{dash}{first.step.key}:", f"{' ' * first.column}repeat: {copies}"]
    yield from _offered(view, first, last, new, f"Write {copies} equal copies as a repeat")


def _text(view: View, entry: Entry) -> list[str]:
    """Return the lines of a layer, by which it is equal to another one."""
    lines = [view.places.of_line(n).rstrip() for n in range(entry.first, entry.last + 1)]
    return moved(lines, entry.dash, 0)


def _is_flow(view: View, entry: Entry) -> bool:
    start, _ = view.places.span(entry.step.marks)
    return view.text[start : start + 1] == "{"


def unroll(view: View, layers: Layers, step: Step) -> Iterator[Action]:
    """Yield the change that writes the copies of a repeated layer one by one."""
    own = next((e for e in entries(view.places, layers) if e.step is step), None)
    if own is None or step.repeat is None or "repeat" not in step.marks.items:
        return
    use = next((use for use in view.shown if use.step is step), None)
    copies = use.copies if use is not None else None
    if copies is None or not 1 <= copies <= _MOST or _is_flow(view, own):
        return
    new: list[str] = []
    for n in range(copies):
        new += _copy(view, own, n)
    yield from _offered(view, own, own, new, f"Write the {copies} copies one by one")


def _copy(view: View, entry: Entry, n: int) -> list[str]:
    """Return the lines of one copy: without `repeat`, with its number in its expressions."""
    step, places, names = entry.step, view.places, view.names
    assert names is not None
    start = places.start_of_line(entry.first)
    end = places.end_of_line(entry.last)
    first = places.start_of_line(places.line_of(places.key(step.marks, "repeat")[0]))
    last = places.end_of_line(places.line_of(places.span(step.marks.items["repeat"])[1] - 1)) + 1
    changes = [Replacement(first - start, min(last, end + 1) - start, "")]
    if "name" in step.marks.items:
        at, until = places.span(step.marks.items["name"])
        changes.append(Replacement(at - start, until - start, f"{step.name}_{n}"))
    for _, key, marks in values_of(names.spec):
        at, until = places.span(marks)
        if key == "name" or not start <= at < end or first <= at < last:
            continue
        new = re.sub(rf"(?<![\w.]){step.counter}(?!\w)", str(n), view.text[at:until])
        if new != view.text[at:until]:
            changes.append(Replacement(at - start, until - start, new))
    text = changed(view.text[start:end] + "\n", changes)
    return text.replace("\r\n", "\n").strip("\n").split("\n")


def _offered(
    view: View, first: Entry, last: Entry, lines: list[str], title: str
) -> Iterator[Action]:
    """Yield a change of the lines of layers."""
    start = view.places.start_of_line(first.first)
    end = view.places.end_of_line(last.last)
    change = Replacement(start, end, "\n".join(lines))
    yield from change_of_form(view, title, "refactor.rewrite", change)
