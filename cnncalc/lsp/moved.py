"""Moves what is shown beside lines to where these lines are after an edit."""

from __future__ import annotations

from collections.abc import Iterable

from lsprotocol import types as lsp

from .line_map import LineMap


def moved_hints(
    hints: Iterable[lsp.InlayHint], lines: LineMap, wanted: range
) -> list[lsp.InlayHint]:
    """Return the hints of lines that are still there, as far as they are wanted."""
    found = []
    for hint in hints:
        line = lines.now(hint.position.line)
        if line is not None and line in wanted:
            hint.position = lsp.Position(line, hint.position.character)
            found.append(hint)
    return found


def moved_lenses(lenses: Iterable[lsp.CodeLens], lines: LineMap | None) -> list[lsp.CodeLens]:
    """Return the lenses of lines that are still there."""
    if lines is None:
        return list(lenses)
    found = []
    for lens in lenses:
        line = lines.now(lens.range.start.line)
        if line is not None:
            place = lsp.Position(line, 0)
            lens.range = lsp.Range(place, place)
            found.append(lens)
    return found
