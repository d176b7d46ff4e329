"""Bounds the values of expressions, and says what is wrong with one."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..num import Open

MAX_VALUE = 10**18
MAX_LIST, _MAX_NESTING = 10_000, 64  # values in a list, and levels of nested lists
TOO_FINE = "a fraction is finer than the limit of 10⁻¹⁸"
TOO_LARGE = "a number is beyond the limit of ±10¹⁸"


class ExpressionError(Exception):
    """What is wrong with an expression; `unknown` is the name that was not found, if any."""

    def __init__(
        self, message: str, unknown: str | None = None, help: str | None = None, text: str = ""
    ):
        super().__init__(message)
        self.unknown, self.help, self.text = unknown, help, text


def clip(text: str) -> str:
    """Shorten a long text for a message."""
    return text if len(text) <= 60 else text[:57] + "…"


def leaves(value: Any, seen: int = 0, depth: int = 0) -> int:
    """Count the values in a nested list, with one more for each list, added to those `seen`.

    Errors: an ExpressionError for too many values, or for lists that are nested too deep.
    """
    seen += 1
    if not isinstance(value, tuple):
        return seen
    if depth > _MAX_NESTING:
        raise ExpressionError(f"lists are nested more than {_MAX_NESTING} levels deep")
    for item in value:
        seen = leaves(item, seen, depth + 1) if isinstance(item, tuple) else seen + 1
        if seen > MAX_LIST:
            raise ExpressionError(f"a list has more than {MAX_LIST:,} entries")
    return seen


def bounded(value: Any) -> Any:
    """Return the value in its simplest form.

    Errors: an ExpressionError for a value beyond the limits.
    """
    if isinstance(value, tuple):
        leaves(value)
        return value
    if isinstance(value, Open):
        if not value.is_within(MAX_VALUE):
            raise ExpressionError(TOO_LARGE)
        return value
    if isinstance(value, Fraction):
        value = exact(value)
        if isinstance(value, Fraction) and value.denominator > MAX_VALUE:
            raise ExpressionError(TOO_FINE)
    if isinstance(value, (int, Fraction)) and not -MAX_VALUE <= value <= MAX_VALUE:
        raise ExpressionError(TOO_LARGE)
    return value


def exact(value: Fraction) -> int | Fraction:
    """Return the value, as an int if it is whole."""
    return value.numerator if value.denominator == 1 else value
