"""JSON: the stable interface for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from ...diagnostic import Diagnostic

SCHEMA_VERSION = 2


def document(data: Mapping[str, Any]) -> str:
    """Write the object that a command prints, after the version of its schema."""
    return dumps({"schema_version": SCHEMA_VERSION, **data})


def dumps(value: Any) -> str:
    """Write a value; a fraction is the text ``"p/q"``."""
    return json.dumps(value, ensure_ascii=False, indent=1, default=_fraction)


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
