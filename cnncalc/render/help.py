"""Lays out `--help`: the usage, what the command does, its parameters, and examples."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap
from typing import NamedTuple

from .formats.entries import MARGIN, Entry, Section, block, heading, laid_out, text_width
from .formats.lines import Line, Lines


class Example(NamedTuple):
    """A command that works exactly as it is written, and what it does."""

    caption: str
    command: str


def page(
    usage: Entry,
    paragraphs: Iterable[str],
    sections: Iterable[Section],
    examples: Iterable[Example],
    screen: int,
) -> Lines:
    """Write a page for a screen with so many columns. Commands in examples are never broken."""
    width = text_width(screen)
    lines: list[Line] = _usage(usage, width)
    for paragraph in paragraphs:
        lines += ["", *block(paragraph, width)]
    lines += laid_out(sections, width)
    for n, example in enumerate(examples):
        if n == 0:
            lines += ["", *heading("Examples", width)]
        lines += block(f"{example.caption}:", width)
        lines.append((" " * 2 * MARGIN, (example.command, "word")))
    return Lines(*lines)


def _usage(usage: Entry, width: int) -> list[Line]:
    """Return the usage line; words that do not fit go on lines of their own."""
    start = f"Usage: {usage.word} "
    first, *others = wrap(usage.text, width - len(start), break_long_words=False)
    return [
        (("Usage:", "heading"), " ", (usage.word, "word"), f" {first}"),
        *(" " * len(start) + line for line in others),
    ]
