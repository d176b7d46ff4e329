"""Turns places of a text into those of the protocol, and back.

The protocol counts lines and columns from 0, columns in units of an encoding that the editor and
the server agree on, and ends lines only at line feeds and carriage returns.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from lsprotocol import types as lsp

from ..checking.repair.edited_text import EditedText
from ..diagnostic import Edit, Position
from ..language.yaml_tree import Marks

_LINE_END = re.compile(r"\r\n|\n|\r")


class Places:
    """The places of one text; offsets count its characters from 0."""

    def __init__(self, text: str, encoding: str = "utf-16"):
        self.text, self.encoding = text, encoding
        self.edited = EditedText(text)
        self._starts = [0, *(found.end() for found in _LINE_END.finditer(text))]

    @property
    def lines(self) -> int:
        """The number of lines."""
        return len(self._starts)

    def line_of(self, offset: int) -> int:
        """Return the line of an offset, from 0."""
        return bisect_right(self._starts, offset) - 1

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Return the line and the column of an offset, both from 0, in characters."""
        line = self.line_of(offset)
        return line, offset - self.start_of_line(line)

    def position(self, offset: int) -> lsp.Position:
        """Return the position of an offset."""
        offset = max(0, min(offset, len(self.text)))
        line = self.line_of(offset)
        offset = min(offset, self.end_of_line(line))  # never between the two characters of its end
        return lsp.Position(line, self._units(self.text[self._starts[line] : offset]))

    def range(self, start: int, end: int) -> lsp.Range:
        """Return the range between two offsets."""
        return lsp.Range(self.position(start), self.position(max(start, end)))

    def offset(self, position: lsp.Position) -> int:
        """Return the offset of a position; a column after the end of its line is the end."""
        if position.line >= len(self._starts):
            return len(self.text)
        start, end = self._starts[position.line], self.end_of_line(position.line)
        units = 0
        for offset in range(start, end):
            if units >= position.character:
                return offset
            units += self._units(self.text[offset])
        return end

    def start_of_line(self, line: int) -> int:
        """Return where a line starts; the end of the text if there are not so many."""
        return self._starts[line] if line < len(self._starts) else len(self.text)

    def end_of_line(self, line: int) -> int:
        """Return where the text of a line ends, before its line feed."""
        end = self.start_of_line(line + 1)
        if line + 1 < len(self._starts):
            end -= 2 if self.text[end - 2 : end] == "\r\n" else 1
        return end

    def of_line(self, line: int) -> str:
        """Return the text of a line."""
        return self.text[self.start_of_line(line) : self.end_of_line(line)]

    def start(self, position: Position) -> int:
        """Return the offset of a place of a diagnostic."""
        return self.edited.offset(position.line, position.column)

    def range_at(self, position: Position) -> lsp.Range:
        """Return the range of a place of a diagnostic."""
        start = self.start(position)
        return self.range(start, min(start + position.length, len(self.text)))

    def span(self, marks: Marks) -> tuple[int, int]:
        """Return where a value starts and ends."""
        return self.edited.span(marks)

    def key(self, marks: Marks, key: str) -> tuple[int, int]:
        """Return where a key of a mapping starts and ends."""
        line, column, width = marks.keys[key]
        start = self.edited.offset(line + 1, column + 1)
        return start, start + width

    def text_edit(self, edit: Edit) -> lsp.TextEdit | None:
        """Return an edit for the protocol; None if it does not fit the text."""
        found = self.edited.replacement(edit)
        return found and lsp.TextEdit(self.range(found.start, found.end), found.text)

    def _units(self, text: str) -> int:
        """Count the units of a text in the encoding."""
        if self.encoding == "utf-32" or text.isascii():
            return len(text)
        if self.encoding == "utf-8":
            return len(text.encode("utf-8", "surrogatepass"))
        return len(text) + sum(character > "\uffff" for character in text)


def edited(text: str, change: lsp.TextDocumentContentChangeEvent, encoding: str) -> str:
    """Return a text after a change that an editor reports."""
    if isinstance(change, lsp.TextDocumentContentChangeWholeDocument):
        return change.text
    places = Places(text, encoding)
    start, end = places.offset(change.range.start), places.offset(change.range.end)
    return text[:start] + change.text + text[max(start, end) :]
