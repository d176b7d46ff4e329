"""Expressions: the arithmetic that strings in a spec may hold. Own allow-list, exact numbers, bounded; never `eval`."""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor
from typing import Any

MAX_LENGTH, MAX_DEPTH, MAX_VALUE, MAX_POWER, MAX_LIST = 1000, 50, 10**18, 64, 10_000


class ExpressionError(Exception):
    """What is wrong with an expression; `unknown` is the name it could not find."""

    def __init__(
        self, message: str, unknown: str | None = None, help: str | None = None, text: str = ""
    ):
        super().__init__(message)
        self.unknown, self.help, self.text = unknown, help, text


def _divisible(value: Any, divisor: Any = 8, least: Any = None) -> int:
    """The multiple of `divisor` nearest to the value, at least `least`, and not below nine tenths of it (MobileNet)."""
    least = divisor if least is None else least
    if divisor <= 0:
        raise ExpressionError("make_divisible needs a positive divisor")
    near = max(least, floor(value + Fraction(divisor, 2)) // divisor * divisor)
    return near + divisor if 10 * near < 9 * value else near


def _ceil_div(a: Any, b: Any) -> int:
    if b == 0:
        raise ExpressionError("division by zero")
    return ceil(Fraction(a) / Fraction(b))


def _round(value: Any, digits: Any = 0) -> Any:
    if not isinstance(digits, int) or abs(digits) > 18:
        raise ExpressionError("`round` takes −18 to 18 digits")
    return round(Fraction(value), digits) if digits else round(value)


FUNCTIONS: dict[str, Callable] = {
    "min": min,
    "max": max,
    "ceil": ceil,
    "floor": floor,
    "round": _round,
    "len": len,
    "ceil_div": _ceil_div,
    "make_divisible": _divisible,
}
_BINARY: dict[type, Callable] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda a, b: Fraction(a) / Fraction(b),
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARE: dict[type, Callable] = {
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
RESERVED = frozenset(FUNCTIONS) | {
    "c",
    "i",
    "input",
    "true",
    "false",
    "none",
    "if",
    "else",
    "and",
    "or",
    "not",
    "in",
    "is",
    "lambda",
    "for",
    "True",
    "False",
    "None",
}


class Expression:
    """A parsed expression: `names` it reads, and its value in a scope."""

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
                warnings.simplefilter(
                    "ignore", SyntaxWarning
                )  # such as for `3in x`, which is no concern of the user
                self.body = ast.parse(source, mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            raise ExpressionError(
                f"`{clip(source)}` is not an expression", help=_advice(source), text=source
            ) from None
        self.names = frozenset(_check(self.body, 0))

    def value(self, scope: Mapping[str, Any]) -> Any:
        """The value: an int where it is whole, else a Fraction; a bool, string, tuple or None."""
        try:
            return _value(self.body, scope)
        except (TypeError, ValueError, IndexError, ZeroDivisionError, OverflowError) as error:
            raise ExpressionError(f"`{clip(self.text)}`: {_reason(error)}") from None


def clip(text: str) -> str:
    """A text for a message, cut where it is long."""
    return text if len(text) <= 60 else text[:57] + "…"


def _advice(source: str) -> str | None:
    """What is usually meant by something that is no expression."""
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
    """An expression, parsed once."""
    return Expression(text)


def _reason(error: Exception) -> str:
    if isinstance(error, ZeroDivisionError):
        return "division by zero"
    if isinstance(error, IndexError):
        return "an index beyond the end of the list"
    return (
        "numbers, lists and words do not mix that way"
        if isinstance(error, TypeError)
        else str(error)
    )


def _check(node: ast.AST, depth: int) -> set[str]:
    """Names an allowed tree reads; anything else is refused before it runs."""
    if depth > MAX_DEPTH:
        raise ExpressionError(f"the expression nests deeper than {MAX_DEPTH} levels")
    if isinstance(node, ast.Name):
        return set() if node.id in _CONSTANTS else {node.id}
    if isinstance(node, ast.Constant):
        if not isinstance(node.value, (bool, int, float, str, type(None))):
            raise ExpressionError("only numbers, words and lists may stand in an expression")
        if isinstance(node.value, (int, float)) and abs(node.value) > MAX_VALUE:
            raise ExpressionError("a number past 10¹⁸")
        return set()
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS or node.keywords:
            raise ExpressionError(f"only these can be called: {', '.join(sorted(FUNCTIONS))}")
        parts: list[ast.AST] = list(node.args)
    elif isinstance(node, ast.BinOp) and (type(node.op) in _BINARY or isinstance(node.op, ast.Pow)):
        parts = [node.left, node.right]
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd, ast.Not)):
        parts = [node.operand]
    elif isinstance(node, ast.Compare) and all(type(op) in _COMPARE for op in node.ops):
        parts = [node.left, *node.comparators]
    elif isinstance(node, ast.BoolOp):
        parts = list(node.values)
    elif isinstance(node, ast.IfExp):
        parts = [node.test, node.body, node.orelse]
    elif isinstance(node, (ast.List, ast.Tuple)):
        parts = list(node.elts)
    elif isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice):
        parts = [node.value, node.slice]
    else:
        raise ExpressionError(
            "expressions know numbers, names, lists, arithmetic, comparisons, `a if b else c` and a few functions"
        )
    return set().union(*(_check(part, depth + 1) for part in parts))


