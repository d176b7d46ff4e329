"""Semantic tokens: the parts of expressions, which YAML takes for plain words."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

from lsprotocol import types as lsp

from ..language.expression import Expression, compiled
from ..language.expression_functions import FUNCTIONS
from ..language.expression_limits import ExpressionError
from .line_map import LineMap
from .names import BUILT_IN, Names
from .values import values_of
from .view import View

TYPES = ["parameter", "variable", "function", "number", "operator", "keyword", "string"]
_TOKEN = re.compile(
    r"(?P<string>'[^']*'|\"[^\"]*\")|(?P<number>\d[\w.]*)|(?P<word>[A-Za-z_]\w*)"
    r"|(?P<operator>//|\*\*|[=!<>]=|[-+*/%<>])"
)
_KEYWORDS = ("if", "else", "and", "or", "not", "in", "is", "true", "false", "True", "False")


def semantic_tokens(view: View, lines: LineMap | None = None) -> lsp.SemanticTokens:
    """Return the tokens of all expressions, each relative to the one before it.

    `lines` says where the lines of the view are now, if it is of an earlier text.
    """
    data: list[int] = []
    line = column = 0
    tokens = sorted(set(_tokens(view.names))) if view.names is not None else []
    for start, end, kind in tokens:
        at = view.places.position(start)
        length = view.places.position(end).character - at.character
        if lines is not None:
            now = lines.now(at.line)
            if now is None:
                continue
            at = lsp.Position(now, at.character)
        data += [
            at.line - line,
            at.character - (column if at.line == line else 0),
            length,
            TYPES.index(kind),
            0,
        ]
        line, column = at.line, at.character
    return lsp.SemanticTokens(data)


def _tokens(names: Names) -> Iterator[tuple[int, int, str]]:
    """Yield where each token starts and ends, and its type."""
    counters = {step.counter for layers in names.lists for step in layers.steps}
    for block, key, marks in values_of(names.spec):
        if key == "name":
            continue
        start, end = names.places.span(marks)
        text = names.places.text[start:end]
        if "\n" in text or "\r" in text:
            continue
        quote = text[:1] if text[:1] in "\"'" and text[:1] == text[-1:] and len(text) > 1 else ""
        source = text[len(quote) : len(text) - len(quote)]
        parameters = names.parameters(block)
        known = {*parameters, *BUILT_IN, *counters}
        if not _is_expression(source, known):
            continue
        for token in _TOKEN.finditer(source):
            kind = _type(token, parameters)
            at = start + len(quote) + token.start()
            yield at, at + len(token[0]), kind


def _type(token: re.Match[str], parameters: Container[str]) -> str:
    word = token["word"]
    if word is None:
        return str(token.lastgroup)
    if word in _KEYWORDS:
        return "keyword"
    if word in FUNCTIONS:
        return "function"
    return "parameter" if word in parameters else "variable"


def _is_expression(source: str, known: set[str]) -> bool:
    """Return whether a text computes something from names that are known."""
    if not source.strip() or source.strip().isdigit():
        return False
    try:
        expression: Expression = compiled(source.strip())
    except ExpressionError:
        return False
    return bool(expression.names) and expression.names <= known
