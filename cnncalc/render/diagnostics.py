"""Diagnostics as text, with the line they are about and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from ..diagnostic import Diagnostic, Position

SHADES = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "note": "\x1b[1;36m"}
BLOCKS = 4  # blocks around a place that are named
LONGEST = 200  # characters of a line that is shown


def render(
    diagnostic: Diagnostic, sources: Mapping[str, str] | None = None, colour: bool = False
) -> str:
    """Write what, where, the line itself with carets, the equation and the help."""
    head = f"{diagnostic.severity}[{diagnostic.code}]"
    if colour:
        head = f"{SHADES[diagnostic.severity]}{head}\x1b[0m"
    lines = [f"{head}: {diagnostic.message}"]
    if place := diagnostic.position:
        lines.append(f"  --> {place.file}:{place.line}:{place.column}{_inside(diagnostic)}")
        lines += _excerpt(place, (sources or {}).get(place.file, ""))
    if diagnostic.equation:
        lines.append(f"   = {diagnostic.equation}")
    if diagnostic.help:
        first, *others = diagnostic.help.split("; or ")
        lines += [f"   = help: {first}", *(f"   =   or: {other}" for other in others)]
    return "\n".join(lines)


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
    width = max(1, min(place.length, len(source) - place.column + 1))
    yield f"{gutter} |"
    yield f"{place.line} | {source}"
    yield f"{gutter} | {' ' * (place.column - 1)}{'^' * width}"


@lru_cache(4)
def _lines(text: str) -> list[str]:
    return text.splitlines()
