"""Turns expressions of a spec into Python, and evaluates them exactly or as Python does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from fractions import Fraction
from math import ceil, floor, isfinite
from typing import Any

from ...language.expression import Expression
from ...language.expression_functions import FUNCTIONS
from ...language.expression_limits import ExpressionError
from ...language.expression_value import CONSTANTS, value_of

_FAILS = (ExpressionError, NameError, TypeError, ValueError, LookupError, ArithmeticError)
# Their value is never zero or wrong for lack of a name: it is missing.
MISSING = object()


def constant(value: Any) -> ast.expr:
    """Return the expression of a value: a number, a word, a condition or a list of them."""
    if isinstance(value, (list, tuple)):
        return ast.Tuple([constant(item) for item in value], ast.Load())
    return ast.Constant(value)


def name(text: str) -> ast.expr:
    """Return the expression of a name."""
    return ast.Name(text, ast.Load())


def translated(prepared: Any, names: Mapping[str, ast.expr]) -> ast.expr:
    """Return prepared data of a spec as an expression in which names are replaced."""
    if isinstance(prepared, Expression):
        return replaced(prepared.body, names)
    if isinstance(prepared, tuple):
        return ast.Tuple([translated(item, names) for item in prepared], ast.Load())
    return constant(prepared)


def replaced(body: ast.expr, names: Mapping[str, ast.expr]) -> ast.expr:
    """Return an expression with other expressions for its names, and computed where it can be."""
    found: ast.expr = _Replace(names).visit(deepcopy(body))
    return found


class _Replace(ast.NodeTransformer):
    """Replaces names, and computes what is then constant."""

    def __init__(self, names: Mapping[str, ast.expr]):
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.names:
            return deepcopy(self.names[node.id])
        return ast.Constant(CONSTANTS[node.id]) if node.id in CONSTANTS else node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        node.args = [self.visit(argument) for argument in node.args]  # the function is no name
        return _computed(node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        test = self.visit(node.test)
        if isinstance(test, ast.Constant):
            chosen: ast.expr = self.visit(node.body if test.value else node.orelse)
            return chosen
        return ast.IfExp(test, self.visit(node.body), self.visit(node.orelse))

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        decides = isinstance(node.op, ast.Or)
        rest: list[ast.expr] = []
        for part in map(self.visit, node.values):
            if isinstance(part, ast.Constant) and bool(part.value) is decides:
                rest.append(part)
                break
            if not isinstance(part, ast.Constant):
                rest.append(part)
        if not rest:
            return ast.Constant(not decides)
        return rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        node.value, node.slice = self.visit(node.value), self.visit(node.slice)
        if isinstance(node.value, ast.Tuple) and isinstance(node.slice, ast.Constant):
            return node.value.elts[node.slice.value]  # type: ignore[index]  # it was evaluated
        return node

    def generic_visit(self, node: ast.AST) -> Any:
        super().generic_visit(node)
        if isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Compare)):
            return _computed(node)
        return node


def _computed(node: ast.expr) -> ast.expr:
    """Return a constant for an expression without names."""
    if names_in(node):
        return _without_one(node)
    found = evaluated(node, {})
    is_plain = isinstance(found, (bool, int, str))
    return ast.Constant(found) if is_plain else node


def _without_one(node: ast.expr) -> ast.expr:
    """Return a product or sum without a factor of 1 or an addend of 0."""
    if isinstance(node, ast.BinOp):
        neutral = {ast.Mult: 1, ast.FloorDiv: 1, ast.Add: 0, ast.Sub: 0}.get(type(node.op))
        left, right = node.left, node.right
        if neutral is not None and isinstance(right, ast.Constant) and right.value == neutral:
            return left
        swaps = isinstance(node.op, (ast.Mult, ast.Add))
        if swaps and isinstance(left, ast.Constant) and left.value == neutral:
            return right
    return node


def names_in(body: ast.AST) -> set[str]:
    """Return the names that an expression reads, without those of functions."""
    called = {id(node.func) for node in ast.walk(body) if isinstance(node, ast.Call)}
    read = (node for node in ast.walk(body) if isinstance(node, ast.Name))
    return {node.id for node in read if id(node) not in called}


def functions_in(body: ast.AST) -> set[str]:
    """Return the functions that an expression calls."""
    calls = (node.func for node in ast.walk(body) if isinstance(node, ast.Call))
    return {function.id for function in calls if isinstance(function, ast.Name)}


def evaluated(body: ast.expr, values: Mapping[str, Any]) -> Any:
    """Return the exact value of an expression; MISSING if it has none."""
    if "int" in functions_in(body):
        body = _Exact().visit(deepcopy(body))
    try:
        return value_of(body, values)
    except _FAILS:
        return MISSING


def as_in_python(body: ast.expr, values: Mapping[str, Any]) -> Any:
    """Return the value that Python computes, where fractions are floats; MISSING if it has none.

    The expression consists of what the language of specs allows, so it is safe to run.
    """
    known = {**PYTHON, **{key: _plain(value) for key, value in values.items()}}
    try:
        return eval(python(body), {"__builtins__": {}}, known)
    except _FAILS:
        return MISSING


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(map(_plain, value))
    return float(value) if isinstance(value, Fraction) else value


PYTHON: dict[str, Any] = {
    **{key: FUNCTIONS[key] for key in ("min", "max", "len")},
    "abs": abs,
    "int": int,
    "round": round,
    "ceil": ceil,
    "floor": floor,
    "ceil_div": lambda a, b: ceil(a / b),
    "ceil_sqrt": FUNCTIONS["ceil_sqrt"],
    "make_divisible": lambda value, divisor=8, smallest=None: _divisible(value, divisor, smallest),
}


def _divisible(value: float, divisor: int, smallest: int | None) -> int:
    """Round as the function that the file defines: see `to_torch/helpers.py`."""
    near = max(smallest or divisor, floor(value + divisor / 2) // divisor * divisor)
    return near + divisor if 10 * near < 9 * value else near


def python(body: ast.AST) -> str:
    """Write an expression or a simple statement as Python, as ruff formats it."""
    text = ast.unparse(_Printable().visit(deepcopy(body)))
    return _POWER.sub(r"\1**\2", text)


_POWER = re.compile(r"(?<![\w.\])])([\w.]+) \*\* (-?[\w.]+)(?![\w.(\[])")  # of simple operands


class _Printable(ast.NodeTransformer):
    """Writes words in double quotes, and fractions as floats or quotients."""

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        value: Any = node.value
        if isinstance(value, str):
            return name(quoted(value))
        if isinstance(value, Fraction) and Fraction(repr(float(value))) == value:
            value = float(value)
        if isinstance(value, float):
            return name(repr(value).replace("e-0", "e-") if isfinite(value) else _special(value))
        if not isinstance(value, Fraction):
            return node
        return ast.BinOp(ast.Constant(value.numerator), ast.Div(), ast.Constant(value.denominator))

    def visit_Slice(self, node: ast.Slice) -> ast.expr:
        """Put spaces around a colon unless what it separates is simple."""
        parts = [part and python(part) for part in (node.lower, node.upper, node.step)]
        texts = [part or "" for part in (parts if parts[2] else parts[:2])]
        is_simple = all(re.fullmatch(r"-?\w*", text) for text in texts)
        return name((":" if is_simple else " : ").join(texts).strip())

    def visit_For(self, node: ast.For) -> ast.For:
        node.target = name(bare(node.target))
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.Assign:
        self.generic_visit(node)
        if isinstance(node.value, ast.Tuple) and node.value.elts:
            node.value = name(bare(node.value))
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        text = ast.unparse(node)
        return name(text if '"' in text else f'f"{text[2:-1]}"')


def _special(value: float) -> str:
    return f'float("{value}")'


def bare(body: ast.expr) -> str:
    """Write a tuple without its brackets."""
    if not isinstance(body, ast.Tuple) or len(body.elts) < 2:
        return python(body)
    return ", ".join(map(python, body.elts))


def quoted(text: str) -> str:
    """Write a text as Python does, but in double quotes unless it has more of these.

    >>> print(quoted("a'b"), quoted('say "no"'))
    "a'b" 'say "no"'
    """
    written = repr(text)
    if written[0] == '"' or '"' in text:
        return written
    return '"' + written[1:-1].replace("\\'", "'") + '"'


def same(found: Any, wanted: Any) -> bool:
    """Return whether two values are equal; a condition is not a number."""
    if isinstance(found, (list, tuple)) and isinstance(wanted, (list, tuple)):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(found, bool) != isinstance(wanted, bool):
        return False
    if isinstance(wanted, float) and isinstance(found, Fraction):
        return float(found) == wanted
    return bool(found == wanted)


class _Exact(ast.NodeTransformer):
    """Removes `int` around what is whole, and only a float in Python."""

    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        is_int = isinstance(node.func, ast.Name) and node.func.id == "int"
        return node.args[0] if is_int else node


def whole(body: ast.expr) -> ast.expr:
    """Return an expression whose value is whole as one that is an int in Python."""
    return ast.Call(ast.Name("int", ast.Load()), [body], [])


def holds(body: ast.expr, values: Sequence[Any], scopes: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether an expression has these values in these scopes, exactly and in Python."""
    for wanted, scope in zip(values, scopes):
        if not same(evaluated(body, scope), wanted):
            return False
        in_python = as_in_python(body, scope)
        is_other = isinstance(in_python, float) and isinstance(wanted, int)
        if is_other or not same(in_python, _plain(wanted)):
            return False
    return True
