"""Writes values as YAML, in flow style."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..foreign import visible

_WORDS = {True: "true", False: "false", None: "null"}


class Word(str):
    """A word that is written without quotes: a name in an expression."""


def in_yaml(data: Any) -> str:
    """Write a value on one line.

    >>> in_yaml({"out": 8, "kernel": [3, 1], "bias": False})
    '{out: 8, kernel: [3, 1], bias: false}'
    """
    if isinstance(data, dict):
        return "{" + ", ".join(f"{key}: {in_yaml(item)}" for key, item in data.items()) + "}"
    if isinstance(data, (list, tuple)):
        return "[" + ", ".join(map(in_yaml, data)) + "]"
    if isinstance(data, bool) or data is None:
        return _WORDS[data]
    if isinstance(data, Fraction) and data.denominator != 1:
        return f'"{data.numerator} / {data.denominator}"'
    if isinstance(data, float):
        return _float_in_yaml(data)
    return str(data)


def _float_in_yaml(number: float) -> str:
    """Write a number so that YAML reads it as one: `1e-05` needs a decimal point."""
    text = repr(number)
    return f"{number:.1e}" if "e" in text and "." not in text else text


def quoted(text: str) -> str:
    """Write a text in quotes, on one line; YAML knows the escapes of invisible characters."""
    return '"' + visible(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'
