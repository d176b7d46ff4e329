"""References: every place where a name is written."""

from __future__ import annotations

from lsprotocol import types as lsp

from .view import View


def references(view: View, uri: str, offset: int, declarations: bool) -> list[lsp.Location]:
    """Return where the name at an offset is used; where it is declared too, if asked."""
    return [
        lsp.Location(uri, found.range)
        for found in highlights(view, offset)
        if declarations or found.kind is not lsp.DocumentHighlightKind.Write
    ]


def highlights(view: View, offset: int) -> list[lsp.DocumentHighlight]:
    """Return every place of the name at an offset, with where it is declared as written."""
    names = view.names
    mention = names.at(offset) if names is not None else None
    if names is None or mention is None:
        return []
    kinds = {True: lsp.DocumentHighlightKind.Write, False: lsp.DocumentHighlightKind.Read}
    return [
        lsp.DocumentHighlight(view.places.range(found.start, found.end), kinds[found.declares])
        for found in names.of(mention.name)
    ]
