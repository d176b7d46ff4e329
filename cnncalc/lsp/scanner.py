"""Reads lines, blanks and scalars of YAML that may be unfinished.

A bracket or quote that is not closed ends where a later line begins what YAML does not allow in it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_LINE_END = re.compile(r"\r\n|[\r\n]|\Z")
_BLANKS = re.compile(r"[ \t]*")
_DASH = re.compile(r"-(?=[ \t\r\n]|\Z)")
_COLON = re.compile(r"[ \t]*:(?=[ \t\r\n,\[\]{}]|\Z)")
_ADJACENT_COLON = re.compile(r"[ \t]*:")  # after a key in quotes, inside brackets
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'", re.DOTALL)
_PLAIN_END = re.compile(r"[ \t]#|:(?=[ \t\r\n]|\Z)|[\r\n]|\Z")
_PLAIN_END_IN_BRACKETS = re.compile(r"[ \t]#|:(?=[ \t\r\n,\[\]{}]|\Z)|[,\[\]{}\r\n]|\Z")
_NEW_KEY = re.compile(r"[\w.\"']+:(?=[ \t\r\n]|\Z)")


class Scalar(NamedTuple):
    """A scalar.

    Attributes:
        start: where its text starts, after a quote.
        end: where its text ends.
        after: where reading goes on: after the quote, or after the colon of a key.
        is_key: whether a colon follows.
    """

    start: int
    end: int
    after: int
    is_key: bool


class Scanner:
    """Reads a text from `at`.

    In what follows, `outside` is the column of the innermost collection that is not in brackets,
    or -1.
    """

    def __init__(self, text: str):
        self.text = text
        self.at = 0

    def scalar(self, in_brackets: bool, outside: int) -> Scalar:
        """Return the scalar that starts here."""
        start = self.at
        if self.text[start] in "\"'":
            return self._quoted(start, in_brackets, outside)
        stop = (_PLAIN_END_IN_BRACKETS if in_brackets else _PLAIN_END).search(self.text, start)
        assert stop is not None
        end = start + len(self.text[start : stop.start()].rstrip(" \t"))
        is_key = stop.group() == ":"
        return Scalar(start, end, stop.end() if is_key else stop.start(), is_key)

    def _quoted(self, start: int, in_brackets: bool, outside: int) -> Scalar:
        found = _QUOTED.match(self.text, start)
        if found is None or self._is_broken(start, found.end(), outside):
            end = self.line_end(start)
            return Scalar(start + 1, end, end, False)
        after = found.end()
        colon = (_ADJACENT_COLON if in_brackets else _COLON).match(self.text, after)
        return Scalar(start + 1, after - 1, colon.end() if colon else after, colon is not None)

    def _is_broken(self, start: int, end: int, outside: int) -> bool:
        """Return whether a line inside a text in quotes begins what is not part of it."""
        breaks = _LINE_END.finditer(self.text, start, end)
        return any(found.end() < end and self.begins_anew(found.end(), outside) for found in breaks)

    def begins_anew(self, start: int, outside: int) -> bool:
        """Return whether the line that starts there cannot be inside brackets or quotes.

        It is an entry of a list, or a key that is not indented more than what is around.
        """
        at = self.after_blanks(start)
        if self.is_dash(at):
            return True
        return at - start <= outside and _NEW_KEY.match(self.text, at) is not None

    def is_closed(self, at: int, outside: int) -> bool:
        """Return whether a comma, a closing bracket or what is outside brackets is next."""
        at = self.after_blanks(at)
        while at < len(self.text) and self.text[at] in "#\r\n":
            at = self.next_line(at)
            if self.begins_anew(at, outside):
                return True
            at = self.after_blanks(at)
        return self.text[at : at + 1] in ("", ",", "]", "}")

    def is_dash(self, at: int) -> bool:
        """Return whether the dash of an entry is there."""
        return _DASH.match(self.text, at) is not None

    def is_at_end(self, at: int) -> bool:
        """Return whether a line ends there."""
        return self.text[at : at + 1] in ("", "\r", "\n")

    def is_at_comment_or_end(self) -> bool:
        """Return whether the line has no more than a comment here."""
        return self.is_at_end(self.at) or self.text[self.at] == "#"

    def after_blanks(self, at: int) -> int:
        """Return the place after blanks."""
        found = _BLANKS.match(self.text, at)
        return found.end() if found is not None else at

    def line_end(self, at: int) -> int:
        """Return where a line ends."""
        found = _LINE_END.search(self.text, at)
        return found.start() if found is not None else len(self.text)

    def next_line(self, at: int) -> int:
        """Return where the next line starts."""
        found = _LINE_END.search(self.text, at)
        return found.end() if found is not None else len(self.text)

    def skip_line(self) -> None:
        """Go to the next line."""
        self.at = self.next_line(self.at)
