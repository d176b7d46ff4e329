"""Where commands put their results: data on stdout or in a file, diagnostics on stderr, and the exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import typer

from ..diagnostic import Diagnostic, Mistake

SHOWN = 20  # diagnostics on the screen; JSON has all
USAGE = {
    "CNN002",
    "CNN111",
    "CNN401",
    "CNN402",
    "CNN403",
    "CNN404",
}  # the run could not begin: exit 2


def put(text: str, file: str | None = None) -> None:
    """Text to stdout, or to a file."""
    if file is None:
        if sys.stdout is None:
            raise Mistake(Diagnostic("CNN002", "standard output is closed"))
        sys.stdout.write(text + "\n")
        return
    try:
        Path(file).write_text(text + "\n", "utf-8")
    except OSError as error:
        raise Mistake(
            Diagnostic("CNN002", f"cannot write {file}: {error.strerror or error}")
        ) from None


def deliver(
    plain: bool,
    as_text: Callable[[], str],
    for_screen: Callable[[int], Any],
    file: str | None = None,
) -> None:
    """A result as plain text, such as JSON, or for people, laid out for the width of the screen; a file has 160 columns."""
    if plain:
        put(as_text(), file)
        return
    from ..render.table import console

    show(for_screen(console().width if file is None else 160), file)


def present(rendering: Any, format: str, file: str | None, *found: Any) -> None:
    """What was found, by the function of a report's module that is named as the format; a table is laid out for the width of the screen."""
    deliver(
        format != "table",
        lambda: getattr(rendering, format)(*found),
        lambda width: rendering.table(*found, width),
        file,
    )


def show(renderable: Any, file: str | None = None) -> None:
    """Something of rich's to stdout; to a file without colours."""
    from ..render.table import console

    screen = console()
    if file is None and screen.is_terminal:
        screen.print(renderable)
        return
    with screen.capture() as captured:  # lines without the blanks that fill a screen
        screen.print(renderable)
    put("\n".join(line.rstrip() for line in captured.get().splitlines()), file)


def shaded(stream: Any) -> bool:
    """Whether a stream is a terminal that may be coloured."""
    return stream is not None and stream.isatty() and not os.environ.get("NO_COLOR")


def complain(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str] | None = None) -> None:
    """Diagnostics to stderr, errors coloured on a terminal."""
    from ..render.diagnostics import render

    diagnostics = list(diagnostics)
    if sys.stderr is None:
        return
    colour = shaded(sys.stderr)
    for diagnostic in diagnostics[:SHOWN]:
        sys.stderr.write(render(diagnostic, sources, colour) + "\n")
    if len(diagnostics) > SHOWN:
        sys.stderr.write(f"… and {len(diagnostics) - SHOWN} more\n")


def finish(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str] | None = None) -> None:
    """Complains, and ends with 2 where the run could not begin, 1 on an error, 0 otherwise."""
    diagnostics = list(diagnostics)
    complain(diagnostics, sources)
    errors = {d.code for d in diagnostics if d.severity == "error"}
    if errors:
        raise typer.Exit(2 if errors & USAGE else 1)
