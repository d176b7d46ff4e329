"""Writes JSON, the stable interface for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

from ...at_least import AtLeast
from ...diagnostic import Diagnostic
from ...foreign import SUSPECT, replaced

if TYPE_CHECKING:
    from ...analysis.undeclared import Undeclared

SCHEMA_VERSION = 2
_WORDS = {None: "null", True: "true", False: "false"}


class Json:
    """A value for programs: every text exactly as it is, and fractions as ``"p/q"``.

    A count of which a part is unknown is null; see `with_unknown`.
    """

    def __init__(self, value: Any) -> None:
        self.value = value

    def written(self, colour: bool = False) -> str:
        """Write the value."""
        return escaped(_text(self.value, "\n"))


class Encoded:
    """JSON that is a text already, such as a lock."""

    def __init__(self, text: str) -> None:
        self.text = text

    def written(self, colour: bool = False) -> str:
        """Write the text."""
        return escaped(self.text)


def document(data: Mapping[str, Any]) -> Json:
    """Return the object that a command prints, with the version of its schema first."""
    return Json({"schema_version": SCHEMA_VERSION, **data})


def with_unknown(data: Mapping[str, Any], undeclared: Undeclared) -> dict[str, Any]:
    """Return figures with why some are unknown, and what those are at least, if any are."""
    partly = {name: int(value) for name, value in data.items() if type(value) is AtLeast}
    if not partly:
        return dict(data)
    unknown = {name: undeclared.why(name) or str(undeclared) for name in partly}
    return {**data, "unknown": unknown, "at_least": partly}


def escaped(text: str) -> str:
    """Return JSON with escapes for characters that a terminal or a log might not just show.

    Such characters are only inside its strings, where those below the space are escaped already.
    """
    if text.isascii() and "\x7f" not in text and "##" not in text:
        return text
    return replaced(text, _unit) if SUSPECT.search(text) else text


def _unit(character: str) -> str:
    """Return the JSON escape of a character, in one or two units of UTF-16."""
    if character == "\n":  # part of the layout; in a string it is already an escape
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[n : n + 4]}" for n in range(0, len(units), 4))


def _text(value: Any, line: str) -> str:
    """Write a value with an entry a line, as `json.dumps` does with `indent=1`.

    `line` is a line break with the indentation of the value. This takes half of the time.
    """
    kind = type(value)
    if kind is int:
        return repr(value)
    if kind is str:
        return encode_basestring(value)
    if value is None or kind is bool:
        return _WORDS[value]
    if kind is AtLeast:
        return _WORDS[None]
    inner = f"{line} "
    if value and kind is dict:
        entries = [
            f"{encode_basestring(key)}: {_text(entry, inner)}" for key, entry in value.items()
        ]
        return f"{{{inner}{f',{inner}'.join(entries)}{line}}}"
    if value and isinstance(value, (list, tuple)):
        entries = [_text(entry, inner) for entry in value]
        return f"[{inner}{f',{inner}'.join(entries)}{line}]"
    return json.dumps(value, ensure_ascii=False, default=_fraction)


def _fraction(value: Any) -> str:
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def diagnostic_data(diagnostic: Diagnostic) -> dict[str, Any]:
    """Return a diagnostic for JSON."""
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
