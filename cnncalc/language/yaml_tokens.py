"""The tokens of a text: its values, brackets and commas as YAML reads them, and its comments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from ..diagnostic import Mistake
from .yaml_faults import invalid


class Token(NamedTuple):
    """A part of a text that YAML knows, such as a value, a bracket or a dash.

    Attributes:
        kind: what YAML calls it, such as ``FlowEntry`` for a comma.
        start, end: where it is in the text.
        depth: how many brackets are open before it.
    """

    kind: str
    start: int
    end: int
    depth: int


def tokens(text: str) -> list[Token]:
    """Return the tokens of a text that have characters: not the end of a block, for example.

    Errors: a Mistake for a text that is not YAML.

    >>> [token.kind for token in tokens("- [a, 1] # b")]
    ['BlockEntry', 'FlowSequenceStart', 'Scalar', 'FlowEntry', 'Scalar', 'FlowSequenceEnd']
    """
    try:
        return [*_tokens(text)]
    except yaml.YAMLError as error:
        raise Mistake(invalid(error, "<text>", text)) from None


def _tokens(text: str) -> Iterator[Token]:
    loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)(text)
    depth, mark = 0, int(text.startswith("\ufeff"))  # YAML does not count a byte order mark
    while (token := loader.get_token()) is not None:
        kind = type(token).__name__.removesuffix("Token")
        start, end = token.start_mark.index + mark, token.end_mark.index + mark
        if kind in ("FlowMappingEnd", "FlowSequenceEnd"):
            depth -= 1
        if start < end:
            yield Token(kind, start, end, depth)
        if kind in ("FlowMappingStart", "FlowSequenceStart"):
            depth += 1


def comments(text: str, found: list[Token]) -> list[str]:
    """Return the comments of a text, in order."""
    kept: list[str] = []
    at = 0
    for start, end in [*((token.start, token.end) for token in found), (len(text), len(text))]:
        for line in text[at:start].splitlines():
            _, sign, words = line.partition("#")
            if sign:
                kept.append(f"#{words}".rstrip())
        at = max(at, end)
    return kept
