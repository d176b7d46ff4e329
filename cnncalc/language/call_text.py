"""Translates layers that are written as Python calls, as in torch and Keras code."""

from __future__ import annotations

import ast
import re
from math import inf
from typing import Any, NamedTuple

from ..ops.words import Translation
from .names import NEEDLESS
from .yaml_flow import in_yaml

_CALL = re.compile(r"([A-Za-z_][\w.]*)\s*\((.*)\)\s*,?", re.DOTALL)
_MOST = 200  # characters of a call


class Call(NamedTuple):
    """A call: the word that is called, and the text of its arguments."""

    word: str
    arguments: str

    @property
    def torch_class(self) -> str:
        """The last part of the word, without the number of axes that torch adds (Keras: `2D`)."""
        return re.sub(r"[123]d\Z", "", self.word.rpartition(".")[2])

    @classmethod
    def of(cls, text: str) -> Call | None:
        """Return the call that a text is, or None."""
        match = _CALL.fullmatch(text) if len(text) <= _MOST else None
        return cls(match[1], match[2]) if match else None


def layer_of(call: Call, found: Translation) -> tuple[str, str | None] | None:
    """Return a call as a layer of the spec, and a note on what differs in it, if anything.

    None if an argument is not a number, a word or a list of them, if its meaning depends on its
    position, or if the operator has no such field.
    """
    given = _arguments(call.arguments)
    if given is None:
        return None
    positional, named = given
    op, meaning = found
    names = op.signatures.get(call.torch_class, ())
    if len(positional) <= len(names):
        positional, named = [], dict(zip(names, positional)) | named
    if len(positional) > 1:
        return None
    body: dict[str, Any] = {}
    bare = positional[0] if positional else None
    if positional and not (op.inferred is not None and op.main is None):
        field = meaning.bare or op.main
        if field is None:
            return None
        body[field] = bare
    for name, value in named.items():
        field = name if name in op.fields() else op.field_aliases.get(name)
        if field is not None:
            body[field] = value
        elif name not in NEEDLESS:
            return None
    body |= {name: value for name, value in meaning.settings.items() if name not in body}
    differs = meaning.differs(bare if positional and not named else (named or None))
    note = meaning.note if differs else None
    if not body:
        return op.key, note
    alone = len(body) == 1 and op.main in body
    return f"{op.key}: {in_yaml(body[op.main] if alone and op.main else body)}", note


def _arguments(text: str) -> tuple[list[Any], dict[str, Any]] | None:
    """Return positional and named arguments; None if they are not all literals."""
    try:
        call = ast.parse(f"f({text})", mode="eval").body
        if not isinstance(call, ast.Call):
            return None
        positional = [_literal(node) for node in call.args]
        named = {str(word.arg): _literal(word.value) for word in call.keywords}
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    return positional, named


def _literal(node: ast.expr) -> Any:
    """Return a number, a word, true or false, or a list of them.

    Errors: a ValueError for anything else.
    """
    value = ast.literal_eval(node)
    parts = value if isinstance(value, (tuple, list)) else [value]
    for part in parts:
        if isinstance(part, str) and not part.isidentifier():
            raise ValueError(part)
        if not isinstance(part, (bool, int, float, str)) or part in (inf, -inf):
            raise ValueError(part)
    return value
