"""Says where the lines of a text are after it was edited in one place."""

from __future__ import annotations


class LineMap:
    """The lines that two texts have in common, at their beginnings and their ends.

    >>> lines = LineMap("a\\nb\\nc", "a\\nb\\nnew\\nc")
    >>> [lines.now(n) for n in range(3)], lines.changed
    ([0, 1, 3], 1)
    """

    def __init__(self, old: str, new: str):
        before, after = old.split("\n"), new.split("\n")
        self._old, self._shift = len(before), len(after) - len(before)
        most = min(len(before), len(after))
        head = 0
        while head < most and before[head] == after[head]:
            head += 1
        tail = 0
        while tail < most - head and before[-1 - tail] == after[-1 - tail]:
            tail += 1
        self._head, self._tail = head, tail
        self.changed = max(len(before), len(after)) - head - tail  # number of lines

    def now(self, line: int) -> int | None:
        """Return where an old line is in the new text, from 0; None if it was changed."""
        if line < self._head:
            return line
        return line + self._shift if line >= self._old - self._tail else None
