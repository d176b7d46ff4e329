"""The entries of a list of layers in block style: their lines, and texts moved to other columns."""

from __future__ import annotations

import re
from typing import NamedTuple

from ...language.steps import Step
from ..layer_lists import Layers
from ..places import Places


class Entry(NamedTuple):
    """A layer of a list in block style: its lines, and the columns of its dash and its text."""

    step: Step
    first: int
    last: int
    dash: int
    column: int


def entries(places: Places, layers: Layers) -> list[Entry]:
    """Return the layers of a list; none unless each of them begins a line with its dash."""
    found: list[Entry] = []
    for step in layers.steps:
        start, end = places.span(step.marks)
        line = places.line_of(start)
        before = places.text[places.start_of_line(line) : start]
        if not re.fullmatch(r" *- +", before):
            return []
        key = places.start(step.place) + step.place.length
        last = places.line_of(max(end - 1, start, key - 1))
        found.append(Entry(step, line, last, before.index("-"), len(before)))
    return found


def lines_of(places: Places, first: Entry, last: Entry) -> list[str]:
    """Return the lines from one layer to another, with those between them."""
    return [places.of_line(line) for line in range(first.first, last.last + 1)]


def moved(lines: list[str], old: int, new: int) -> list[str]:
    """Return lines that begin at a column, at another one."""
    found = []
    for line in lines:
        bare = line.lstrip(" ")
        indent = len(line) - len(bare)
        found.append(" " * max(indent - old + new, 0) + bare if bare else "")
    return found
