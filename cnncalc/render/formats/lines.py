"""Writes lines of text for a terminal or a log; parts of them may be coloured."""

from __future__ import annotations

from collections.abc import Iterable

from ...foreign import visible, without_command

Line = str | tuple[str | tuple[str, str], ...]  # a text, or parts; a part may have a style

STYLES = {
    "error": "1;31",
    "warning": "1;35",
    "note": "1;36",
    "heading": "1",
    "word": "36",
}
_PLAIN = "\x1b[0m"


class Lines:
    """Lines of text. A part cannot break its line or send commands to a terminal."""

    def __init__(self, *lines: Line) -> None:
        self.lines = lines

    @classmethod
    def of(cls, text: str) -> Lines:
        """Return the lines of a text that cnncalc wrote."""
        return cls(*text.split("\n"))

    def written(self, colour: bool = False) -> str:
        """Write the lines, with or without colours."""
        return "\n".join(_written(line, colour) for line in self.lines)


def _written(line: Line, colour: bool) -> str:
    parts = (line,) if isinstance(line, str) else line
    return without_command("".join(_part(part, colour) for part in parts))


def _part(part: str | tuple[str, str], colour: bool) -> str:
    if isinstance(part, str):
        return visible(part)
    words, style = part
    return f"\x1b[{STYLES[style]}m{visible(words)}{_PLAIN}" if colour else visible(words)


def joined(blocks: Iterable[Iterable[Line]]) -> Lines:
    """Return the lines of all blocks."""
    return Lines(*(line for block in blocks for line in block))
