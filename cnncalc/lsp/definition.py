"""Definition: where a name is declared."""

from __future__ import annotations

from lsprotocol import types as lsp

from .view import View


def definition(view: View, uri: str, offset: int) -> list[lsp.Location]:
    """Return where the name at an offset is declared."""
    names = view.names
    mention = names.at(offset) if names is not None else None
    if names is None or mention is None:
        return []
    return [
        lsp.Location(uri, view.places.range(found.start, found.end))
        for found in names.of(mention.name)
        if found.declares
    ]
