"""Prepares and evaluates values of a spec: words, expressions and lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from fractions import Fraction
from typing import TYPE_CHECKING, Any, get_args

from ..diagnostic import Diagnostic, Mistake, Position, misspelled
from ..ops.base import Op
from ..ops.field_types import ARGUMENTS, VERBATIM
from .expression import Expression, compiled
from .expression_limits import ExpressionError, leaves
from .names import AXES
from .yaml_tree import Marks

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

ANY_WORD = frozenset(["*"])  # a field that takes any string
AS_WRITTEN = frozenset(["*", "as written"])  # a field whose texts are no expressions
NAMED = frozenset(["*", "named"])  # a field that takes a mapping of names to any values
FAULT = object()  # stands for a wrong value that has been reported
_INNER = re.compile(r"[A-Za-z_]\w*(\.\w+)+\Z", re.ASCII)  # a layer inside a block: unit.0.conv1
_SWITCHES = {"yes": "true", "on": "true", "no": "false", "off": "false"}  # words of YAML 1.1


def prepare(data: Any, known: Set[str], words: frozenset[str] = frozenset()) -> Any:
    """Turn lists into tuples, and strings into expressions, and NAMED values into pairs.

    `known` are the names that expressions may use. A string that is one of the `words` of its field
    stays a string, unless it is such a name.

    Errors: an ExpressionError for a string that is not an expression, or for an unknown name.
    """
    if isinstance(data, str):
        text = data.strip()
        if words is AS_WRITTEN:
            return text
        if text not in known and _is_word(text, words):
            return text
        expression = compiled(text)
        for name in sorted(expression.names - known):
            raise ExpressionError(f"unknown name `{name}`", name)
        return expression if expression.names else expression.value({})
    if isinstance(data, list):
        return tuple(prepare(item, known, words) for item in data)
    if isinstance(data, dict) and words is NAMED:
        return tuple((key, prepare(item, known, ANY_WORD)) for key, item in data.items())
    return data


def _is_word(text: str, words: frozenset[str]) -> bool:
    if text in words:
        return True
    if words is not ANY_WORD or text in ("true", "false", "none"):
        return False
    return text.isidentifier() or bool(_INNER.match(text))


def evaluate(prepared: Any, scope: Mapping[str, Any]) -> Any:
    """Return the value of prepared data in a scope.

    Errors: an ExpressionError if it has no value, a Mistake without diagnostics for a FAULT.
    """
    value = _value_of(prepared, scope)
    if type(prepared) is tuple:
        leaves(value)
    return value


def _value_of(prepared: Any, scope: Mapping[str, Any]) -> Any:
    if type(prepared) is Expression:
        return prepared.value(scope)
    if type(prepared) is tuple:
        return tuple([_value_of(item, scope) for item in prepared])
    if prepared is FAULT:
        raise Mistake()
    return prepared


def work(prepared: Any, scope: Mapping[str, Any]) -> int:
    """Estimate how long evaluation takes, in tenths of a microsecond.

    An expression may go through a list once for each of its operators.
    """
    if type(prepared) is Expression:
        length, listed = len(prepared.text), 0
        for name in prepared.names:
            value = scope.get(name)
            if type(value) is tuple:
                listed += leaves(value)
        return length + length // 4 * listed
    if type(prepared) is tuple:
        return 1 + sum(work(item, scope) for item in prepared)
    return 1


def value_at(prepared: Any, scope: Mapping[str, Any], marks: Marks, file: str) -> Any:
    """Return the value of prepared data in a scope.

    Errors: a Mistake with the place of the value if it has none.
    """
    try:
        return evaluate(prepared, scope)
    except ExpressionError as error:
        raise Mistake(expression_fault(error, marks.position(file), scope)) from None


def is_constant(prepared: Any) -> bool:
    """Return whether prepared data depends on no parameter."""
    if type(prepared) is tuple:
        return all(map(is_constant, prepared))
    return type(prepared) is not Expression and prepared is not FAULT


_WORDS: dict[type[Op], dict[str, frozenset[str]]] = {}


def words_of(op: type[Op]) -> dict[str, frozenset[str]]:
    """Return the words that each field of an operator takes, by its key."""
    if op not in _WORDS:
        _WORDS[op] = {name: _words(field) for name, field in op.fields().items()}
    return _WORDS[op]


def _words(field: FieldInfo) -> frozenset[str]:
    """Return the words that a field takes, ANY_WORD, AS_WRITTEN, or NAMED."""
    if VERBATIM in field.metadata:
        return AS_WRITTEN
    return NAMED if ARGUMENTS in field.metadata else _literals(field.annotation)


def _literals(annotation: Any) -> frozenset[str]:
    """Return the strings among the literals of a type; ANY_WORD if it takes any string."""
    if annotation is str:
        return ANY_WORD
    found: set[str] = set()
    for part in get_args(annotation):
        words = frozenset([part]) if isinstance(part, str) else _literals(part)
        if words == ANY_WORD:
            return ANY_WORD
        found |= words
    return frozenset(found)


def expression_fault(
    error: ExpressionError,
    position: Position | None,
    known: Iterable[str] = (),
    words: frozenset[str] = frozenset(),
) -> Diagnostic:
    """Describe what is wrong with an expression.

    `known` are the names that it may use, `words` the words of its field.
    """
    name = error.unknown
    if name is None:
        return Diagnostic("CNN107", str(error), position, error.help or reading(error.text))
    if name == "i":
        message = "`i` counts the copies of a `repeat` or `each`, but there is none around this"
        return Diagnostic("CNN106", message, position)
    fault = Diagnostic("CNN106", f"unknown name `{name}`", position)
    if name in AXES:
        where = f"the {AXES[name]} of what enters the block"
        return fault._replace(help=f"`{name}` is the size of {where}, which has fewer axes")
    if name in _SWITCHES:
        return fault._replace(help=reading(name))
    if name == "N":
        return fault._replace(help="shapes have no batch axis: [channels, *spatial]")
    otherwise = None
    if words and words is not ANY_WORD:
        otherwise = f"the words allowed here are {', '.join(f'`{word}`' for word in sorted(words))}"
    return misspelled(fault, name, [*known, *words], otherwise)


def reading(value: Any, takes: str = "") -> str | None:
    """Say what a value probably means, for a field that `takes` something else."""
    text = str(value).strip()
    if text in _SWITCHES:
        return f"write `{_SWITCHES[text]}`"
    if re.fullmatch(r"\d+[x×]\d+(?:[x×]\d+)?", text):
        sizes = re.split("[x×]", text)
        return f"write `{sizes[0]}`" if len(set(sizes)) == 1 else f"write `[{', '.join(sizes)}]`"
    if re.fullmatch(r"\d+(?:\.\d+)?%", text):
        return f"write `{float(text[:-1]) / 100:g}`"
    if isinstance(value, Fraction) and value.denominator > 1 and "integer" in takes:
        return f"`//` gives a whole number: {value.numerator // value.denominator}"
    return None
