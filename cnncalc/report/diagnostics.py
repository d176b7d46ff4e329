"""Diagnostics as text, with the line they speak of and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

from ..diagnostic import Diagnostic


def render(diagnostic: Diagnostic, sources: Mapping[str, str] | None = None) -> str:
    """Several lines: what, where, the line itself with carets, the equation, the help."""
    lines = [f"{diagnostic.severity}[{diagnostic.code}]: {diagnostic.message}"]
    place = diagnostic.position
    if place:
        inside = f"   in {', in '.join(diagnostic.context)}" if diagnostic.context else ""
        lines.append(f"  --> {place.file}:{place.line}:{place.column}{inside}")
        text = (sources or {}).get(place.file, "").splitlines()
        if 0 < place.line <= len(text) and len(text[place.line - 1]) <= 200:
            gutter = " " * len(str(place.line))
            source = text[place.line - 1].replace("\t", " ")
            width = max(1, min(place.length, len(source) - place.column + 1))
            lines += [f"{gutter} |", f"{place.line} | {source}", f"{gutter} | {' ' * (place.column - 1)}{'^' * width}"]
    if diagnostic.equation:
        lines.append(f"   = {diagnostic.equation}")
    if diagnostic.help:
        lines.append(f"   = help: {diagnostic.help}")
    return "\n".join(lines)
