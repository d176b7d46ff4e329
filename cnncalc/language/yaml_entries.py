"""Removes entries from mappings of a YAML text, by their marks."""

from __future__ import annotations

from ..diagnostic import Edit
from .yaml_tree import Marks


def entry_removed(marks: Marks, key: str) -> tuple[Edit, ...]:
    """Return the edit that removes a key and its value from a mapping.

    In {…} it takes one comma with them, in block style their lines. It is empty if the place of the
    value is not known, or if nothing would be left of a mapping in block style.
    """
    if key not in marks.keys or key not in marks.items:
        return ()
    places = sorted((line, column, name) for name, (line, column, _) in marks.keys.items())
    n = [name for _, _, name in places].index(key)
    line, column, _ = places[n]
    end = _end(marks.items[key])
    if n + 1 < len(places) and (_in_braces(marks) or n == 0):
        following = places[n + 1]
        return (_cut((line, column), following[:2]),)
    if _in_braces(marks):
        start = _end(marks.items[places[n - 1][2]]) if n else (line, column)
        return (_cut(start, end),)
    return (_cut((line, 0), (end[0] + 1, 0)),) if n else ()


def _in_braces(marks: Marks) -> bool:
    """Return whether a mapping is written as {…}: then it starts before its first key."""
    line, column, _ = min(marks.keys.values())
    return (line, column) != (marks.line, marks.column)


def _end(marks: Marks) -> tuple[int, int]:
    """Return where a value ends."""
    return marks.end or (marks.line, marks.column + marks.width)


def _cut(start: tuple[int, int], end: tuple[int, int]) -> Edit:
    """Return the edit that removes a range; lines and columns count from 0."""
    return Edit(start[0] + 1, start[1] + 1, end[0] + 1, end[1] + 1, "")
