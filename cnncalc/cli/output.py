"""Writes results to stdout or a file, and diagnostics to stderr; sets the exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

import typer

from ..diagnostic import Diagnostic, Mistake
from ..text_file import write_text

if TYPE_CHECKING:
    from ..render.formats.document import Document
    from ..render.formats.lines import Line

SHOWN = 20  # diagnostics on the screen; JSON lists all
_OF_LATENCY = ("CNN424", "CNN425", "CNN426", "CNN427")
USAGE = frozenset(  # codes with which the run could not begin: exit 2
    (
        "CNN002",
        "CNN111",
        "CNN401",
        "CNN402",
        "CNN403",
        "CNN404",
        "CNN411",
        "CNN412",
        "CNN420",
        "CNN422",
        *_OF_LATENCY,
        "CNN428",
    )
)


def say(*lines: Line) -> None:
    """Write lines to stdout."""
    from ..render.formats.lines import Lines

    put(Lines(*lines))


def say_exactly(text: str) -> None:
    """Write a text to stdout as it is, for a tool that reads it."""
    _write(text.removesuffix("\n"), None)


def put(document: Document, file: str | None = None, colour: bool = False) -> None:
    """Write a document to stdout, or to a file."""
    _write(document.written(colour), file)


def _write(text: str, file: str | None) -> None:
    """Write a text to stdout, or to a file."""
    if file is None:
        if sys.stdout is None:
            raise Mistake(Diagnostic("CNN002", "standard output is closed"))
        sys.stdout.write(text + "\n")
        return
    write_text(file, text + "\n")


def present(command: str, format: str, file: str | None, *found: Any, colour: bool = False) -> None:
    """Write the results of a command in a format, to stdout or to a file.

    Tables are laid out for the width of the screen.
    """
    from ..render.formats import writer

    write = partial(writer(command, format), *found)
    if format != "table":
        put(write(), file, colour)
        return
    from ..render.formats.entries import FILE_WIDTH
    from ..render.formats.table import Screen, console

    screen = console()
    result = write(width=screen.width if file is None else FILE_WIDTH)
    if not hasattr(result, "written"):
        result = Screen(result, screen)
    put(result, file, file is None and screen.is_terminal)


def on_terminal() -> bool:
    """Return whether a table on stdout is for a person who looks at a terminal."""
    from ..render.formats.table import console

    return console().is_terminal


def text_width(file: str | None = None) -> int:
    """Return how many columns a text has on stdout or in a file, as tables do."""
    from shutil import get_terminal_size

    from ..render.formats.entries import FILE_WIDTH

    return FILE_WIDTH if file else get_terminal_size((FILE_WIDTH, 24)).columns


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal, and not a file or a pipe."""
    return stream is not None and stream.isatty()


def is_coloured(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal that shows colours."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def complain(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str] | None = None) -> None:
    """Write diagnostics to stderr, in colour on a terminal; of many notes alike, one."""
    from ..render.diagnostics import lines_of, lines_of_others, notes_alike

    width = text_width() if is_terminal(sys.stderr) else None
    diagnostics = list(diagnostics)
    alike = notes_alike(diagnostics)
    same = [alike.get(diagnostic.code, [diagnostic]) for diagnostic in diagnostics]
    complain_in(
        [*lines_of(diagnostic, sources, width), *lines_of_others(notes, width)]
        for diagnostic, notes in zip(diagnostics, same)
        if diagnostic is notes[0]
    )


def complain_in(blocks: Iterable[list[Line]]) -> None:
    """Write the lines of diagnostics to stderr, in colour on a terminal."""
    from ..render.formats.lines import joined

    blocks = list(blocks)
    shown = blocks[:SHOWN]
    if len(blocks) > SHOWN:
        shown.append([f"… and {len(blocks) - SHOWN} more"])
    if shown:
        warn(joined(shown))


def warn(document: Document) -> None:
    """Write a document to stderr, in colour on a terminal."""
    if sys.stderr is not None:
        with suppress(OSError):  # the exit code says that something is wrong
            sys.stderr.write(document.written(is_coloured(sys.stderr)) + "\n")
            sys.stderr.flush()


def finish(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str] | None = None) -> None:
    """Write diagnostics, and exit with 2 if the run could not begin, or 1 for any other error."""
    diagnostics = list(diagnostics)
    complain(diagnostics, sources)
    errors = {d.code for d in diagnostics if d.severity == "error"}
    if errors:
        raise typer.Exit(2 if errors & USAGE else 1)


def finish_with_errors(
    diagnostics: Iterable[Diagnostic], sources: Mapping[str, str] | None = None
) -> None:
    """Write only the errors, for a command whose result does not depend on warnings."""
    finish((d for d in diagnostics if d.severity == "error"), sources)
