"""Views a text that is being typed: without the lines that cannot be read yet."""

from __future__ import annotations

import time
from collections.abc import Iterator

from .view import View

_ROUNDS = 8  # lines that are left out
_LONGEST = 0.03  # seconds: an editor waits for this


def without_unfinished(view: View) -> View | None:
    """Return the view of a text without its faulty lines, which are empty in it; None if none is.

    The other lines keep their numbers. YAML often finds a fault only after the line that has it,
    so the line before is tried too, and the view that can be read furthest is kept.
    """
    here, start = view, time.monotonic()
    for _ in range(_ROUNDS):
        if here.is_sound:
            return here
        if time.monotonic() - start > _LONGEST:
            return None
        tried = [*_without_a_line(here)]
        if not tried:
            return None
        here = max(tried, key=_reach)
    return here if here.is_sound else None


def _without_a_line(view: View) -> Iterator[View]:
    """Yield views of a text without the line of its first error, or the line before that."""
    lines = view.text.split("\n")
    faulty = _faulty_line(view)
    if faulty is None:
        return
    written = [n for n, line in enumerate(lines[: faulty + 1]) if line.strip()]
    for line in written[-1 if view.spec is not None else -2 :]:
        left = [*lines[:line], "", *lines[line + 1 :]]
        yield View(
            "\n".join(left), view.file, view.version, view.variant, view.chosen, view.encoding
        )


def _reach(view: View) -> tuple[bool, bool, int]:
    """Return how far a text can be read."""
    faulty = _faulty_line(view)
    return view.is_sound, view.spec is not None, -1 if faulty is None else faulty


def _faulty_line(view: View) -> int | None:
    """Return the line of the first error of the text itself, from 0."""
    found = view.faults if view.spec is None else view.spec.diagnostics
    for diagnostic in found:
        if diagnostic.severity == "error":
            return diagnostic.position.line - 1 if diagnostic.position is not None else None
    return None
