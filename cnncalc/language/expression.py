"""Parses expressions: the arithmetic that strings of a spec may hold.

It uses an allow-list of syntax, exact numbers and bounded sizes; never `eval`.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

from .expression_functions import BINARY, COMPARE, FUNCTIONS, UNARY
from .expression_limits import (
    MAX_VALUE,
    TOO_FINE,
    TOO_LARGE,
    ExpressionError,
    bounded,
    clip,
)
from .expression_value import CONSTANTS, value_of

MAX_LENGTH, _MAX_DEPTH = 1000, 50
_MAX_DIGITS = 40  # of a number with a decimal point, including zeros
_OPERATORS = ("if", "else", "and", "or", "not", "in", "is")
_KEYWORDS = (*_OPERATORS, "lambda", "for", "True", "False", "None")
RESERVED = frozenset([*FUNCTIONS, *CONSTANTS, *_KEYWORDS, "c", "i", "input"])


class Expression:
    """A parsed expression: the `names` it reads, and its value in a scope."""

    __slots__ = ("body", "names", "text")

    def __init__(self, text: str):
        self.text = text
        source = text.strip()
        if source.startswith("${") and source.endswith("}"):
            source = source[2:-1].strip()
        if len(source) > MAX_LENGTH:
            raise ExpressionError(f"the expression is longer than {MAX_LENGTH} characters")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)  # such as for `3in x`
                self.body = ast.parse(source, mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            message = f"`{clip(source)}` is not an expression"
            raise ExpressionError(message, help=_advice(source), text=source) from None
        for node in ast.walk(self.body):
            if isinstance(node, ast.Constant) and isinstance(node.value, float):
                node.value = _decimal(source, node)  # type: ignore[assignment]  # exact
        self.names = frozenset(_check(self.body, 0))

    def value(self, scope: Mapping[str, Any]) -> Any:
        """Return the value: an int if it is whole, or a Fraction, bool, string, tuple or None."""
        try:
            return value_of(self.body, scope)
        except (TypeError, ValueError, LookupError, ArithmeticError) as error:
            raise ExpressionError(f"`{clip(self.text)}`: {_reason(error)}") from None


def _advice(source: str) -> str | None:
    """Return advice on a text that is not an expression, from what is usually meant."""
    if source.count("(") != source.count(")") or source.count("[") != source.count("]"):
        return (
            "close its brackets; inside {…} and […], quote the whole expression if it has a comma"
        )
    if "=" in source.replace("==", "").replace("<=", "").replace(">=", "").replace("!=", ""):
        return "compare with `==`"
    if " if " in source and " else " not in source:
        return "write `a if condition else b`"
    return None


@lru_cache(1024)  # all bundled networks together have fewer than 1,000
def compiled(text: str) -> Expression:
    """Parse an expression; cached."""
    return Expression(text)


def _reason(error: Exception) -> str:
    if isinstance(error, ZeroDivisionError):
        return "division by zero"
    if isinstance(error, IndexError):
        return "the index is beyond the end of the list"
    if isinstance(error, TypeError):
        return "numbers, lists and words cannot be combined like this"
    return str(error)


def _check(node: ast.AST, depth: int) -> set[str]:
    """Return the names that a tree reads.

    Errors: an ExpressionError for syntax that is not allowed, before anything is evaluated.
    """
    if depth > _MAX_DEPTH:
        raise ExpressionError(f"the expression is nested more than {_MAX_DEPTH} levels deep")
    if isinstance(node, ast.Name):
        return set() if node.id in CONSTANTS else {node.id}
    if isinstance(node, ast.Constant):
        _check_constant(node.value)
        return set()
    names: set[str] = set()
    for part in _parts(node):
        names |= _check(part, depth + 1)
    return names


def _check_constant(value: Any) -> None:
    if not isinstance(value, (bool, int, Fraction, str, type(None))):
        raise ExpressionError("an expression can hold only numbers, words and lists")
    if isinstance(value, int) and abs(value) > MAX_VALUE:
        raise ExpressionError(TOO_LARGE)


def _decimal(source: str, node: ast.Constant) -> int | Fraction:
    """Return the exact value of a number with a point or an exponent; a float may round it.

    Errors: an ExpressionError for one beyond the limits, before it is computed.
    """
    text = (ast.get_source_segment(source, node) or "").replace("_", "").lower()
    digits, _, exponent = text.partition("e")
    if abs(node.value) > MAX_VALUE:  # type: ignore[arg-type]  # it is a float
        raise ExpressionError(TOO_LARGE)
    if len(digits) > _MAX_DIGITS or exponent and abs(int(exponent)) > _MAX_DIGITS:
        raise ExpressionError(TOO_FINE)
    found: int | Fraction = bounded(Fraction(text))
    return found


def _parts(node: ast.AST) -> list[ast.expr]:
    """Return the operands of an allowed operation."""
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS or node.keywords:
            raise ExpressionError(
                f"only these functions can be called: {', '.join(sorted(FUNCTIONS))}"
            )
        return node.args
    if isinstance(node, ast.BinOp) and (type(node.op) in BINARY or isinstance(node.op, ast.Pow)):
        return [node.left, node.right]
    if isinstance(node, ast.UnaryOp) and type(node.op) in UNARY:
        return [node.operand]
    if isinstance(node, ast.Compare) and all(type(op) in COMPARE for op in node.ops):
        return [node.left, *node.comparators]
    if isinstance(node, ast.BoolOp):
        return node.values
    if isinstance(node, ast.IfExp):
        return [node.test, node.body, node.orelse]
    if isinstance(node, (ast.List, ast.Tuple)):
        return node.elts
    if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice):
        return [node.value, node.slice]
    raise ExpressionError(
        "an expression can use only numbers, names, lists, arithmetic, comparisons, "
        "`a if b else c` and a few functions"
    )
