"""Formatting: the same data and comments, with even indentation and blanks."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types as lsp

from ..diagnostic import Mistake
from ..language.yaml_tokens import Token, comments, tokens
from ..language.yaml_tree import Marks, parse
from .places import Places

_STEP = 2  # columns of a level
_OPENING = ("FlowMappingStart", "FlowSequenceStart")
_CLOSING = ("FlowMappingEnd", "FlowSequenceEnd")


def formatting(text: str, file: str, encoding: str = "utf-16") -> list[lsp.TextEdit]:
    """Return the edits that format a text; none for a text that is not YAML.

    Only lines that change are replaced, so that a cursor stays where it is.
    """
    new = formatted(text, file)
    if new == text:
        return []
    places, now = Places(text, encoding), Places(new, encoding)
    if places.lines != now.lines:
        return [lsp.TextEdit(places.range(0, len(text)), new)]
    edits = []
    for line in range(places.lines):
        if places.of_line(line) != now.of_line(line):
            where = places.range(places.start_of_line(line), places.end_of_line(line))
            edits.append(lsp.TextEdit(where, now.of_line(line)))
    return edits


def formatted(text: str, file: str = "<text>") -> str:
    """Return a text formatted; as it is if its data or its comments would change.

    >>> formatted("a: [1,2]   \\nlayers:\\n- relu\\n-   conv: { out: 8 }  # wide")
    'a: [1, 2]\\nlayers:\\n  - relu\\n  - conv: {out: 8}  # wide\\n'
    """
    try:
        data, marks = parse(text, file)
    except Mistake:
        return text
    newline = "\r\n" if "\r\n" in text else "\n"
    plain = text.replace("\r\n", "\n")
    found = tokens(plain)
    lines = _spaced(plain, found).split("\n")
    if any("\t" in line[: len(line) - len(line.lstrip())] for line in lines):
        return text
    starts = _Starts(marks)
    new = [*_without_extra_blank_lines(starts.indented(lines), starts.inside)]
    result = "\n".join(new).rstrip() + "\n"
    try:
        is_same = parse(result, file)[0] == data
        is_same = is_same and comments(result, tokens(result)) == comments(plain, found)
    except Mistake:
        return text
    return result.replace("\n", newline) if is_same else text


class _Starts:
    """Where the lines of a text start and what they continue, from its marks."""

    def __init__(self, marks: Marks):
        self.columns: dict[int, tuple[int, int, int]] = {}  # by line: old, new, after dashes
        self.inside: set[int] = set()  # lines that continue a value in quotes or of several lines
        self._follow(marks, 0)

    def _follow(self, marks: Marks, column: int) -> None:
        """Note where the entries of a value are, which is to begin at a column."""
        is_block = bool(marks.keys) and min(marks.keys.values())[:2] == (marks.line, marks.column)
        for key, (line, old, _) in marks.keys.items():
            if is_block:
                self.columns.setdefault(line, (old, column, column))
            if key in marks.items:
                self._value(marks.items[key], line, column, is_block)
        if not marks.keys:
            for item in marks.items.values():
                self._item(marks, item, column)

    def _value(self, value: Marks, line: int, column: int, is_block: bool) -> None:
        if value.line > line and is_block:
            self._follow(value, column + _STEP)
        elif is_block:
            self._scalar(value)
            self._follow(value, column + _STEP)

    def _item(self, marks: Marks, item: Marks, column: int) -> None:
        """Note an entry of a list in block style: its dash, and what stands after it."""
        dash = marks.column
        if item.line < marks.line or item.column <= dash:
            return
        self.columns.setdefault(item.line, (dash, column, column + _STEP))
        self._scalar(item)
        self._follow(item, column + _STEP)

    def _scalar(self, value: Marks) -> None:
        """Note the lines that a value of several lines fills, if it has no parts."""
        if value.end is not None and not value.items and not value.keys:
            self.inside.update(range(value.line + 1, value.end[0] + 1))

    def indented(self, lines: list[str]) -> list[str]:
        """Return the lines with their new indentation; comments follow the line after them."""
        new: list[str] = []
        shift = 0
        below = _next_lines(lines)
        for n, line in enumerate(lines):
            bare = line.lstrip(" ")
            old = len(line) - len(bare)
            if n in self.columns and self.columns[n][0] == old:
                shift = self.columns[n][1] - old
            own = shift
            if bare.startswith("#") and (after := below[n]) in self.columns:
                column, moved, _ = self.columns[after]
                own = moved - column if column == old else shift
            elif bare in ("...", "---"):
                own = 0
            new.append(" " * max(old + own, 0) + bare if bare else "")
        return new


def _next_lines(lines: list[str]) -> list[int]:
    """Return, for each line, the next one that is neither empty nor a comment."""
    found = [len(lines)] * len(lines)
    after = len(lines)
    for n in range(len(lines) - 1, -1, -1):
        found[n] = after
        bare = lines[n].lstrip(" ")
        if bare and not bare.startswith("#"):
            after = n
    return found


def _spaced(text: str, found: list[Token]) -> str:
    """Return a text with even blanks between its tokens, and none at the ends of lines."""
    parts: list[str] = []
    at = 0
    for n, token in enumerate(found):
        gap = text[at : token.start]
        is_inside = n > 0 and "\n" not in gap and not gap.strip()
        parts.append(_gap(found[n - 1], token, gap) if is_inside else _bare(gap))
        parts.append(text[token.start : token.end])
        at = token.end
    return "".join([*parts, _bare(text[at:])])


def _gap(before: Token, after: Token, gap: str) -> str:
    """Return the blanks that belong between two tokens of a line."""
    if before.kind in _OPENING:
        return ""
    if after.kind in ("FlowEntry", *_CLOSING):
        return " " if before.kind == "Value" or (before.kind == "FlowEntry" and gap) else ""
    if before.kind == "FlowEntry":
        return " "
    if before.kind in ("Value", "BlockEntry", "Anchor", "Tag") and after.kind != "BlockEntry":
        return " " if gap else ""
    return gap


def _bare(gap: str) -> str:
    """Return the text between two tokens, without blanks at the ends of lines."""
    *ended, last = gap.split("\n")
    return "\n".join([*(line.rstrip() for line in ended), last])


def _without_extra_blank_lines(lines: list[str], inside: set[int]) -> Iterator[str]:
    """Yield lines, and one empty line where there are several, except in values."""
    for n, line in enumerate(lines):
        if line or n == 0 or lines[n - 1] or n in inside:
            yield line
