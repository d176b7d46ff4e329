"""The functions and operators of expressions, on numbers, arrays of many variants and symbols."""

from __future__ import annotations

import ast
import builtins
import operator
from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor, isqrt
from typing import Any

from ..num import Open, choose, equals, is_open
from .expression_limits import MAX_VALUE, ExpressionError


def _divisible(value: Any, divisor: Any = 8, smallest: Any = None) -> Any:
    """Round to a multiple of `divisor` that is at least `smallest`, and 90 % of the value.

    Source: `make_divisible` of MobileNet.
    """
    smallest = divisor if smallest is None else smallest
    if divisor <= 0:
        raise ExpressionError("`make_divisible` needs a positive divisor")
    near = _largest(smallest, floor(value + _quotient(divisor, 2)) // divisor * divisor)
    return choose(10 * near < 9 * value, near + divisor, near)


def _ceil_div(a: Any, b: Any) -> Any:
    return ceil(_quotient(a, b))


def _quotient(a: Any, b: Any) -> Any:
    if isinstance(a, Open) or isinstance(b, Open):
        return a / b
    return fraction(a) / fraction(b)


def fraction(value: Any) -> Fraction:
    """Return a number as a fraction; `Fraction` would also read words, such as '1e99999999'."""
    if not isinstance(value, (int, Fraction)):
        raise TypeError
    return Fraction(value)


def _round(value: Any, digits: Any = 0) -> Any:
    if not isinstance(digits, int) or abs(digits) > 18:
        raise ExpressionError("`round` takes a number of digits from −18 to 18")
    if isinstance(value, Open):
        return round(value, digits)
    return round(fraction(value), digits) if digits else round(value)


def _ceil_sqrt(value: Any) -> Any:
    """Return the smallest whole number whose square is at least the value."""
    whole = ceil(value)  # the square of a whole number is at least one exactly if it is the other
    if isinstance(whole, Open):
        return whole.ceil_sqrt()
    return isqrt(whole - 1) + 1 if whole > 0 else 0


def _sqrt(value: Any) -> Any:
    """Return the exact square root."""
    if isinstance(value, Open):
        root: Any = _ceil_sqrt(value)
    else:
        number = fraction(value)
        if number < 0:
            raise ExpressionError(f"{value} has no square root")
        root = Fraction(isqrt(number.numerator), isqrt(number.denominator))
    if not equals(root * root, value):
        message = f"the square root of {value} is not a fraction"
        raise ExpressionError(message, help="`ceil_sqrt` rounds it up")
    return root


def _floor_log2(value: Any) -> Any:
    """Return the largest n for which 2ⁿ is at most the value."""
    return _powers_of_two(value)[0]


def _log2(value: Any) -> Any:
    """Return the exact logarithm."""
    exponent, power = _powers_of_two(value)
    if not equals(power, value):
        message = f"the logarithm of {value} to base 2 is not a whole number"
        raise ExpressionError(message, help="`floor_log2` rounds it down")
    return exponent


def _powers_of_two(value: Any) -> tuple[Any, Any]:
    """Return the largest n for which 2ⁿ is at most the value, and 2ⁿ."""
    if value <= 0:
        raise ExpressionError(f"{value} has no logarithm")
    exponent: Any
    power: Any
    if isinstance(value, Open):  # whole numbers
        exponent, power = 0, 1
        for n in range(1, MAX_VALUE.bit_length()):
            is_reached = value >= 2**n
            exponent = choose(is_reached, n, exponent)
            power = choose(is_reached, 2**n, power)
        return exponent, power
    number = fraction(value)
    exponent = number.numerator.bit_length() - number.denominator.bit_length()
    if Fraction(2) ** exponent > number:
        exponent -= 1
    return exponent, Fraction(2) ** exponent


def _extreme(name: str, better: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Return the function min or max, which also takes values that are open."""
    plain: Callable[..., Any] = getattr(builtins, name)

    def extreme(*values: Any) -> Any:
        listed = values[0] if len(values) == 1 and isinstance(values[0], tuple) else values
        if not is_open(tuple(listed)):
            return plain(*values)
        best = listed[0]
        for value in listed[1:]:
            best = choose(better(value, best), value, best)
        return best

    return extreme


_smallest, _largest = _extreme("min", operator.lt), _extreme("max", operator.gt)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": _smallest,
    "max": _largest,
    "ceil": ceil,
    "floor": floor,
    "round": _round,
    "len": len,
    "abs": lambda a: choose(a < 0, -a, a),
    "sqrt": _sqrt,
    "log2": _log2,
    "floor_log2": _floor_log2,
    "ceil_div": _ceil_div,
    "ceil_sqrt": _ceil_sqrt,
    "make_divisible": _divisible,
}
BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: _quotient,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.Not: lambda a: choose(a, False, True),
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: equals,
    ast.NotEq: lambda a, b: choose(equals(a, b), False, True),
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: _is_in(a, b),
    ast.NotIn: lambda a, b: choose(_is_in(a, b), False, True),
}


def _is_in(item: Any, group: Any) -> Any:
    if not isinstance(group, tuple) or not is_open((item, group)):
        return item in group
    found: Any = False
    for member in group:
        found = choose(found, True, equals(item, member))
    return found
