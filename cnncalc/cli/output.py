"""Where results go: data to stdout or a file, diagnostics to stderr, and the exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

import typer

from ..diagnostic import Diagnostic, Mistake
from ..text_file import write_text

if TYPE_CHECKING:
    from ..render.formats.document import Document
    from ..render.formats.lines import Line

SHOWN = 20  # diagnostics on the screen; JSON has all
USAGE = frozenset(  # the run could not begin: exit 2
    ("CNN002", "CNN111", "CNN401", "CNN402", "CNN403", "CNN404")
)


def say(*lines: Line) -> None:
    """Write lines to stdout."""
    from ..render.formats.lines import Lines

    put(Lines(*lines))


def put(document: Document, file: str | None = None, colour: bool = False) -> None:
    """Write a document to stdout, or to a file."""
    _write(document.written(colour), file)


def _write(text: str, file: str | None) -> None:
    """Write what a document made of its text."""
    if file is None:
        if sys.stdout is None:
            raise Mistake(Diagnostic("CNN002", "standard output is closed"))
        sys.stdout.write(text + "\n")
        return
    write_text(file, text + "\n")


def present(command: str, format: str, file: str | None, *found: Any, colour: bool = False) -> None:
    """Write what a command found in a format, to stdout or to a file.

    Tables, and what is shown of one network like a table, are laid out for the width of the screen.
    """
    from ..render.formats import writer

    write = partial(writer(command, format), *found)
    if format != "table":
        put(write(), file, colour)
        return
    from ..render.formats.table import FILE_WIDTH, Screen, console

    screen = console()
    result = write(width=screen.width if file is None else FILE_WIDTH)
    if not hasattr(result, "written"):
        result = Screen(result, screen)
    put(result, file, file is None and screen.is_terminal)


def is_coloured(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal that takes colours."""
    return stream is not None and stream.isatty() and not os.environ.get("NO_COLOR")


def complain(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str] | None = None) -> None:
    """Write diagnostics to stderr, in colour on a terminal."""
    from ..render.diagnostics import lines_of
    from ..render.formats.lines import joined

    diagnostics = list(diagnostics)
    blocks = [lines_of(diagnostic, sources) for diagnostic in diagnostics[:SHOWN]]
    if len(diagnostics) > SHOWN:
        blocks.append([f"… and {len(diagnostics) - SHOWN} more"])
    if blocks:
        warn(joined(blocks))


def warn(document: Document) -> None:
    """Write a document to stderr, in colour on a terminal."""
    if sys.stderr is not None:
        sys.stderr.write(document.written(is_coloured(sys.stderr)) + "\n")


def finish(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str] | None = None) -> None:
    """Write diagnostics, and end with 2 if the run could not begin, with 1 on another error."""
    diagnostics = list(diagnostics)
    complain(diagnostics, sources)
    errors = {d.code for d in diagnostics if d.severity == "error"}
    if errors:
        raise typer.Exit(2 if errors & USAGE else 1)


def finish_with_errors(
    diagnostics: Iterable[Diagnostic], sources: Mapping[str, str] | None = None
) -> None:
    """Write only the errors of a command whose result does not depend on warnings."""
    finish((d for d in diagnostics if d.severity == "error"), sources)
