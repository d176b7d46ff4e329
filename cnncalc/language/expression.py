"""Expressions: the arithmetic that strings of a spec may hold.

An allow-list of syntax, exact numbers, bounded size; never `eval`.
"""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor
from typing import Any

_MAX_LENGTH, _MAX_DEPTH, _MAX_VALUE, _MAX_POWER = 1000, 50, 10**18, 64
_MAX_LIST, _MAX_NESTING = 10_000, 64  # values in a list, and lists in a list
_MAX_DIGITS = 40  # of one number with a point, zeros included
_TOO_FINE = "a fraction finer than 10⁻¹⁸"


class ExpressionError(Exception):
    """What is wrong with an expression; `unknown` is the name that it could not find."""

    def __init__(
        self, message: str, unknown: str | None = None, help: str | None = None, text: str = ""
    ):
        super().__init__(message)
        self.unknown, self.help, self.text = unknown, help, text


def _divisible(value: Any, divisor: Any = 8, smallest: Any = None) -> Any:
    """Round to a multiple of `divisor` that is at least `smallest`, and 90 % of the value.

    Source: `make_divisible` of MobileNet.
    """
    smallest = divisor if smallest is None else smallest
    if divisor <= 0:
        raise ExpressionError("make_divisible needs a positive divisor")
    near = max(smallest, floor(value + Fraction(divisor, 2)) // divisor * divisor)
    return near + divisor if 10 * near < 9 * value else near


def _ceil_div(a: Any, b: Any) -> int:
    return ceil(_quotient(a, b))


def _quotient(a: Any, b: Any) -> Fraction:
    return _fraction(a) / _fraction(b)


def _fraction(value: Any) -> Fraction:
    """Return a number as a fraction; `Fraction` would read words too, such as '1e99999999'."""
    if not isinstance(value, (int, Fraction)):
        raise TypeError
    return Fraction(value)


def _round(value: Any, digits: Any = 0) -> Any:
    if not isinstance(digits, int) or abs(digits) > 18:
        raise ExpressionError("`round` takes −18 to 18 digits")
    return round(_fraction(value), digits) if digits else round(value)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": min,
    "max": max,
    "ceil": ceil,
    "floor": floor,
    "round": _round,
    "len": len,
    "ceil_div": _ceil_div,
    "make_divisible": _divisible,
}
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: _quotient,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.Not: operator.not_,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}
_CONSTANTS = {"true": True, "false": False, "none": None}
_OPERATORS = ("if", "else", "and", "or", "not", "in", "is")
_KEYWORDS = (*_OPERATORS, "lambda", "for", "True", "False", "None")
RESERVED = frozenset([*_FUNCTIONS, *_CONSTANTS, *_KEYWORDS, "c", "i", "input"])


class Expression:
    """A parsed expression: the `names` it reads, and its value in a scope."""

    __slots__ = ("body", "names", "text")

    def __init__(self, text: str):
        self.text = text
        source = text.strip()
        if source.startswith("${") and source.endswith("}"):
            source = source[2:-1].strip()
        if len(source) > _MAX_LENGTH:
            raise ExpressionError(f"the expression is longer than {_MAX_LENGTH} characters")
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
        """The value: an int where it is whole, else a Fraction; a bool, string, tuple or None."""
        try:
            return _value(self.body, scope)
        except (TypeError, ValueError, LookupError, ArithmeticError) as error:
            raise ExpressionError(f"`{clip(self.text)}`: {_reason(error)}") from None


def clip(text: str) -> str:
    """Cut a text for a message where it is long."""
    return text if len(text) <= 60 else text[:57] + "…"


def _advice(source: str) -> str | None:
    """What to do about a text that is not an expression, by what is usually meant."""
    if source.count("(") != source.count(")") or source.count("[") != source.count("]"):
        return (
            "close its brackets; inside {…} and […] an expression with a comma must be quoted whole"
        )
    if "=" in source.replace("==", "").replace("<=", "").replace(">=", "").replace("!=", ""):
        return "compare with `==`"
    if " if " in source and " else " not in source:
        return "write `a if condition else b`"
    return None


@lru_cache(4096)
def compiled(text: str) -> Expression:
    """Parse an expression, once."""
    return Expression(text)


def _reason(error: Exception) -> str:
    if isinstance(error, ZeroDivisionError):
        return "division by zero"
    if isinstance(error, IndexError):
        return "an index beyond the end of the list"
    if isinstance(error, TypeError):
        return "numbers, lists and words do not mix that way"
    return str(error)


def _check(node: ast.AST, depth: int) -> set[str]:
    """Return the names that a tree reads.

    Errors: an ExpressionError for syntax that is not allowed; nothing is run before that.
    """
    if depth > _MAX_DEPTH:
        raise ExpressionError(f"the expression nests deeper than {_MAX_DEPTH} levels")
    if isinstance(node, ast.Name):
        return set() if node.id in _CONSTANTS else {node.id}
    if isinstance(node, ast.Constant):
        _check_constant(node.value)
        return set()
    names: set[str] = set()
    for part in _parts(node):
        names |= _check(part, depth + 1)
    return names


def _check_constant(value: Any) -> None:
    if not isinstance(value, (bool, int, Fraction, str, type(None))):
        raise ExpressionError("only numbers, words and lists may stand in an expression")
    if isinstance(value, int) and abs(value) > _MAX_VALUE:
        raise ExpressionError("a number past 10¹⁸")


