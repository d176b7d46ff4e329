"""Reads YAML that may be unfinished, for the mappings and lists around one word of it.

A YAML parser would refuse such a text. What cannot be read is skipped.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .scanner import Scanner

_PROPERTY = re.compile(r"[&!][^\s,\[\]{}]*(?:[ \t]+|(?=[\r\n])|\Z)")  # an anchor or a tag
_BLOCK_SCALAR = re.compile(r"[|>][-+0-9]{0,2}[ \t]*(?:#.*)?(?=[\r\n]|\Z)")
_MARKER = re.compile(r"(?:---|\.\.\.)(?=\s|\Z)")  # starts or ends a document
_WHOLE = 3  # collections around a word, such as the top level, `layers` and a layer


class Node:
    """A mapping or a list.

    Attributes:
        is_list: whether it is a list.
        column: where its keys or dashes are, outside brackets.
        starts: where the keys of a mapping start in the text.
        in_brackets: whether it is written in braces or brackets.
        is_pair: whether it is an entry `key: value` of a list in brackets.
        key: the key whose value is due or has begun.
        has_value: whether the value of that key, or the entry of a list, has begun.
        values: the values of a mapping, by key; a scalar is its text.
        items: the entries of a list.
    """

    __slots__ = (
        "column",
        "has_value",
        "in_brackets",
        "is_list",
        "is_pair",
        "items",
        "key",
        "starts",
        "values",
    )

    def __init__(self, is_list: bool, column: int | None = None, is_pair: bool = False):
        self.is_list, self.is_pair = is_list, is_pair
        self.column = -1 if column is None else column
        self.in_brackets = column is None
        self.starts: list[int] = []
        self.key: str | None = None
        self.has_value = False
        self.values: dict[str, Node | str] = {}
        self.items: list[Node | str] = []

    @property
    def value(self) -> Node | str | None:
        """The value of the key, or the last entry."""
        if self.is_list:
            return self.items[-1] if self.items else None
        return self.values.get(self.key or "")

    def add(self, value: Node | str) -> None:
        """Add an entry, or the value of the key."""
        self.has_value = True
        if self.is_list:
            self.items.append(value)
        elif self.key:
            self.values[self.key] = value


class Found(NamedTuple):
    """Where a word is.

    Attributes:
        around: the collections around it, the outermost first. The first three are read to the
            end of the third, so that the keys of all inside it are known.
        path: the key of each of them that leads to it; None for an entry of a list. The last one
            is left out if the word is a key itself.
        is_key: whether it is a key of a mapping or an entry of a list, and not a value.
        start: where the scalar starts that the word is in, after a quote.
        end: where it ends.
        ends_key: whether a colon follows the scalar.
        is_quoted: whether the scalar is in quotes.
        is_closed: whether nothing follows in brackets that would need a comma before it.
    """

    around: tuple[Node, ...]
    path: tuple[str | None, ...]
    is_key: bool
    start: int
    end: int
    ends_key: bool
    is_quoted: bool
    is_closed: bool


def find(text: str, place: int) -> Found | None:
    """Return where the word at a place of a text is.

    It is None in a comment, in a text of several lines, and where YAML allows no word.

    >>> found = find("layers: [conv: {out: 8, kernel: 3}]", 24)
    >>> found.path, found.is_key, [*found.around[-1].values]
    (('layers', None, 'conv'), True, ['out'])
    """
    return _Reader(text, place).found


class _Reader(Scanner):
    """Reads a text from the start, token by token; `open` are the collections around a place."""

    def __init__(self, text: str, place: int):
        super().__init__(text)
        self.place = place
        self.found: Found | None = None
        self.open: list[Node] = []
        while self.at < len(text) and not self._is_known():
            if self.open and self.open[-1].in_brackets:
                self._token()
            else:
                self._line()

    @property
    def _outside(self) -> int:
        """The column of the innermost collection that is not in brackets, or -1."""
        return next((one.column for one in reversed(self.open) if not one.in_brackets), -1)

    def _is_known(self) -> bool:
        """Return whether all keys beside and around the word have been read."""
        if self.found is None:
            return False
        *_, last = around = self.found.around[:_WHOLE]
        depth = len(around)
        return len(self.open) < depth or self.open[depth - 1] is not last

    def _line(self) -> None:
        """Read a line that is not inside brackets."""
        start = self.at
        self.at = self.after_blanks(start)
        column = self.at - start
        if _MARKER.match(self.text, start):
            self.open.clear()
        if self.is_at_comment_or_end() or _MARKER.match(self.text, start):
            return self.skip_line()
        self._close(column)
        top = self.open[-1] if self.open else None
        if top is not None and top.has_value and column > top.column:
            return self._continued_line(top)
        while self.is_dash(self.at):
            if not self.open or not self.open[-1].is_list or self.open[-1].column < column:
                self._open(Node(True, column))
            self.open[-1].has_value = False
            self.at = self.after_blanks(self.at + 1)
            column = self.at - start
        self._node(column, may_be_key=True)

    def _close(self, column: int) -> None:
        """Close the collections that a line with this indentation ends."""
        is_entry = self.is_dash(self.at)
        while self.open:
            top = self.open[-1]
            ends = top.column > column or top.column == column and top.is_list and not is_entry
            if not ends:
                return
            self.open.pop()

    def _continued_line(self, top: Node) -> None:
        """Read a line that continues a value; one word alone is not offered as part of it."""
        start, end, _, _ = self.scalar(False, self._outside)
        has_place = start <= self.place < end and end - start > 1
        if has_place and isinstance(top.value, str):
            self._take(start, end, is_key=False)
        self.skip_line()

    def _node(self, column: int, may_be_key: bool) -> None:
        """Read a value outside brackets, or a key and its value."""
        while found := _PROPERTY.match(self.text, self.at):
            self.at = found.end()
        if self.is_at_comment_or_end():
            return self.skip_line()
        if self.text[self.at] in "{[":
            return self._open_bracket()
        if _BLOCK_SCALAR.match(self.text, self.at):
            return self._skip_block_scalar()
        start, end, after, ends_key = self.scalar(False, self._outside)
        has_place = start <= self.place < end
        if may_be_key and (ends_key or has_place):
            top = self.open[-1] if self.open else None
            if top is None or top.is_list or top.column < column:
                self._open(Node(False, column))
            self._start_key(start, end, after, ends_key)
            self.at = self.after_blanks(self.at)
            return self._node(column, may_be_key=False) if ends_key else self.skip_line()
        if has_place:
            self._take(start, end, is_key=False, ends_key=ends_key)
        if self.open and (not may_be_key or column > self.open[-1].column):
            self.open[-1].add(self.text[start:end])
        self.skip_line()

    def _token(self) -> None:
        """Read a bracket, a comma, a key or a value inside brackets."""
        self.at = self.after_blanks(self.at)
        if self.is_at_comment_or_end():
            self.skip_line()
            if self.begins_anew(self.at, self._outside):
                while self.open and self.open[-1].in_brackets:
                    self.open.pop()
            return
        character = self.text[self.at]
        if character in "{[":
            self._open_bracket()
        elif character in "}]":
            self._close_bracket()
        elif character == ",":
            self._close_pair()
            self.open[-1].key, self.open[-1].has_value = None, False
            self.at += 1
        elif found := _PROPERTY.match(self.text, self.at):
            self.at = found.end()
        else:
            self._scalar_in_brackets()

    def _scalar_in_brackets(self) -> None:
        start, end, after, ends_key = self.scalar(True, self._outside)
        top = self.open[-1]
        if ends_key and (top.is_list or top.key is None) and not top.has_value:
            if top.is_list:
                self._open(Node(False, is_pair=True))
            self._start_key(start, end, after, ends_key)
            return
        is_key = top.is_list or top.key is None
        if start <= self.place < end:
            if not top.has_value:
                self._take(start, end, is_key, ends_key)
        elif is_key and not top.is_list:
            top.values[self.text[start:end]] = ""
        top.add(self.text[start:end])
        self.at = after

    def _start_key(self, start: int, end: int, after: int, ends_key: bool) -> None:
        """Take a key, after which its value is due; the word that is asked for is not one yet."""
        top = self.open[-1]
        top.key, top.has_value = None, False
        top.starts.append(start)
        if start <= self.place < end:
            self._take(start, end, is_key=True, ends_key=ends_key)
            top.key = ""
        else:
            top.key = self.text[start:end]
            top.values.setdefault(top.key, "")
        self.at = after

    def _take(self, start: int, end: int, is_key: bool, ends_key: bool = False) -> None:
        quoted = start > self.at
        path = [None if one.is_list else one.key for one in self.open]
        if is_key and not self.open[-1].is_list:
            path.pop()
        self.found = Found(
            around=tuple(self.open),
            path=tuple(path),
            is_key=is_key,
            start=start,
            end=end,
            ends_key=ends_key,
            is_quoted=quoted,
            is_closed=ends_key
            or not self.open[-1].in_brackets
            or self.is_closed(end + quoted, self._outside),
        )

    def _open(self, inner: Node) -> None:
        if self.open:
            self.open[-1].add(inner)
        self.open.append(inner)

    def _open_bracket(self) -> None:
        self._open(Node(is_list=self.text[self.at] == "["))
        self.at += 1

    def _close_pair(self) -> None:
        if self.open[-1].is_pair:
            self.open.pop()

    def _close_bracket(self) -> None:
        self._close_pair()
        self.open.pop()
        self.at += 1
        if not self.open or not self.open[-1].in_brackets:
            self.skip_line()

    def _skip_block_scalar(self) -> None:
        """Skip a text of several lines: those that are indented more than what it belongs to."""
        if self.open:
            self.open[-1].add("")
        column = self.open[-1].column if self.open else -1
        self.skip_line()
        while self.at < len(self.text):
            start = self.after_blanks(self.at)
            if start - self.at <= column and not self.is_at_end(start):
                return
            self.skip_line()
