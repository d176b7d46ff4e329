"""Diagnostics as text, with the line they speak of and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from ..diagnostic import Diagnostic

SHADES = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "note": "\x1b[1;36m"}


def render(
    diagnostic: Diagnostic, sources: Mapping[str, str] | None = None, colour: bool = False
) -> str:
    """Several lines: what, where, the line itself with carets, the equation, the help."""
    head = f"{diagnostic.severity}[{diagnostic.code}]"
    lines = [
        f"{SHADES[diagnostic.severity]}{head}\x1b[0m: {diagnostic.message}"
        if colour
        else f"{head}: {diagnostic.message}"
    ]
    place = diagnostic.position
    if place:
        blocks = (
            diagnostic.context if len(diagnostic.context) <= 4 else (*diagnostic.context[:3], "…")
        )
        inside = f"   in {', in '.join(blocks)}" if blocks else ""
        lines.append(f"  --> {place.file}:{place.line}:{place.column}{inside}")
        source = line_of((sources or {}).get(place.file, ""), place.line)
        if source is not None and len(source) <= 200:
            gutter = " " * len(str(place.line))
            width = max(1, min(place.length, len(source) - place.column + 1))
            lines += [
                f"{gutter} |",
                f"{place.line} | {source}",
                f"{gutter} | {' ' * (place.column - 1)}{'^' * width}",
            ]
    if diagnostic.equation:
        lines.append(f"   = {diagnostic.equation}")
    if diagnostic.help:
        first, *others = diagnostic.help.split("; or ")
        lines += [f"   = help: {first}", *(f"   =   or: {other}" for other in others)]
    return "\n".join(lines)


def line_of(text: str, line: int) -> str | None:
    """A line of a text, tabs as spaces, or None where there is none."""
    lines = split(text)
    return lines[line - 1].replace("\t", " ") if 0 < line <= len(lines) else None


@lru_cache(4)
def split(text: str) -> list[str]:
    return text.splitlines()
