"""Views a text that is being typed: without the lines that cannot be read yet."""

from __future__ import annotations

from .view import View

_ROUNDS = 12  # lines, or layers, that are left out


def without_unfinished(view: View) -> View | None:
    """Return the view of a text without its faulty lines, which are empty in it; None if none is.

    The other lines keep their numbers.
    """
    lines = view.text.split("\n")
    here: View = view
    before: int | None = None
    for _ in range(_ROUNDS):
        if here.is_sound:
            return here
        line = _faulty_line(here)
        if line is None or line >= len(lines):
            return None
        if line == before or not lines[line].strip():
            line = next((n for n in range(line, -1, -1) if lines[n].strip()), -1)
            if line < 0:
                return None
        lines[line] = ""
        before = line
        here = View(
            "\n".join(lines), view.file, view.version, view.variant, view.chosen, view.encoding
        )
    return here if here.is_sound else None


def _faulty_line(view: View) -> int | None:
    """Return the line of the first error of the text itself, from 0."""
    found = view.faults if view.spec is None else view.spec.diagnostics
    for diagnostic in found:
        if diagnostic.severity == "error":
            return diagnostic.position.line - 1 if diagnostic.position is not None else None
    return None
