"""A file's text under edits: ranges as offsets, edits put in, and the way back from the edited text to the one before."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate

from ...diagnostic import Edit, Position
from ...language.yaml_tree import Marks

_ANCHOR = re.compile(r"&[^\s,\[\]{}]+\s+")


class Text:
    """A text, the text it was edited from if it was, and where both correspond."""

    def __init__(
        self,
        text: str,
        before: Text | None = None,
        pieces: tuple[tuple[int, int, int, int], ...] = (),
    ):
        self.text, self.before = text, before
        self.pieces = pieces  # (start, end) here, and (start, end) before the edit, in order

    @cached_property
    def lines(self) -> list[str]:
        """The lines, with their ends."""
        return self.text.splitlines(keepends=True) or [""]

    @cached_property
    def newline(self) -> str:
        """How its lines end."""
        return "\r\n" if self.lines[0].endswith("\r\n") else "\n"

    @cached_property
    def starts(self) -> list[int]:
        """Where each line starts."""
        return [0, *accumulate(map(len, self.lines))]

    def offset(self, line: int, column: int) -> int:
        """Of a 1-based line and column; the end of the text for places behind it."""
        if line > len(self.lines):
            return len(self.text)
        return min(self.starts[line - 1] + column - 1, len(self.text))

    def place(self, offset: int) -> tuple[int, int]:
        """The 1-based line and column of an offset."""
        line = bisect_right(self.starts, offset, 0, len(self.lines))
        return line, offset - self.starts[line - 1] + 1

    def span(self, marks: Marks) -> tuple[int, int]:
        """Start and end of a value, without an anchor before it."""
        start = self.offset(marks.line + 1, marks.column + 1)
        width = marks.width if self.text[start : start + 1].strip() else 0
        end = (
            start + width if marks.end is None else self.offset(marks.end[0] + 1, marks.end[1] + 1)
        )
        return self.behind_anchor(start, end), len(self.text[:end].rstrip()) if end > start else end

    def words(self, marks: Marks) -> str:
        """A value as it is written."""
        start, end = self.span(marks)
        return self.text[start:end]

    def behind_anchor(self, start: int, end: int) -> int:
        """Where a value begins that may have an anchor, which is to stay."""
        anchor = _ANCHOR.match(self.text, start, end)
        return anchor.end() if anchor else start

    def edit(self, start: int, end: int, text: str) -> Edit:
        """Another text in place of a range of offsets."""
        return Edit(*self.place(start), *self.place(end), text)

    def range(self, edit: Edit) -> tuple[int, int, str] | None:
        """An edit as offsets and the text that replaces them; None where its word is not there."""
        start, end = (
            self.offset(edit.line, edit.column),
            self.offset(edit.end_line, edit.end_column),
        )
        if edit.word is None:
            return self.behind_anchor(start, end), end, edit.text.replace("\n", self.newline)
        inside = re.search(rf"(?<!\w){re.escape(edit.word)}(?!\w)", self.text[start:end])
        return (start + inside.start(), start + inside.end(), edit.text) if inside else None

    def apply(self, *fixes: Sequence[Edit]) -> Text:
        """The text with the edits of fixes put in: all of a fix, or none where one of them meets those of an earlier fix."""
        taken: list[tuple[int, int, str]] = []
        for edits in fixes:
            ranges = [self.range(edit) for edit in edits]
            new = [r for r in ranges if r is not None and r not in taken]
            if all(ranges) and not any(meet(r, other) for r in new for other in taken):
                taken += new
        parts, pieces, at, here = [], [], 0, 0
        for start, end, text in sorted(taken, key=lambda r: r[:2]):
            parts += [self.text[at:start], text]
            here += start - at
            pieces.append((here, here + len(text), start, end))
            here, at = here + len(text), end
        return Text("".join([*parts, self.text[at:]]), self, tuple(pieces))

    def _before(self, offset: int) -> tuple[int, bool]:
        """The offset before the last edits that an offset corresponds to, and whether it was there (and not put in by them)."""
        shift = 0
        for start, end, old_start, old_end in self.pieces:
            if offset <= start:
                break
            if offset < end:
                return old_start, False
            shift = old_end - end
        return offset + shift, True

    def _first(self, offset: int) -> tuple[int, bool]:
        """The same in the first text."""
        if self.before is None:
            return offset, True
        earlier, there = self._before(offset)
        first, also = self.before._first(earlier)
        return first, there and also

    def place_before(self, position: Position) -> Position:
        """Where a position was before the last edits."""
        before = self.before or self
        line, column = before.place(self._before(self.offset(position.line, position.column))[0])
        return position._replace(line=line, column=column)

    @property
    def first(self) -> Text:
        """The text before all edits."""
        return self if self.before is None else self.before.first

    def original(self, position: Position) -> Position:
        """Where a position of this text is, or would be, in the first text."""
        if self.before is None:
            return position
        start, there = self._first(self.offset(position.line, position.column))
        line, column = self.first.place(start)
        return Position(position.file, line, column, position.length if there else 1)

    def original_edit(self, edit: Edit) -> Edit | None:
        """The same edit on the first text, its word found, where it concerns nothing that was put in since."""
        found = self.range(edit)
        if found is None:
            return None
        start, end, text = found
        (a, kept), (b, also) = self._first(start), self._first(max(end - 1, start))
        b += end > start
        same = kept and (also or end == start) and self.first.text[a:b] == self.text[start:end]
        return self.first.edit(a, b, text) if same else None


def meet(a: tuple[int, int, str], b: tuple[int, int, str]) -> bool:
    """Whether two ranges overlap; insertions at one place do not."""
    return a[0] < b[1] and b[0] < a[1]
