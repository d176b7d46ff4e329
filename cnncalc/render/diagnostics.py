"""Diagnostics in lines, with the line they are about and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from ..diagnostic import Diagnostic, Position
from ..foreign import visible
from .formats.lines import Line

BLOCKS = 4  # blocks around a place that are named
LONGEST = 200  # characters of a line that is shown


def lines_of(diagnostic: Diagnostic, sources: Mapping[str, str] | None = None) -> list[Line]:
    """Write what, where, the line itself with carets, the equation and the help."""
    head = (f"{diagnostic.severity}[{diagnostic.code}]", diagnostic.severity)
    lines: list[Line] = [(head, f": {diagnostic.message}")]
    if place := diagnostic.position:
        lines.append(f"  --> {place.file}:{place.line}:{place.column}{_inside(diagnostic)}")
        lines += _excerpt(place, (sources or {}).get(place.file, ""))
    if diagnostic.equation:
        lines.append(f"   = {diagnostic.equation}")
    if diagnostic.help:
        first, *others = diagnostic.help.split("; or ")
        lines += [f"   = help: {first}", *(f"   =   or: {other}" for other in others)]
    return lines


def _inside(diagnostic: Diagnostic) -> str:
    """Write the blocks that the place is in."""
    blocks = diagnostic.context
    if len(blocks) > BLOCKS:
        blocks = (*blocks[: BLOCKS - 1], "…")
    return f"   in {', in '.join(blocks)}" if blocks else ""


def _excerpt(place: Position, text: str) -> Iterator[str]:
    """Yield the line of a place with carets under it; nothing where there is no such line."""
    lines = _lines(text)
    if not 0 < place.line <= len(lines) or len(lines[place.line - 1]) > LONGEST:
        return
    source = lines[place.line - 1].replace("\t", " ")
    gutter = " " * len(str(place.line))
    start = place.column - 1
    before = _width(source[:start])
    after = _width(source[: start + max(1, place.length)])
    yield f"{gutter} |"
    yield f"{place.line} | {source}"
    yield f"{gutter} | {' ' * before}{'^' * max(1, after - before)}"


def _width(text: str) -> int:
    """Return the columns that a text takes on a screen."""
    shown = visible(text)
    if shown.isascii():
        return len(shown)
    from rich.cells import cell_len

    return cell_len(shown)


@lru_cache(4)
def _lines(text: str) -> list[str]:
    return text.splitlines()
