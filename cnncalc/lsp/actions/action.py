"""Defines an action: a change of the text with a title."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from ...checking.finding import Finding
from ...checking.repair.edited_text import Replacement

Kind = Literal["quickfix", "refactor", "refactor.extract", "refactor.inline", "refactor.rewrite"]


class Action(NamedTuple):
    """A change of the text that an editor offers.

    Attributes:
        title: what it does, in words.
        kind: the protocol's word for what sort of change it is.
        changes: the ranges of the text that it replaces.
        finding: what it repairs, if anything.
        is_preferred: whether an editor may apply it without asking which one is meant.
    """

    title: str
    kind: Kind
    changes: tuple[Replacement, ...]
    finding: Finding | None = None
    is_preferred: bool = False


def changed(text: str, changes: Iterable[Replacement]) -> str:
    """Return a text with ranges replaced, which do not overlap."""
    for start, end, new in sorted(changes, reverse=True):
        text = text[:start] + new + text[end:]
    return text
