"""Writes diagnostics as lines, with the line that they are about and the help."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from ..diagnostic import Diagnostic, Position
from ..foreign import visible
from ..wording import listed, plural
from .formats.lines import Line
from .formats.wrapped import wrapped

BLOCKS = 4  # enclosing blocks that are named
_NARROWEST = 30  # columns that a line of the source gets at least
LONGEST = 200  # characters; a longer line is not shown
_MOST_ALIKE = 2  # notes of one code that are shown one by one
_MOST_LINES = 8  # lines that are named for the others


def lines_of(
    diagnostic: Diagnostic, sources: Mapping[str, str] | None = None, width: int | None = None
) -> list[Line]:
    """Return the message, the place, the line itself with carets, the equation and the help.

    On a terminal of `width` columns, text is broken between words, and of a long line of the source
    only what is near the place is shown. Logs, which have no width, keep one line for each.
    """
    code = f"{diagnostic.severity}[{diagnostic.code}]"
    first, *others = wrapped(f"{code}: {diagnostic.message}", width, "", "  ")
    lines: list[Line] = [((code, diagnostic.severity), first[len(code) :]), *others]
    if place := diagnostic.position:
        where = f"{place.file}:{place.line}:{place.column}{_inside(diagnostic)}"
        lines += wrapped(where, width, "  --> ", "      ")
        lines += _excerpt(diagnostic, place, (sources or {}).get(place.file, ""), width)
    if diagnostic.equation:
        lines += wrapped(diagnostic.equation, width, "   = ", "     ")
    for number, help in enumerate(diagnostic.help.split("; or ") if diagnostic.help else ()):
        label = "  or: " if number else "help: "
        first, *others = wrapped(help, width, f"   = {label}", " " * 11)
        lines += [("   = ", (label.rstrip(), "word"), first[len("   = help:") :]), *others]
    return lines


def _inside(diagnostic: Diagnostic) -> str:
    """Return the blocks that enclose the place."""
    blocks = diagnostic.context
    if len(blocks) > BLOCKS:
        blocks = (*blocks[: BLOCKS - 1], "…")
    return f"   in {', in '.join(blocks)}" if blocks else ""


def _excerpt(
    diagnostic: Diagnostic, place: Position, text: str, width: int | None
) -> Iterator[Line]:
    """Yield the line of a place with carets under it, or nothing if there is no such line."""
    lines = _lines(text)
    if not 0 < place.line <= len(lines) or len(lines[place.line - 1]) > LONGEST:
        return
    source = lines[place.line - 1].replace("\t", " ")
    gutter = " " * len(str(place.line))
    start, end = place.column - 1, place.column - 1 + max(1, place.length)
    if width is not None:
        source, start, end = _near(source, start, end, max(width, _NARROWEST) - len(gutter) - 3)
    before = _width(source[:start])
    after = _width(source[:end])
    yield f"{gutter} |"
    yield f"{place.line} | {source}"
    carets = "^" * max(1, after - before)
    yield (f"{gutter} | {' ' * before}", (carets, diagnostic.severity))


def _near(source: str, start: int, end: int, room: int) -> tuple[str, int, int]:
    """Return the part of a line that is near a place and fits, and the place in it."""
    if len(source) <= room:
        return source, start, end
    first = max(min(start - room // 3, len(source) - room), 0)
    part = source[first : first + room]
    if first:
        part = f"…{part[1:]}"
    if first + room < len(source):
        part = f"{part[:-1]}…"
    return part, start - first, min(end - first, room)


def _width(text: str) -> int:
    """Return how many columns of a screen a text takes."""
    shown = visible(text)
    if shown.isascii():
        return len(shown)
    from rich.cells import cell_len

    return cell_len(shown)


@lru_cache(4)
def _lines(text: str) -> list[str]:
    return text.splitlines()


def notes_alike(diagnostics: Iterable[Diagnostic]) -> dict[str, list[Diagnostic]]:
    """Return the notes of each code that occur so often that one of them is enough."""
    found: dict[str, list[Diagnostic]] = {}
    for diagnostic in diagnostics:
        if diagnostic.severity == "note":
            found.setdefault(diagnostic.code, []).append(diagnostic)
    return {code: same for code, same in found.items() if len(same) > _MOST_ALIKE}


def lines_of_others(same: Sequence[Diagnostic], width: int | None) -> list[Line]:
    """Say how often a note is repeated: ``12 more notes like this, at lines 5, 6 …``."""
    if len(same) < 2:
        return []
    places = (d.position.line if d.position else 0 for d in same[1:])
    lines = list(dict.fromkeys(places))
    shown = list(map(str, lines[:_MOST_LINES]))
    if len(lines) > _MOST_LINES:
        shown.append(f"{len(lines) - _MOST_LINES} more")
    where = f"at line{'s' if len(shown) > 1 else ''} {listed(shown)}"
    text = f"{plural(len(same) - 1, 'more note')} like this, {where}"
    return [*wrapped(text, width, "   = ", "     ")]
