"""Finds expressions that YAML cut: in ``{…}``, it reads ``{out: max(16, c)}`` as two keys."""

from __future__ import annotations

from typing import Any

from ..diagnostic import Diagnostic, Edit, Fix
from .reader import Reader
from .yaml_tree import Marks


def cut_by_yaml(reader: Reader, body: dict[str, Any], marks: Marks) -> bool:
    """Report an expression that YAML cut at its comma; return whether there is one."""
    keys = list(body)
    cut = _first_piece(body)
    if cut is None:
        return False
    before, pieces = keys[cut - 1], [keys[cut]]
    for key in keys[cut + 1 :]:
        if body[key] is not None or _balanced("".join([str(body[before]), *pieces])):
            break
        pieces.append(key)
    place = marks.find(before).position(reader.file)
    line, column, width = marks.keys[pieces[-1]]
    one_line = line + 1 == place.line
    if one_line:
        place = place._replace(length=column + width - place.column + 1)
    text = ", ".join([str(body[before]), *pieces])
    reader.add(
        Diagnostic(
            "CNN007",
            f"YAML cut the expression for `{before}` at its comma",
            place,
            f'quote it: {before}: "{text}"',
            fix=Fix("quote it", (Edit.over(place, f'"{text}"'),), certain=one_line),
        )
    )
    return True


def _first_piece(body: dict[str, Any]) -> int | None:
    """Return the index of the first key that continues an expression.

    Such a key has no value, and it or a later key has brackets.
    """
    keys = list(body)
    for n, key in enumerate(keys):
        if n and body[key] is None and any(c in "".join(keys[n:]) for c in "()[]"):
            return n
    return None


def _balanced(text: str) -> bool:
    return text.count("(") + text.count("[") <= text.count(")") + text.count("]")
