"""Translates fields and values of other frameworks, with the tables of each operator."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from functools import cache
from typing import Any

from ..diagnostic import Diagnostic, Edit, Fix, Position, instead
from ..ops import OPS
from ..ops.base import Op
from ..ops.meanings import SAME_BODY
from ..ops.words import Translation
from .names import NEEDLESS
from .validation import described, shown
from .values import words_of

_ONE_WORD = re.compile(r"\w+|\?")  # as all words of fields are, and few expressions


def foreign_field(
    op: type[Op], key: str, place: Position, given: Mapping[str, Any]
) -> Diagnostic | None:
    """Describe a key that the operator has under another name, or does not need."""
    fault = Diagnostic("CNN101", f"`{op.key}` has no key `{key}`", place)
    meant = op.field_aliases.get(key)
    if meant in op.fields() and meant not in given:
        return instead(fault._replace(help=f"here it is called `{meant}`"), key, str(meant))
    note = op.field_notes.get(key)
    return fault._replace(help=note) if note else None


def foreign_value(
    op: type[Op],
    field: str,
    value: Any,
    body: Mapping[str, Any],
    known: Set[str],
    place: Position,
) -> Diagnostic | None:
    """Describe a word in a field that other frameworks use and that has another name here.

    None for a word of the field, a `known` name, or anything else that may be an expression.
    """
    words = words_of(op)[field]
    if not isinstance(value, str) or not words or "*" in words:
        return None
    word = value.strip()
    if word in words or word in known or not word.isidentifier():
        return None
    right = op.reworded(field, word, body)
    if right is None:
        return None
    listed = ", ".join(f"`{known_word}`" for known_word in sorted(words))
    message = f"`{field}` takes the words {listed}, not `{word}`"
    fault = Diagnostic("CNN103", message, place, f"here, write `{right}`")
    return fault._replace(fix=Fix(f"write `{right}`", (Edit.over(place, str(right)),), True))


def misplaced_word(
    op: type[Op], field: str, value: Any, known: Set[str], place: Position
) -> Diagnostic | None:
    """Describe a word in a field without words, if it is a word of another operator's field.

    None for a `known` name, or anything else that may be an expression.
    """
    word = value.strip() if isinstance(value, str) else ""
    if words_of(op)[field] or word in known or not _ONE_WORD.fullmatch(word):
        return None
    if word not in _all_words():
        return None
    takes = described(op.fields()[field])
    if takes is None:
        return None
    return Diagnostic("CNN103", f"`{field}` takes {takes}, not the word `{word}`", place)


@cache
def _all_words() -> frozenset[str]:
    """Return the words of all fields of all operators."""
    listed = [words for op in OPS for words in words_of(op).values() if "*" not in words]
    return frozenset().union(*listed)


def in_order(op: type[Op], values: Any, place: Position) -> Diagnostic | None:
    """Describe a list of values in the order of torch's class, which begins with the inputs.

    None if the operator is not written so in torch, or if the values cannot be translated.
    """
    name, fields = next(iter(op.signatures.items()), ("", ()))
    if not isinstance(values, list) or not NEEDLESS.keys() & {*fields}:
        return None
    from .call_text import Call, layer_of  # only on the way to an error

    given = values
    required = sum(field.is_required() for field in op.fields().values())
    if fields[0] in NEEDLESS and len(values) <= required:  # the inputs are left out already
        values = [1, *values]
    translated = layer_of(Call(name, repr(values)[1:-1]), Translation(op, SAME_BODY))
    if translated is None:
        return None
    return Diagnostic(
        "CNN103",
        f"`{op.key}` does not take values in the order of torch, as in {shown(given)}",
        place,
        f"write `{translated[0]}`; the inputs are inferred",
    )
