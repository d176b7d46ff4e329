"""Writes values as YAML, in flow style."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..foreign import visible

_MOST_DIGITS = 18  # of a number that is read
_WORDS = {True: "true", False: "false", None: "null"}


class Word(str):
    """A word that is written without quotes: a name in an expression."""


def in_yaml(data: Any) -> str:
    """Write a value on one line.

    >>> in_yaml({"out": 8, "kernel": [3, 1], "bias": False})
    '{out: 8, kernel: [3, 1], bias: false}'
    >>> in_yaml([Fraction(3, 2), Fraction(1, 3)])
    '[1.5, "1 / 3"]'
    """
    if isinstance(data, dict):
        return "{" + ", ".join(f"{key}: {in_yaml(item)}" for key, item in data.items()) + "}"
    if isinstance(data, (list, tuple)):
        return "[" + ", ".join(map(in_yaml, data)) + "]"
    if isinstance(data, bool) or data is None:
        return _WORDS[data]
    if isinstance(data, Fraction) and data.denominator != 1:
        if Fraction(repr(float(data))) == data:
            return _float_in_yaml(float(data))
        return f'"{data.numerator} / {data.denominator}"'
    if isinstance(data, float):
        return _float_in_yaml(data)
    return str(data)


def _float_in_yaml(number: float) -> str:
    """Write a number so that YAML reads it as one: `1e-05` needs a decimal point.

    >>> _float_in_yaml(1e-05), _float_in_yaml(0.00030000000000000858)
    ('1.0e-05', '3.0000000000000859e-04')
    """
    text = repr(number)
    if sum(map(str.isdigit, text)) > _MOST_DIGITS and "e" not in text:
        return f"{number:.16e}"
    return f"{number:.1e}" if "e" in text and "." not in text else text


def quoted(text: str) -> str:
    """Write a text in quotes, on one line; YAML knows the escapes of invisible characters."""
    return '"' + visible(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'