def _decimal(source: str, node: ast.Constant) -> int | Fraction:
    """Return a number with a point or an exponent as it is written, which a float may not hold.

    Errors: an ExpressionError for one beyond the limits, before it is computed.
    """
    text = (ast.get_source_segment(source, node) or "").replace("_", "").lower()
    digits, _, exponent = text.partition("e")
    if abs(node.value) > _MAX_VALUE:  # type: ignore[arg-type]  # it is a float
        raise ExpressionError("a number past 10¹⁸")
    if len(digits) > _MAX_DIGITS or exponent and abs(int(exponent)) > _MAX_DIGITS:
        raise ExpressionError(_TOO_FINE)
    found: int | Fraction = _bounded(Fraction(text))
    return found


def _parts(node: ast.AST) -> list[ast.expr]:
    """The operands of an allowed operation."""
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.func.id not in _FUNCTIONS or node.keywords:
            raise ExpressionError(f"only these can be called: {', '.join(sorted(_FUNCTIONS))}")
        return node.args
    if isinstance(node, ast.BinOp) and (type(node.op) in _BINARY or isinstance(node.op, ast.Pow)):
        return [node.left, node.right]
    if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        return [node.operand]
    if isinstance(node, ast.Compare) and all(type(op) in _COMPARE for op in node.ops):
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
        "expressions know numbers, names, lists, arithmetic, comparisons, `a if b else c` "
        "and a few functions"
    )


def _value(node: Any, scope: Mapping[str, Any]) -> Any:
    kind: Any = type(node)
    if kind is ast.Constant:
        return node.value
    if kind is ast.Name:
        if node.id in scope:
            return scope[node.id]
        if node.id in _CONSTANTS:
            return _CONSTANTS[node.id]
        raise ExpressionError(f"`{node.id}` is no name here", node.id)
    if kind is ast.BinOp:
        left, right = _value(node.left, scope), _value(node.right, scope)
        return _bounded(_arithmetic(node.op, left, right))
    if kind is ast.Compare:
        return _compared(node, scope)
    if kind is ast.IfExp:
        return _value(node.body if _value(node.test, scope) else node.orelse, scope)
    if kind is ast.BoolOp:
        stop, result = isinstance(node.op, ast.Or), None
        for part in node.values:
            result = _value(part, scope)
            if bool(result) is stop:
                break
        return result
    if kind is ast.UnaryOp:
        return _UNARY[type(node.op)](_value(node.operand, scope))
    if kind is ast.Call:
        return _bounded(_called(node.func.id, [_value(a, scope) for a in node.args]))
    if kind is ast.Subscript:
        return _value(node.value, scope)[_value(node.slice, scope)]
    return _bounded(tuple(_value(e, scope) for e in node.elts))


def _called(name: str, arguments: list[Any]) -> Any:
    try:
        return _FUNCTIONS[name](*arguments)
    except (TypeError, ValueError):
        message = f"`{name}` does not take {len(arguments)} arguments of that kind"
        raise ExpressionError(message) from None


def _compared(node: ast.Compare, scope: Mapping[str, Any]) -> bool:
    left = _value(node.left, scope)
    for op, right_node in zip(node.ops, node.comparators):
        right = _value(right_node, scope)
        if not _COMPARE[type(op)](left, right):
            return False
        left = right
    return True


def _arithmetic(op: ast.operator, left: Any, right: Any) -> Any:
    if isinstance(op, ast.Pow):
        return _power(left, right)
    if isinstance(left, str) or isinstance(right, str):
        raise TypeError
    if isinstance(op, ast.Mult) and (isinstance(left, tuple) or isinstance(right, tuple)):
        raise TypeError  # a list is not repeated
    return _BINARY[type(op)](left, right)


def _power(base: Any, exponent: Any) -> Any:
    if not isinstance(exponent, int) or abs(exponent) > _MAX_POWER:
        message = f"a power must be a whole number from −{_MAX_POWER} to {_MAX_POWER}"
        raise ExpressionError(message)
    return _fraction(base) ** exponent


def leaves(value: Any, seen: int = 0, depth: int = 0) -> int:
    """Count the values in a nested list, each list as one more, beside those `seen`.

    Errors: an ExpressionError for too many, or for lists nested too deep.
    """
    seen += 1
    if not isinstance(value, tuple):
        return seen
    if depth > _MAX_NESTING:
        raise ExpressionError(f"lists nested deeper than {_MAX_NESTING} levels")
    for item in value:
        seen = leaves(item, seen, depth + 1)
        if seen > _MAX_LIST:
            raise ExpressionError(f"a list of more than {_MAX_LIST:,} entries")
    return seen


def _bounded(value: Any) -> Any:
    """Return the value, in its simplest form.

    Errors: an ExpressionError for one beyond the limits.
    """
    if isinstance(value, tuple):
        leaves(value)
        return value
    if isinstance(value, Fraction):
        value = exact(value)
        if isinstance(value, Fraction) and value.denominator > _MAX_VALUE:
            raise ExpressionError(_TOO_FINE)
    if isinstance(value, (int, Fraction)) and not -_MAX_VALUE <= value <= _MAX_VALUE:
        raise ExpressionError("a value past 10¹⁸")
    return value


def exact(value: Fraction) -> int | Fraction:
    """Return an int where the value is whole."""
    return value.numerator if value.denominator == 1 else value
