"""Values of a spec before and after their parameters are known: words, expressions, lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from fractions import Fraction
from typing import Any, get_args

from ..diagnostic import Diagnostic, Mistake, Position, misspelled
from ..ops.base import Op
from .expression import Expression, ExpressionError, compiled, leaves

ANY_WORD = frozenset(["*"])  # a field that takes any string
SWITCHES = {"yes": "true", "on": "true", "no": "false", "off": "false"}  # of YAML 1.1
FAULT = object()  # a value that was wrong, and has been reported


def prepare(data: Any, known: Set[str], words: frozenset[str] = frozenset()) -> Any:
    """Data with lists as tuples and strings as expressions; a word of the field stays a word unless it is a name."""
    if isinstance(data, str):
        text = data.strip()
        if text not in known and (
            text in words
            or words is ANY_WORD
            and text.isidentifier()
            and text not in ("true", "false", "none")
        ):
            return text
        expression = compiled(text)
        for name in sorted(expression.names - known):
            raise ExpressionError(f"`{name}` is no name here", name)
        return expression if expression.names else expression.value({})
    if isinstance(data, list):
        return tuple(prepare(item, known, words) for item in data)
    return data


def evaluate(prepared: Any, scope: dict[str, Any]) -> Any:
    """The value of prepared data in a scope."""
    if type(prepared) is Expression:
        return prepared.value(scope)
    if prepared is FAULT:
        raise Mistake()  # reported when it was read
    if type(prepared) is tuple:
        values = tuple(evaluate(item, scope) for item in prepared)
        leaves(values)
        return values
    return prepared


def is_constant(prepared: Any) -> bool:
    """Whether no parameter is left in it."""
    return (
        all(map(is_constant, prepared))
        if type(prepared) is tuple
        else type(prepared) is not Expression and prepared is not FAULT
    )


_WORDS: dict[type[Op], dict[str, frozenset[str]]] = {}


def words_of(op: type[Op]) -> dict[str, frozenset[str]]:
    """For each key of an operator's body, the fixed words it takes."""
    if op not in _WORDS:
        _WORDS[op] = {name: _literals(f.annotation) for name, f in op.fields().items()}
    return _WORDS[op]


def _literals(annotation: Any) -> frozenset[str]:
    if annotation is str:
        return ANY_WORD
    found = [
        _literals(part) if not isinstance(part, str) else frozenset([part])
        for part in get_args(annotation)
    ]
    return ANY_WORD if ANY_WORD in found else frozenset().union(*found)


def expression_fault(
    error: ExpressionError, position: Position | None, known: Iterable[str] = ()
) -> Diagnostic:
    """A fault in an expression, as a diagnostic."""
    if error.unknown is None:
        return Diagnostic("CNN107", str(error), position, error.help or reading(error.text))
    if error.unknown in SWITCHES:
        return Diagnostic(
            "CNN106", f"`{error.unknown}` is no name here", position, reading(error.unknown)
        )
    if error.unknown == "i":
        return Diagnostic(
            "CNN106", "`i` counts a `repeat`, and there is none around this", position
        )
    if error.unknown == "N":
        return Diagnostic(
            "CNN106",
            "`N` is no name here",
            position,
            "shapes have no batch axis: [channels, *spatial]",
        )
    return misspelled(
        Diagnostic("CNN106", f"`{error.unknown}` is no name here", position), error.unknown, known
    )


def reading(value: Any, takes: str = "") -> str | None:
    """What a value may have been meant to be."""
    text = str(value).strip()
    if text in SWITCHES:
        return f"write `{SWITCHES[text]}`"
    if re.fullmatch(r"\d+[x×]\d+(?:[x×]\d+)?", text):
        sizes = re.split("[x×]", text)
        return f"write `{sizes[0]}`" if len(set(sizes)) == 1 else f"write `[{', '.join(sizes)}]`"
    if re.fullmatch(r"\d+(?:\.\d+)?%", text):
        return f"write `{float(text[:-1]) / 100:g}`"
    if isinstance(value, Fraction) and value.denominator > 1 and "integer" in takes:
        return f"`//` divides to whole numbers: {value.numerator // value.denominator}"
    return None
