"""Lays out lines of text for a screen: they break between words, and no number is cut."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from textwrap import wrap

_JOINED = "\u00a0"  # a blank at which no line breaks
_NARROWEST = 20  # columns that words get at least


def wrapped(text: str, width: int | None, start: str = "", indent: str = "") -> list[str]:
    """Break a text into lines between words, but not within words.

    `start` is before the first line, and `indent` before the others. Logs, which have no width,
    keep one line.
    """
    if width is None:
        return [start + text]
    return wrap(
        text,
        max(width, _NARROWEST),
        initial_indent=start,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    ) or [start]


def hanging(line: str, width: int, indent: int = 3) -> list[str]:
    """Break a line between words; the next ones are indented, and the first keeps its blanks."""
    first = " " * (len(line) - len(line.lstrip()))
    return _broken(line, width, first, " " * indent)


def beside(sign: str, label: str, room: int, words: str, width: int) -> Iterator[str]:
    """Yield a label and words beside it, or below it if the label does not fit in its room."""
    indent = len(sign) + room + 2
    if width - indent < _NARROWEST or len(label) > room:
        for start, part in zip(
            chain([sign], repeat(" " * len(sign))), _parts(label, width - len(sign))
        ):
            yield start + part
        below = " " * (len(sign) + 2)
        yield from _broken(words, width, below, below)
        return
    first = f"{sign}{label:<{room}}  "
    yield from _broken(words, width, first, " " * indent)


Cells = tuple[str, str, str, str]


def widest(rows: Sequence[Cells]) -> int:
    """Return the width of the widest line of rows in columns."""
    return max((len(line) for line in _laid_out(rows, rows)), default=0)


def in_columns(rows: Sequence[Cells], width: int) -> Iterator[str]:
    """Yield ``name  old → new  change`` for each row, in columns.

    A row that is wider than the screen gets lines of its own.
    """
    fitting = [row for row in rows if sum(map(len, row)) + 8 <= width]
    for row, line in zip(rows, _laid_out(rows, fitting)):
        if len(line) <= width:
            yield line
        else:
            name, old, new, change = row
            yield from hanging(f" {name}  {old} → {new}  {change}".rstrip(), width)


def _laid_out(rows: Sequence[Cells], measured: Sequence[Cells]) -> Iterator[str]:
    """Yield a line for each row, in columns that are as wide as the measured rows need."""
    names, olds, news = (max([len(row[n]) for row in measured], default=0) for n in range(3))
    for name, old, new, change in rows:
        yield f" {name:<{names}}  {old:>{olds}} → {new:>{news}}  {change}".rstrip()


def _parts(path: str, room: int) -> Iterator[str]:
    """Yield a path in lines that end at a dot or between words; longer names are cut."""
    line = ""
    for name in re.findall(r"[^. ]*[. ]?", path):
        if len(line) + len(name.rstrip()) > room:
            yield line.rstrip()
            line = ""
        while len(name) > room:
            yield name[:room]
            name = name[room:]
        line += name
    yield line


def _broken(text: str, width: int, first: str, others: str) -> list[str]:
    """Break a text as `wrapped` does; parts between semicolons stay together if they fit."""
    room = width - max(len(first), len(others)) - 1
    parts = text.strip().split("; ")
    if len(parts) > 1:
        parts = [part.replace(" ", _JOINED) if len(part) <= room else part for part in parts]
    lines = wrapped("; ".join(parts), width, first, others)
    return [line.replace(_JOINED, " ") for line in lines]
