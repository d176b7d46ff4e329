"""Says what the cursor is in, in a text that may be unfinished: the keys around it, its word."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from .tolerant_yaml import Found, Node, find

_DASHES = re.compile(r"[ \t]*(?:-[ \t]+)*-")
_AFTER_KEY = re.compile(r"[\w\"']:\Z")
_INDENTED = re.compile(r"( *)([^\s#]?)")
_OPENS = "-+*/%<>=!([,{"  # after these an expression goes on with a name
_INDICATORS = "*&!|>%@`"  # a plain scalar of YAML cannot begin with these
_OPERATORS = ("if", "else", "and", "or", "not", "in", "is")
_NOT_IN_WORD = re.compile(r"\W+")
_OPERAND = re.compile(rf"(?!(?:{'|'.join(_OPERATORS)})\b)[\w'\"{{[]")


class Word(NamedTuple):
    """The word that the cursor is in or at, and the scalar that it is part of.

    Attributes:
        start: where it starts.
        end: where it ends.
        typed: what of it is before the cursor.
        gap: a blank, if one is missing before it.
        before: what the scalar has before it.
        after: what the scalar has after it.
        ends_key: whether a colon follows the scalar.
        is_quoted: whether the scalar is in quotes.
        has_lines: whether the lines after it belong to it.
    """

    start: int
    end: int
    typed: str
    gap: str
    before: str
    after: str
    ends_key: bool
    is_quoted: bool
    has_lines: bool

    @property
    def is_whole(self) -> bool:
        """Whether the scalar is this word alone, without a colon after it."""
        return not (self.before or self.after or self.ends_key or self.is_quoted)

    @property
    def is_free(self) -> bool:
        """Whether nothing is written yet but the word, to which lines after it may belong."""
        return not (self.before or self.after)

    @property
    def is_path(self) -> bool:
        """Whether the scalar has a point right before the word, as in `block1.conv1`."""
        return self.before.endswith(".")

    @property
    def path(self) -> str:
        """What a path has before the word: `stage[i - 1].0.`."""
        start, depth = len(self.before), 0
        while start and (depth or _in_path(self.before[start - 1])):
            start -= 1
            depth += (self.before[start] == "]") - (self.before[start] == "[")
        return self.before[start:]

    @property
    def is_operand(self) -> bool:
        """Whether an expression can have a name here."""
        before = self.before.rstrip()
        if before[:1] in _INDICATORS and before and not self.is_quoted:
            return False
        is_begun = bool(before) and before[-1] not in _OPENS
        if is_begun and _NOT_IN_WORD.split(before)[-1] not in _OPERATORS:
            return False
        if self.after[:1].isspace():
            return not _OPERAND.match(self.after.lstrip())
        return self.after[:1] not in ("{", "'", '"')

    @property
    def is_in_condition(self) -> bool:
        """Whether the word is in the number or the condition of a layer's name, if it is one."""
        if self.before.count("[") > self.before.count("]"):
            return True
        return self.before.rfind(" if ") > self.before.rfind(" else ")


class Cursor(NamedTuple):
    """What is around the cursor.

    Attributes:
        path: the keys around it, the outermost first; None for an entry of a list.
        around: the mappings and lists around it; each is that of a step of the path, and the last
            one that of the word.
        is_key: whether a key of a mapping is due, or an entry of a list, and not a value.
        is_entry: whether an entry of a list is due, which may be one word.
        word: the word.
    """

    path: tuple[str | None, ...]
    around: tuple[Node, ...]
    is_key: bool
    is_entry: bool
    word: Word

    @property
    def keys(self) -> tuple[Collection[str], ...]:
        """For each step of the path, all keys of the mapping that it goes through."""
        return tuple(one.values for one in self.around)

    @property
    def beside(self) -> tuple[str, ...]:
        """The other keys of the mapping that a key is due in."""
        return tuple(self.around[-1].values) if self.is_key else ()

    @property
    def counters(self) -> Iterator[str]:
        """The names that repeated layers around the cursor give to expressions."""
        for one in self.around:
            repeat, rows = one.values.get("repeat"), one.values.get("each")
            counter = repeat.values.get("as") if isinstance(repeat, Node) else None
            if isinstance(counter, str) and counter:
                yield counter
            has_layers = "chain" in one.values or "layers" in one.values
            if has_layers and isinstance(rows, Node):
                yield from keys_of_rows(rows)


