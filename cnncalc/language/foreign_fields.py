"""Fields and values of other frameworks, by the tables of the operator that they are written in."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from ..diagnostic import Diagnostic, Edit, Fix, Position, instead
from ..ops.base import Op
from .values import ANY_WORD, words_of


def foreign_field(
    op: type[Op], key: str, place: Position, given: Mapping[str, Any]
) -> Diagnostic | None:
    """Describe a key that the operator has under another name, or that it does not need."""
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
    """Describe a word in a field that other frameworks have and this one calls otherwise.

    None for a word of the field, a name that is `known`, or whatever else may be an expression.
    """
    words = words_of(op)[field]
    if not isinstance(value, str) or not words or words is ANY_WORD:
        return None
    word = value.strip()
    if word in words or word in known or not word.isidentifier():
        return None
    right = op.reworded(field, word, body)
    if right is None:
        return None
    listed = ", ".join(f"`{known_word}`" for known_word in sorted(words))
    message = f"`{field}` takes the words {listed}, not `{word}`"
    fault = Diagnostic("CNN103", message, place, f"here that is `{right}`")
    return fault._replace(fix=Fix(f"write `{right}`", (Edit.over(place, str(right)),), True))
