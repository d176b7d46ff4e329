"""Applies edits to a file's text, and traces positions back to the text before the edits."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from ...diagnostic import Edit, Position
from ...language.yaml_tree import Marks

_ANCHOR = re.compile(r"&[^\s,\[\]{}]+\s+")
_EMPTY = re.compile(r"[\s,\]}]|\Z")  # no plain value begins so
_LINE_END = re.compile(r"\r?\n")


class Replacement(NamedTuple):
    """A range of offsets, and the text that replaces it."""

    start: int
    end: int
    text: str

    def overlaps(self, others: Iterable[Replacement]) -> bool:
        """Return whether it overlaps one of the others; insertions at the same place do not."""
        return any(self.start < other.end and other.start < self.end for other in others)


class _Replaced(NamedTuple):
    """A range that an edit produced, and the range of the previous text that it replaced."""

    start: int
    end: int
    old_start: int
    old_end: int


class EditedText:
    """A text and, if it was edited, the text before the edits and the ranges that correspond."""

    def __init__(
        self,
        text: str,
        previous: EditedText | None = None,
        replaced: tuple[_Replaced, ...] = (),
    ):
        self.text, self.previous, self._replaced = text, previous, replaced

    @cached_property
    def lines(self) -> list[str]:
        """The lines, with their line ends."""
        return self.text.splitlines(keepends=True) or [""]

    @cached_property
    def line_starts(self) -> list[int]:
        """The offset at which each line starts, and the end of the text."""
        return [0, *accumulate(map(len, self.lines))]

    def with_line_ends(self, text: str) -> str:
        """Return a text with the line ends of this one."""
        return _LINE_END.sub("\r\n" if self.lines[0].endswith("\r\n") else "\n", text)

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a 1-based line and column; at most the end of the text."""
        if line > len(self.lines):
            return len(self.text)
        return min(self.line_starts[line - 1] + column - 1, len(self.text))

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Return the 1-based line and column of an offset."""
        line = bisect_right(self.line_starts, offset, 0, len(self.lines))
        return line, offset - self.line_starts[line - 1] + 1

    def span(self, marks: Marks) -> tuple[int, int]:
        """Return the start and end of a value, without the anchor before it."""
        start = self.offset(marks.line + 1, marks.column + 1)
        if marks.end is not None:
            end = self.offset(marks.end[0] + 1, marks.end[1] + 1)
        elif _EMPTY.match(self.text, start):
            end = start
        else:
            end = start + marks.width
        written_end = start + len(self.text[start:end].rstrip())
        return self._after_anchor(start, end), written_end

    def as_written(self, marks: Marks) -> str:
        """Return the characters of a value."""
        start, end = self.span(marks)
        return self.text[start:end]

    def _after_anchor(self, start: int, end: int) -> int:
        """Return where a value starts after its anchor, if it has one: edits keep the anchor."""
        anchor = _ANCHOR.match(self.text, start, end)
        return anchor.end() if anchor else start

    def edit(self, start: int, end: int, text: str) -> Edit:
        """Return the edit that replaces a range of offsets."""
        return Edit(*self.line_and_column(start), *self.line_and_column(end), text)

    def replacement(self, edit: Edit) -> Replacement | None:
        """Return an edit as offsets; None if the word to replace is not in its range."""
        start = self.offset(edit.line, edit.column)
        end = self.offset(edit.end_line, edit.end_column)
        if edit.word is None:
            return Replacement(self._after_anchor(start, end), end, self.with_line_ends(edit.text))
        found = re.search(rf"(?<!\w){re.escape(edit.word)}(?!\w)", self.text[start:end])
        if found is None:
            return None
        return Replacement(start + found.start(), start + found.end(), edit.text)

    def apply(self, *fixes: Sequence[Edit]) -> EditedText:
        """Return the text with fixes applied, except any fix that overlaps an earlier one."""
        taken: list[Replacement] = []
        for edits in fixes:
            wanted = [self.replacement(edit) for edit in edits]
            new = [one for one in wanted if one is not None and one not in taken]
            if all(wanted) and not any(one.overlaps(taken) for one in new):
                taken += new
        parts: list[str] = []
        replaced: list[_Replaced] = []
        old, now = 0, 0  # offsets in this text, and in the edited one
        for start, end, text in sorted(taken, key=lambda one: one[:2]):
            parts += [self.text[old:start], text]
            now += start - old
            replaced.append(_Replaced(now, now + len(text), start, end))
            old, now = end, now + len(text)
        parts.append(self.text[old:])
        return EditedText("".join(parts), self, tuple(replaced))

    def touches(self, marks: Marks) -> bool:
        """Return whether the last edits changed something within a value of this text."""
        return self._touches(*self.span(marks))

    def touched(self, marks: Marks) -> bool:
        """Return whether any edits since the original text changed something within a value."""
        text: EditedText = self
        first, last = self.span(marks)
        while text.previous is not None:
            if text._touches(first, last):
                return True
            first, last = text._previous_offset(first)[0], text._previous_offset(last)[0]
            text = text.previous
        return False

    def each_touches(self, values: Iterable[Marks]) -> bool:
        """Return whether each of the last edits changed something in one of these values."""
        spans = [self.span(marks) for marks in values]
        return all(
            any(first <= end and start <= last for first, last in spans)
            for start, end, _, _ in self._replaced
        )

    def _touches(self, first: int, last: int) -> bool:
        """Return whether the last edits changed something in a range."""
        for start, end, _, _ in self._replaced:
            if start < last and first < end or start == end and first <= start <= last:
                return True
        return False

    def _previous_offset(self, offset: int) -> tuple[int, bool]:
        """Return the offset in the previous text, and whether its character was already there."""
        shift = 0
        for start, end, old_start, old_end in self._replaced:
            if offset <= start:
                break
            if offset < end:
                return old_start, False
            shift = old_end - end
        return offset + shift, True

    def _original_offset(self, offset: int) -> tuple[int, bool]:
        """Return the offset in the original text, and whether its character was already there."""
        if self.previous is None:
            return offset, True
        earlier, kept = self._previous_offset(offset)
        first, also_kept = self.previous._original_offset(earlier)
        return first, kept and also_kept

    @property
    def original(self) -> EditedText:
        """The text before all edits."""
        return self if self.previous is None else self.previous.original

    def previous_position(self, position: Position) -> Position:
        """Return where a position of this text was before the last edits."""
        previous = self.previous or self
        offset, _ = self._previous_offset(self.offset(position.line, position.column))
        line, column = previous.line_and_column(offset)
        return position._replace(line=line, column=column)

    def original_position(self, position: Position) -> Position:
        """Return where a position of this text is, or would be, in the original text."""
        if self.previous is None:
            return position
        offset, kept = self._original_offset(self.offset(position.line, position.column))
        line, column = self.original.line_and_column(offset)
        return Position(position.file, line, column, position.length if kept else 1)

    def original_edit(self, edit: Edit) -> Edit | None:
        """Return the same edit for the original text; None if it changes text that edits added."""
        found = self.replacement(edit)
        if found is None:
            return None
        start, end, text = found
        first, first_kept = self._original_offset(start)
        last, last_kept = self._original_offset(max(end - 1, start))
        last += end > start
        kept = first_kept and (last_kept or end == start)
        if not kept or self.original.text[first:last] != self.text[start:end]:
            return None
        return self.original.edit(first, last, text)