def cursor_at(text: str, offset: int) -> Cursor | None:
    """Return what is around an offset; None where nothing can be completed, as in a comment.

    >>> cursor = cursor_at("layers:\\n  - conv: {out: 8, ke: 3, stride: 2}", 29)
    >>> cursor.path, cursor.is_key, cursor.beside, cursor.word.typed
    (('layers', None, 'conv'), True, ('out', 'stride'), 'ke')
    """
    start = end = offset
    while start and _in_word(text[start - 1]):
        start -= 1
    while end < len(text) and _in_word(text[end]):
        end += 1
    gap = _gap(text, start, end)
    place = start + len(gap)
    placed = _with_word(text, start, end, gap)
    found = find(placed, place)
    if found is None or not found.is_closed:
        return None
    if found.ends_key and text[start - 1 : start] == ":":
        return None  # a colon in the middle of a key
    has_lines = _has_lines(text, start, end, found)
    if has_lines is None:
        return None
    word = Word(
        start=start,
        end=end,
        typed=text[start:offset],
        gap=gap,
        before=placed[found.start : place],
        after=placed[place + 1 : found.end],
        ends_key=found.ends_key,
        is_quoted=found.is_quoted,
        has_lines=has_lines,
    )
    return Cursor(
        path=found.path,
        around=found.around,
        is_key=found.is_key,
        is_entry=found.is_key and _is_entry(found.around),
        word=word,
    )


def keys_of_rows(rows: Node) -> list[str]:
    """Return the keys of a list of mappings."""
    keys: dict[str, None] = {}
    for row in rows.items:
        if isinstance(row, Node):
            keys.update(dict.fromkeys(row.values))
    return [*keys]


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _in_path(character: str) -> bool:
    return _in_word(character) or character in ".*]"


def _with_word(text: str, start: int, end: int, gap: str = "") -> str:
    """Return a text with a word to be found, which may be empty now, and a blank before it."""
    return f"{text[:start]}{gap}x{text[end:]}"


def _gap(text: str, start: int, end: int) -> str:
    """Return the blank that is missing after a key's colon, or after the dash of an entry."""
    line = _line_before(text, start)
    if _AFTER_KEY.search(line):
        return " "
    if not _DASHES.fullmatch(line):
        return ""
    found = find(_with_word(text, start, end), start)
    if found is None:
        return " "
    top = found.around[-1]
    is_minus = top.in_brackets or found.is_key and bool(top.values)
    return "" if is_minus else " "


def _line_before(text: str, at: int) -> str:
    """Return what a line has before a place."""
    return text[max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1 : at]


def _is_entry(around: tuple[Node, ...]) -> bool:
    """Return whether a key is, or can be, an entry of a list by itself."""
    top = around[-1]
    if top.is_list:
        return True
    is_in_list = len(around) > 1 and around[-2].is_list
    return is_in_list and not top.values and (top.is_pair or not top.in_brackets)


def _has_lines(text: str, start: int, end: int, found: Found) -> bool | None:
    """Return whether the lines after a word belong to it, as a mapping or list of its own.

    It is None if they belong to something else, which a key here would break up.
    """
    top = found.around[-1]
    if top.in_brackets:
        return False
    outer = found.around[-2].column if len(found.around) > 1 else -1
    for line in text[end:].splitlines()[1:]:
        indented = _INDENTED.match(line)
        if indented is None or not indented[2]:
            continue
        column = len(indented[1])
        if outer < column < top.column:
            return None
        has_lines = column > top.column or column == top.column and indented[2] == "-"
        is_blank = start == end and not found.ends_key and not _line_before(text, start).strip()
        return None if has_lines and is_blank else has_lines
    return False
