"""Rename: a layer, block, parameter or variant, wherever it is written."""

from __future__ import annotations

from lsprotocol import types as lsp

from ..diagnostic import Diagnostic, Mistake
from ..language.names import NAME, NAME_FORM, name_fault, parameter_fault
from ..ops import BY_KEY
from .actions.same import keeps_networks
from .actions.words import word_beside
from .names import Mention
from .view import View


def prepare_rename(view: View, offset: int) -> lsp.Range | None:
    """Return the name at an offset that can be changed."""
    mention = _mention(view, offset)
    return mention and view.places.range(mention.start, mention.end)


def rename(view: View, offset: int, new: str) -> list[lsp.TextEdit]:
    """Return the edits that give the name at an offset another word.

    A layer without a `name` gets one.

    Errors: a Mistake for a word that is not allowed or taken, or if the network would change.
    """
    mention, names = _mention(view, offset), view.names
    if mention is None or names is None:
        raise Mistake(Diagnostic("CNN105", "there is no name here"))
    fault = _fault(view, mention, new)
    if fault is not None:
        raise Mistake(Diagnostic("CNN108", f"`{new}` cannot be the new name", help=fault))
    changes: dict[tuple[int, int], str] = {}
    for found in names.of(mention.name):
        if not found.is_implied:
            changes[found.start, found.end] = new
            continue
        step = names.layer(mention.name)
        added = step and word_beside(view.places, step, "name", new)
        if not added:
            raise Mistake(Diagnostic("CNN108", "this layer can only be named by hand"))
        changes[added.start, added.end] = added.text
    text = view.text
    for (start, end), word in sorted(changes.items(), reverse=True):
        text = text[:start] + word + text[end:]
    if not keeps_networks(view, text):
        raise Mistake(Diagnostic("CNN108", f"`{new}` would change what the spec means"))
    return [
        lsp.TextEdit(view.places.range(start, end), word)
        for (start, end), word in sorted(changes.items())
    ]


def _mention(view: View, offset: int) -> Mention | None:
    return view.names.at(offset) if view.names is not None else None


def _fault(view: View, mention: Mention, new: str) -> str | None:
    """Return why a name may not have this word, or None."""
    assert view.spec is not None and view.names is not None
    kind, owner, _ = mention.name
    taken = any(
        other.name.kind == kind and other.name.owner == owner and other.name.word == new
        for other in view.names.mentions
    )
    if taken:
        return "it is taken"
    if kind == "layer":
        return name_fault(new)
    if kind == "parameter":
        return parameter_fault(new, BY_KEY, view.spec.blocks)
    if kind == "block" and new in BY_KEY:
        return f"`{new}` is an operator"
    return None if NAME.match(new) and not new.isdigit() else NAME_FORM
