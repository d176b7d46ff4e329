"""Lays out words with texts beside them, under headings: help and the list of operators."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap
from typing import NamedTuple

from .lines import Line

FILE_WIDTH = 100  # columns of what is written to a file or a pipe
_WIDEST = 100  # columns; a wider text is hard to read
_NARROWEST = 40
MARGIN = 2  # columns before the entries under a heading
_GAP = 2


class Entry(NamedTuple):
    """A word, such as a command or an option, and its description."""

    word: str
    text: str


class Section(NamedTuple):
    """Entries under a heading."""

    heading: str
    entries: list[Entry]


def text_width(screen: int) -> int:
    """Return the width of a text on a screen with so many columns."""
    return max(min(screen, _WIDEST), _NARROWEST)


def heading(words: str, width: int) -> list[Line]:
    """Return the lines of a heading."""
    return [((line, "heading"),) for line in block(f"{words}:", width, 0)]


def block(text: str, width: int, indent: int = MARGIN) -> list[str]:
    """Break a paragraph into lines, but not at no-break spaces; only a word too long is cut."""
    margin = " " * indent
    lines = wrap(text, width - indent, break_on_hyphens=False)
    return [margin + line.replace("\xa0", " ") for line in lines]


def laid_out(sections: Iterable[Section], width: int) -> list[Line]:
    """Return the lines of sections, each after an empty line."""
    lines: list[Line] = []
    for section in sections:
        lines += ["", *heading(section.heading, width), *_entries(section.entries, width)]
    return lines


def _entries(entries: list[Entry], width: int) -> list[Line]:
    """Return the lines of entries: the texts beside the words, or below a word that is too long."""
    longest = max(len(entry.word) for entry in entries)
    column = min(MARGIN + longest + _GAP, width * 2 // 5)
    lines: list[Line] = []
    for word, text in entries:
        first, *others = block(text, width, column) or [""]
        if MARGIN + len(word) + _GAP > column:
            lines += [(" " * MARGIN, (word, "word")), first]
        else:
            lines.append((" " * MARGIN, (word, "word"), first[MARGIN + len(word) :]))
        lines += others
    return lines