def _value(node: Any, scope: Mapping[str, Any]) -> Any:
    kind: Any = type(node)
    if kind is ast.Constant:
        return exact(Fraction(str(node.value))) if isinstance(node.value, float) else node.value
    if kind is ast.Name:
        if node.id in scope:
            return scope[node.id]
        if node.id in _CONSTANTS:
            return _CONSTANTS[node.id]
        raise ExpressionError(f"`{node.id}` is no name here", node.id)
    if kind is ast.BinOp:
        left, right = _value(node.left, scope), _value(node.right, scope)
        return _bounded(
            _power(left, right)
            if isinstance(node.op, ast.Pow)
            else _arithmetic(node.op, left, right)
        )
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
        operand = _value(node.operand, scope)
        return (
            not operand
            if isinstance(node.op, ast.Not)
            else -operand
            if isinstance(node.op, ast.USub)
            else +operand
        )
    if kind is ast.Call:
        return _bounded(_called(node.func.id, [_value(a, scope) for a in node.args]))
    if kind is ast.Subscript:
        return _value(node.value, scope)[_value(node.slice, scope)]
    return tuple(_value(e, scope) for e in node.elts)


def _called(name: str, arguments: list[Any]) -> Any:
    try:
        return FUNCTIONS[name](*arguments)
    except (TypeError, ValueError):
        raise ExpressionError(
            f"`{name}` does not take {len(arguments)} arguments of that kind"
        ) from None


def _compared(node: ast.Compare, scope: Mapping[str, Any]) -> bool:
    left = _value(node.left, scope)
    for op, right_node in zip(node.ops, node.comparators):
        right = _value(right_node, scope)
        if not _COMPARE[type(op)](left, right):
            return False
        left = right
    return True


def _arithmetic(op: ast.operator, left: Any, right: Any) -> Any:
    if (
        isinstance(left, str)
        or isinstance(right, str)
        or isinstance(op, ast.Mult)
        and (isinstance(left, tuple) or isinstance(right, tuple))
    ):
        raise TypeError
    return _BINARY[type(op)](left, right)


def _power(base: Any, exponent: Any) -> Any:
    if not isinstance(exponent, int) or abs(exponent) > MAX_POWER:
        raise ExpressionError(f"a power must be a whole number from −{MAX_POWER} to {MAX_POWER}")
    if isinstance(base, (str, tuple)):
        raise TypeError
    return Fraction(base) ** exponent


def leaves(value: Any, seen: int = 0) -> int:
    """How many values a nested list holds; refuses to count past the limit."""
    if not isinstance(value, tuple):
        return seen + 1
    for item in value:
        seen = leaves(item, seen)
        if seen > MAX_LIST:
            raise ExpressionError(f"a list of more than {MAX_LIST:,} entries")
    return seen


def _bounded(value: Any) -> Any:
    if isinstance(value, tuple):
        leaves(value)
        return value
    if isinstance(value, Fraction):
        value = exact(value)
        if isinstance(value, Fraction) and value.denominator > MAX_VALUE:
            raise ExpressionError("a fraction finer than 10⁻¹⁸")
    if isinstance(value, (int, Fraction)) and not -MAX_VALUE <= value <= MAX_VALUE:
        raise ExpressionError("a value past 10¹⁸")
    return value


def exact(value: Fraction) -> int | Fraction:
    """An int where it is whole."""
    return value.numerator if value.denominator == 1 else value
