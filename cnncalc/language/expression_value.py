"""Evaluates parsed expressions.

Names may have `Open` values: numbers, words and conditions that are arrays or symbols. What they
decide, such as `a if b else c`, is chosen variant by variant where both values can be chosen from.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from ..num import NoFormula, Open, choose
from .expression_functions import BINARY, COMPARE, FUNCTIONS, UNARY, fraction
from .expression_limits import ExpressionError, bounded

_MAX_POWER = 64
CONSTANTS = {"true": True, "false": False, "none": None}


def value_of(node: Any, scope: Mapping[str, Any]) -> Any:
    kind: Any = type(node)
    if kind is ast.Constant:
        return node.value
    if kind is ast.Name:
        if node.id in scope:
            return scope[node.id]
        if node.id in CONSTANTS:
            return CONSTANTS[node.id]
        raise ExpressionError(f"unknown name `{node.id}`", node.id)
    if kind is ast.BinOp:
        left, right = value_of(node.left, scope), value_of(node.right, scope)
        return bounded(_arithmetic(node.op, left, right))
    if kind is ast.Compare:
        return _compared(node, scope)
    if kind is ast.IfExp:
        test = value_of(node.test, scope)
        if isinstance(test, Open):
            return _chosen(test, node.body, node.orelse, scope)
        return value_of(node.body if test else node.orelse, scope)
    if kind is ast.BoolOp:
        return _all_or_any(node.values, isinstance(node.op, ast.Or), scope)
    if kind is ast.UnaryOp:
        return UNARY[type(node.op)](value_of(node.operand, scope))
    if kind is ast.Call:
        return bounded(_called(node.func.id, [value_of(a, scope) for a in node.args]))
    if kind is ast.Subscript:
        return value_of(node.value, scope)[value_of(node.slice, scope)]
    return bounded(tuple(value_of(e, scope) for e in node.elts))


def _all_or_any(parts: list[Any], is_any: bool, scope: Mapping[str, Any]) -> Any:
    """Return the value of `and` or `or`: that of the first part that decides it."""
    result: Any = value_of(parts[0], scope)
    for n, part in enumerate(parts[1:], 1):
        if isinstance(result, Open):
            rest = ast.BoolOp(ast.Or() if is_any else ast.And(), parts[n:])
            rest = rest if len(parts[n:]) > 1 else part
            known = ast.Constant(result)  # type: ignore[arg-type]  # never written out
            if is_any:
                return _chosen(result, known, rest, scope)
            return _chosen(result, rest, known, scope)
        if bool(result) is is_any:
            break
        result = value_of(part, scope)
    return result


def _chosen(condition: Open, a: Any, b: Any, scope: Mapping[str, Any]) -> Any:
    """Return the value of one part where the condition holds, and of the other where not.

    A part that has no value is only evaluated where the condition wants it: that is a decision.
    """
    try:
        both = value_of(a, scope), value_of(b, scope)
    except (ExpressionError, NoFormula, TypeError, ValueError, LookupError, ArithmeticError):
        return value_of(a if condition else b, scope)
    return condition.choose(*both)


def _called(name: str, arguments: list[Any]) -> Any:
    try:
        return FUNCTIONS[name](*arguments)
    except (TypeError, ValueError):
        message = f"`{name}` does not take {len(arguments)} arguments of these types"
        raise ExpressionError(message) from None


def _compared(node: ast.Compare, scope: Mapping[str, Any]) -> Any:
    left = value_of(node.left, scope)
    holds: Any = True
    for op, right_node in zip(node.ops, node.comparators):
        right = value_of(right_node, scope)
        compared = COMPARE[type(op)](left, right)
        holds = compared if holds is True else choose(holds, compared, False)
        if not isinstance(holds, Open) and not holds:
            return False
        left = right
    return holds if isinstance(holds, Open) else True


def _arithmetic(op: ast.operator, left: Any, right: Any) -> Any:
    if isinstance(op, ast.Pow):
        return _power(left, right)
    if isinstance(left, str) or isinstance(right, str):
        raise TypeError
    if isinstance(op, ast.Mult) and (isinstance(left, tuple) or isinstance(right, tuple)):
        raise TypeError  # a list is not repeated
    return BINARY[type(op)](left, right)


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(exponent, Open):
        exponent = int(exponent)
    if not isinstance(exponent, int) or abs(exponent) > _MAX_POWER:
        message = f"an exponent must be a whole number from −{_MAX_POWER} to {_MAX_POWER}"
        raise ExpressionError(message)
    return base**exponent if isinstance(base, Open) else fraction(base) ** exponent
