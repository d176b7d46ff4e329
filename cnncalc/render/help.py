"""What `--help` shows: the usage, what the command does, its words by sections, and examples."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap
from typing import NamedTuple

from .formats.lines import Line, Lines

_WIDEST = 100  # columns of a text that is easy to read
_NARROWEST = 40
_MARGIN, _GAP = 2, 2


class Entry(NamedTuple):
    """A word of the command line, such as a command or an option, and what it is."""

    word: str
    text: str


class Section(NamedTuple):
    """Entries under a heading."""

    heading: str
    entries: list[Entry]


class Example(NamedTuple):
    """A command that works as it is written, and what it shows."""

    caption: str
    command: str


def page(
    usage: Entry,
    paragraphs: Iterable[str],
    sections: Iterable[Section],
    examples: Iterable[Example],
    width: int,
) -> Lines:
    """Write a page for a screen of `width` columns. Commands of examples are never broken."""
    width = max(min(width, _WIDEST), _NARROWEST)
    lines: list[Line] = _usage(usage, width)
    for paragraph in paragraphs:
        lines += ["", *_block(paragraph, width, _MARGIN)]
    for section in sections:
        lines += ["", _heading(section.heading), *_entries(section.entries, width)]
    for n, example in enumerate(examples):
        if n == 0:
            lines += ["", _heading("Examples")]
        lines += _block(f"{example.caption}:", width, _MARGIN)
        lines.append((" " * 2 * _MARGIN, (example.command, "word")))
    return Lines(*lines)


def _usage(usage: Entry, width: int) -> list[Line]:
    """Write the words after `cnncalc COMMAND`; where they do not fit, under each other."""
    start = f"Usage: {usage.word} "
    first, *others = wrap(usage.text, width - len(start), break_long_words=False)
    return [
        (("Usage:", "heading"), " ", (usage.word, "word"), f" {first}"),
        *(" " * len(start) + line for line in others),
    ]


def _heading(words: str) -> Line:
    return ((f"{words}:", "heading"),)


def _block(text: str, width: int, indent: int) -> list[str]:
    """Break a paragraph into lines."""
    margin = " " * indent
    return [margin + line for line in wrap(text, width - indent, break_on_hyphens=False)]


def _entries(entries: list[Entry], width: int) -> list[Line]:
    """Write words with their texts beside them; under a word that is too long."""
    longest = max(len(entry.word) for entry in entries)
    column = min(_MARGIN + longest + _GAP, width * 2 // 5)
    lines: list[Line] = []
    for word, text in entries:
        first, *others = _block(text, width, column) or [""]
        beside = _MARGIN + len(word) + _GAP
        if beside > column:
            lines.append((" " * _MARGIN, (word, "word")))
            lines.append(first)
        else:
            lines.append((" " * _MARGIN, (word, "word"), first[_MARGIN + len(word) :]))
        lines += others
    return lines
