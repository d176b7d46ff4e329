"""Lines of text for a terminal or a log, with colours for some of their parts."""

from __future__ import annotations

from collections.abc import Iterable

from ...foreign import visible, without_command

Line = str | tuple[str | tuple[str, str], ...]  # a text, or parts; a part may have a style

STYLES = {
    "error": "1;31",
    "warning": "1;33",
    "note": "1;36",
    "heading": "1",
    "word": "36",
}
_PLAIN = "\x1b[0m"


class Lines:
    """Lines of text. What is in a part stays on its line, and sends nothing to a terminal."""

    def __init__(self, *lines: Line) -> None:
        self.lines = lines

    @classmethod
    def of(cls, text: str) -> Lines:
        """Return the lines of a text of ours."""
        return cls(*text.split("\n"))

    def written(self, colour: bool = False) -> str:
        """Write the lines, in colour or not."""
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
    """Return blocks of lines under each other."""
    return Lines(*(line for block in blocks for line in block))
