"""Reads the values of `--over`: lists, ranges, and ranges whose steps are factors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from ...diagnostic import Diagnostic, Mistake
from ...language.expression import Expression
from ...language.expression_limits import ExpressionError, exact
from ...language.values import ANY_WORD, evaluate, prepare
from ...language.yaml_tree import parse

MOST_VALUES = 10**8  # of one range
_MOST_LISTED = 10**6  # values that are not a plain range of whole numbers
_RANGE = re.compile(r"\s*([^:,\[\]{}]+):([^:,\[\]{}]+)(?::\s*(\*?)([^:,\[\]{}*]+))?\s*\Z")


def read_over(text: str) -> tuple[tuple[str, ...], Sequence[Any]]:
    """Read ``H,W=128:512:32`` as the names and their values.

    Errors: a Mistake for a text that is not of this form.
    """
    names, equals, values = text.partition("=")
    listed = tuple(name.strip() for name in names.split(","))
    if not equals or not all(listed) or not values.strip():
        raise _mistake(f"--over takes NAME=VALUES, not `{text}`", "--over width=0.25:2:0.05")
    return listed, read_values(values, text)


def read_values(text: str, whole: str) -> Sequence[Any]:
    """Read a list or a range; `whole` is the option's text, for messages."""
    match = _RANGE.match(text)
    if match is not None:
        return _range(match, whole)
    try:
        found = parse(f"[{text}]", "--over")[0]
    except Mistake as mistake:
        raise _mistake(f"--over {whole}: {mistake.diagnostics[0].message}") from None
    values = listed_values(found, whole)
    if not values:
        raise _mistake(f"--over {whole} has no values", "--over width=0.5,1")
    return values


def listed_values(found: Iterable[Any], whole: str) -> list[Any]:
    """Return values as expressions have them: whole numbers, fractions, words, lists.

    Errors: a Mistake if one is something else.
    """
    try:
        return [evaluate(prepare(_plain(value), frozenset(), ANY_WORD), {}) for value in found]
    except ExpressionError as error:
        raise _mistake(f"--over {whole}: {error}") from None


def _plain(value: Any) -> Any:
    """Return a value of Python or numpy as YAML would have read it."""
    if isinstance(value, dict):
        raise ExpressionError("a value is a number, a word or a list")
    if isinstance(value, (list, tuple)):
        return list(map(_plain, value))
    if isinstance(value, float):
        return exact(Fraction(repr(value)))
    if hasattr(value, "item"):
        return _plain(value.item())
    return value


def _range(match: re.Match[str], whole: str) -> Sequence[Any]:
    start, stop = _number(match[1], whole), _number(match[2], whole)
    step = _number(match[4], whole) if match[4] else 1
    if match[3]:
        return _factors(start, stop, step, whole, "." not in match[1] + match[2])
    if step <= 0:
        raise _mistake(f"--over {whole}: the step must be positive", "--over H=128:512:32")
    if stop < start:
        raise _mistake(f"--over {whole} is empty: it ends before it begins")
    count = int((stop - start) // step) + 1
    if count > MOST_VALUES:
        most = f"at most {MOST_VALUES:,} values"
        raise _mistake(f"--over {whole} has {count:,} values; a range has {most}", "larger steps")
    if isinstance(start, int) and isinstance(step, int):
        return range(start, start + count * step, step)
    if count > _MOST_LISTED:
        most = f"at most {_MOST_LISTED:,} values"
        message = f"--over {whole} has {count:,} values; a range of fractions has {most}"
        raise _mistake(message, "larger steps")
    return [_simple(start + n * step) for n in range(count)]


def _factors(start: Any, stop: Any, factor: Any, whole: str, is_whole: bool) -> Sequence[Any]:
    """Return start, start·factor, … up to stop, rounded if the ends are whole numbers."""
    if factor <= 1 or start <= 0:
        help = "--over batch=1:256:*2"
        raise _mistake(f"--over {whole} never ends: a factor is above 1, a start above 0", help)
    if stop < start:
        raise _mistake(f"--over {whole} is empty: it ends before it begins")
    values: dict[Any, None] = {}
    value = Fraction(start)
    while value <= stop:
        values[round(value) if is_whole else _simple(value)] = None
        if len(values) > _MOST_LISTED:
            raise _mistake(
                f"--over {whole} has more than {_MOST_LISTED:,} values", "a larger factor"
            )
        value *= Fraction(factor)
        if value.denominator > 10**200:
            value = Fraction(round(value * 10**60), 10**60)
    return list(values)


def _simple(value: Any) -> Any:
    return exact(value) if isinstance(value, Fraction) else value


def _number(text: str, whole: str) -> int | Fraction:
    try:
        found = Expression(text.strip()).value({})
    except ExpressionError:
        found = None
    if isinstance(found, bool) or not isinstance(found, (int, Fraction)):
        message = f"--over {whole}: a range has numbers, as in 0.25:2:0.05, not `{text.strip()}`"
        raise _mistake(message)
    return found


def _mistake(message: str, help: str | None = None) -> Mistake:
    return Mistake(Diagnostic("CNN111", message, help=help))
