"""Folding: blocks, variants, layers and comments that fill several lines."""

from __future__ import annotations

from lsprotocol import types as lsp

from ..language.yaml_tree import Marks
from .places import Places
from .view import View


def folding(view: View) -> list[lsp.FoldingRange]:
    """Return the ranges of lines that can be folded."""
    found: set[tuple[int, int]] = set()
    if view.spec is not None:
        _of_value(view.places, view.spec.marks, found)
    ranges = [
        lsp.FoldingRange(start, end, kind=lsp.FoldingRangeKind.Region)
        for start, end in sorted(found)
    ]
    return ranges + [
        lsp.FoldingRange(start, end, kind=lsp.FoldingRangeKind.Comment)
        for start, end in _comments(view.places)
    ]


def _of_value(places: Places, marks: Marks, found: set[tuple[int, int]]) -> None:
    """Add the values of keys, and the entries of lists, that fill several lines."""
    for key, value in marks.items.items():
        start = places.span(value)[0] if key not in marks.keys else places.key(marks, key)[0]
        end = places.span(value)[1]
        first, last = places.line_of(start), places.line_of(max(start, end - 1))
        if last > first:
            found.add((first, last))
        _of_value(places, value, found)


def _comments(places: Places) -> list[tuple[int, int]]:
    """Return the runs of lines that are comments."""
    runs: list[list[int]] = []
    for line in range(places.lines):
        if places.of_line(line).lstrip().startswith("#"):
            if runs and runs[-1][1] == line - 1:
                runs[-1][1] = line
            else:
                runs.append([line, line])
    return [(first, last) for first, last in runs if last > first]
