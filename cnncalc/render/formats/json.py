"""JSON: the stable interface for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from ...diagnostic import Diagnostic
from ...foreign import SUSPECT, replaced

SCHEMA_VERSION = 2


class Json:
    """A value as programs read it: every text exactly as it is; a fraction is ``"p/q"``."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def written(self, colour: bool = False) -> str:
        """Write the value."""
        return escaped(json.dumps(self.value, ensure_ascii=False, indent=1, default=_fraction))


class Encoded:
    """JSON that has its text already, such as a lock."""

    def __init__(self, text: str) -> None:
        self.text = text

    def written(self, colour: bool = False) -> str:
        """Write the text."""
        return escaped(self.text)


def document(data: Mapping[str, Any]) -> Json:
    """Return the object that a command prints, after the version of its schema."""
    return Json({"schema_version": SCHEMA_VERSION, **data})


def escaped(text: str) -> str:
    """Return JSON with escapes in its strings for what a terminal or a log would not just show.

    Outside its strings there is nothing to escape.
    """
    return replaced(text, _unit) if SUSPECT.search(text) else text


def _unit(character: str) -> str:
    """Return a character as JSON escapes it, in one unit of UTF-16 or two."""
    if character == "\n":  # of the layout: in a string it is an escape already
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[n : n + 4]}" for n in range(0, len(units), 4))


def _fraction(value: Any) -> str:
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def diagnostic_data(diagnostic: Diagnostic) -> dict[str, Any]:
    """Return a diagnostic as programs read it."""
    place = diagnostic.position
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "file": place and place.file,
        "line": place and place.line,
        "column": place and place.column,
        "equation": diagnostic.equation,
        "help": diagnostic.help,
        "context": diagnostic.context,
    }
