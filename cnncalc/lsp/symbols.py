"""Symbols: the outline of a spec, and names in all specs of a workspace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from lsprotocol import types as lsp

from ..language.steps import Step
from ..language.yaml_tree import Marks
from ..wording import shape_text
from .places import Places
from .view import View

_KIND = lsp.SymbolKind
_MOST = 500  # symbols of a workspace


def document_symbols(view: View) -> list[lsp.DocumentSymbol]:
    """Return the outline: parameters, variants, blocks with their layers, and layers."""
    spec = view.spec
    if spec is None:
        return []
    places, marks = view.places, spec.marks
    shapes = {id(use.step): _shape(view, use.group[2]) for use in view.shown}
    found = []
    for part, kind in (("params", _KIND.Variable), ("variants", _KIND.EnumMember)):
        if part in marks.keys and part in marks.items:
            inside = [*_keys(places, marks.items[part], kind)]
            found.append(_keyed(places, marks, part, _KIND.Namespace, inside))
    if "blocks" in marks.keys and "blocks" in marks.items:
        blocks = []
        for name, block in spec.blocks.items():
            owner = marks.items["blocks"]
            params = block.marks.items.get("params")
            inside = [*_keys(places, params, _KIND.Variable)] if params is not None else []
            inside += _layers(places, block.layers, shapes)
            blocks.append(_keyed(places, owner, name, _KIND.Class, inside))
        found.append(_keyed(places, marks, "blocks", _KIND.Namespace, blocks))
    if "layers" in marks.keys:
        inside = _layers(places, spec.steps, shapes)
        found.append(_keyed(places, marks, "layers", _KIND.Namespace, inside))
    return sorted(found, key=lambda symbol: symbol.range.start.line)


def _shape(view: View, node: int) -> str:
    nodes = view.expansion.graph.nodes
    return shape_text(nodes[node].shape) if node < len(nodes) else ""


def _keyed(
    places: Places, owner: Marks, key: str, kind: lsp.SymbolKind, inside: list[lsp.DocumentSymbol]
) -> lsp.DocumentSymbol:
    """Return the symbol of a key with its value."""
    start, end = places.key(owner, key)
    value_end = places.span(owner.items[key])[1] if key in owner.items else end
    return lsp.DocumentSymbol(
        name=key or '""',
        kind=kind,
        range=places.range(start, max(end, value_end)),
        selection_range=places.range(start, end),
        children=inside or None,
    )


def _keys(places: Places, owner: Marks, kind: lsp.SymbolKind) -> Iterator[lsp.DocumentSymbol]:
    for key in owner.keys:
        yield _keyed(places, owner, key, kind, [])


def _layers(
    places: Places, steps: Iterable[Step], shapes: dict[int, str]
) -> list[lsp.DocumentSymbol]:
    """Return the symbols of layers, with those of chains and branches inside."""
    found = []
    for step in steps:
        if not step.key:
            continue
        inside = _layers(places, step.layers or (), shapes)
        for branch in step.branches:
            if branch.layers:
                start = places.start(branch.place)
                end = max(start + branch.place.length, places.span(branch.marks)[1])
                inside.append(
                    lsp.DocumentSymbol(
                        name=branch.name,
                        kind=_KIND.Namespace,
                        range=places.range(start, end),
                        selection_range=places.range(start, start + branch.place.length),
                        children=_layers(places, branch.layers, shapes) or None,
                    )
                )
        key = places.start(step.place)
        start, end = places.span(step.marks)
        start, end = min(start, key), max(end, key + step.place.length)
        found.append(
            lsp.DocumentSymbol(
                name=step.name,
                detail=shapes.get(id(step)) or None,
                kind=_KIND.Object if step.kind == "block" else _KIND.Function,
                range=places.range(start, end),
                selection_range=places.range(key, key + step.place.length),
                children=inside or None,
            )
        )
    return found


def names_in(uri: str, view: View) -> list[lsp.WorkspaceSymbol]:
    """Return the network, variants, blocks and named layers of a spec."""
    if view.spec is None or view.names is None:
        return []
    title = view.spec.title()
    whole = lsp.Location(uri, view.places.range(0, 0))
    found = [lsp.WorkspaceSymbol(whole, title, _KIND.File)]
    kinds = {"variant": _KIND.EnumMember, "block": _KIND.Class, "layer": _KIND.Function}
    for mention in view.names.mentions:
        kind = kinds.get(mention.name.kind)
        if kind is not None and mention.declares and not mention.is_implied:
            where = lsp.Location(uri, view.places.range(mention.start, mention.end))
            word = mention.name.word
            found.append(lsp.WorkspaceSymbol(where, word, kind, container_name=title))
    return found


def matching(names: Iterable[lsp.WorkspaceSymbol], query: str) -> list[lsp.WorkspaceSymbol]:
    """Return the names that contain a text; a longer text is needed for those beyond a limit."""
    wanted = query.lower()
    return [*islice((name for name in names if wanted in name.name.lower()), _MOST)]
