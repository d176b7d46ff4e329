"""Formatting: the same data and comments, with even indentation and blanks."""

from __future__ import annotations

import re

from lsprotocol import types as lsp

from ..diagnostic import Mistake
from ..language.yaml_tree import Marks, parse
from .places import Places

_STEP = 2  # columns of a level
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$")
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|(?<![\w.])\'(?:\'\'|[^\'])*\'')


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
    lines = text.replace("\r\n", "\n").split("\n")
    if any("\t" in line[: len(line) - len(line.lstrip())] for line in lines):
        return text
    starts = _Starts(marks)
    new = [_spaced(line, starts, n) for n, line in enumerate(starts.indented(lines))]
    result = newline.join(_without_extra_blank_lines(new)).rstrip() + newline
    try:
        same = parse(result, file)[0] == data and _comments(result) == _comments(text)
    except Mistake:
        return text
    return result if same else text


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
        for n, line in enumerate(lines):
            bare = line.lstrip(" ")
            old = len(line) - len(bare)
            if n in self.columns and self.columns[n][0] == old:
                shift = self.columns[n][1] - old
            moved = self._shift_below(lines, n, old) if bare.startswith("#") else None
            own = shift if moved is None else moved
            new.append(" " * max(old + own, 0) + bare if bare else "")
        return new

    def _shift_below(self, lines: list[str], n: int, old: int) -> int | None:
        """Return how far a comment moves: as the next line that starts where it does."""
        for m in range(n + 1, len(lines)):
            bare = lines[m].lstrip(" ")
            if bare and not bare.startswith("#"):
                is_alike = len(lines[m]) - len(bare) == old and m in self.columns
                return self.columns[m][1] - self.columns[m][0] if is_alike else None
        return None


def _spaced(line: str, starts: _Starts, n: int) -> str:
    """Return a line with even blanks inside braces, after commas, dashes and keys."""
    line = line.rstrip()
    if n in starts.inside or line.lstrip().startswith("#") or "|" in line or ">" in line:
        return line
    indent = line[: len(line) - len(line.lstrip())]
    code, comment = _split_comment(line.lstrip())
    parts: list[str] = []
    at = 0
    for quoted in _QUOTED.finditer(code):
        parts += [_even(code[at : quoted.start()]), quoted[0]]
        at = quoted.end()
    parts.append(_even(code[at:]))
    code = "".join(parts).rstrip()
    gap = re.search(r"\s*$", line.lstrip()[: len(line.lstrip()) - len(comment)])
    blanks = gap[0] if gap and len(gap[0]) > 1 else " "
    return indent + (f"{code}{blanks}{comment}" if comment and code else code + comment)


def _split_comment(code: str) -> tuple[str, str]:
    """Return what stands before a comment, and the comment."""
    masked = _QUOTED.sub(lambda quoted: "·" * len(quoted[0]), code)
    found = _COMMENT.search(masked)
    return (code[: found.start()], code[found.start() :]) if found else (code, "")


def _even(code: str) -> str:
    """Return code without quotes, with even blanks."""
    code = re.sub(r"^(-)\s{2,}(?=\S)", r"\1 ", code)
    code = re.sub(r"\s*,\s*(?=[^\s\]}])", ", ", code)
    code = re.sub(r"([{\[])\s+(?=\S)", r"\1", code)
    code = re.sub(r"(?<=[^\s:,{\[])\s+([}\]])", r"\1", code)
    return re.sub(r"(?<=[\w\])}]:)\s{2,}(?=\S)", " ", code)


def _without_extra_blank_lines(lines: list[str]) -> list[str]:
    """Leave one empty line where there are several."""
    return [line for n, line in enumerate(lines) if line or n == 0 or lines[n - 1]]


def _comments(text: str) -> list[str]:
    """Return the comments of a text, in order."""
    found = (_split_comment(line.strip())[1].rstrip() for line in text.splitlines())
    return [comment for comment in found if comment]
