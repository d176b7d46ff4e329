"""Completion: operators, keys and names, with their documentation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lsprotocol import types as lsp

from ..language.expression_functions import FUNCTIONS
from ..language.names import BRANCH_WORDS, ENTRY_WORDS, GRAPH_WORDS
from ..language.steps import REQUIRED
from ..language.values import ANY_WORD, AS_WRITTEN, NAMED, words_of
from ..ops import BY_KEY, OPS
from .cursor import Cursor, cursor_at
from .documentation import (
    budget_keys,
    field_text,
    keys_of,
    operator_text,
    operators_by_name,
    repeat_keys,
    word_text,
)
from .names import BUILT_IN, Names
from .part import Part, part_at
from .view import View

_KIND = lsp.CompletionItemKind
_LAYER_WORDS = ("from", "share")  # whose values are names of layers
_VALUES = ("field", "argument", "word", "value", "limit")  # parts in which expressions stand


def completion(
    text: str, offset: int, sound: View | None, snippets: bool
) -> list[lsp.CompletionItem]:
    """Return what may be written at an offset.

    Accepts:
        text: the text, which may be unfinished.
        offset: the place of the cursor.
        sound: the last view of a text without errors, which has the names.
        snippets: whether the editor can fill in the fields of an inserted text one by one.
    """
    cursor = cursor_at(text, offset)
    names = sound.names if sound is not None else None
    blocks = tuple(names.spec.blocks) if names is not None else ()
    part = part_at(cursor.path, blocks)
    found = [*_items(part, cursor, names, snippets)]
    return [item for item in found if item.label not in cursor.beside]


def resolved(item: lsp.CompletionItem) -> lsp.CompletionItem:
    """Return an item with its documentation."""
    data = item.data
    if isinstance(data, dict) and "operator" in data:
        operator = operators_by_name().get(str(data["operator"]))
        if operator is not None:
            field = next((f for f in operator.fields if f.name == data.get("field")), None)
            text = operator_text(operator) if field is None else field_text(operator, field)
            item.documentation = _markdown(text)
    return item


def _items(
    part: Part, cursor: Cursor, names: Names | None, snippets: bool
) -> Iterator[lsp.CompletionItem]:
    kind, is_key = part.kind, cursor.is_key
    if kind == "spec" and is_key:
        yield from _keys(keys_of("spec"))
    elif kind == "layer" and is_key:
        yield from _layer_items(cursor, names, snippets)
    elif kind == "body" and is_key or kind == "join" and is_key:
        yield from _fields(part.owner)
    elif kind == "use" and is_key:
        yield from _arguments(part.owner, names)
    elif kind == "branch" and is_key:
        yield from _keys({word: word_text(word) or "the layers" for word in BRANCH_WORDS})
    elif kind == "entry":
        yield from _layer_names(part.block, cursor, names)
        if cursor.beside or part.owner:
            yield from _keys({word: word_text(word) or "" for word in ENTRY_WORDS})
    elif kind == "word" and part.owner == "repeat" and is_key:
        yield from _keys(repeat_keys())
    elif kind in ("block", "variant") and is_key:
        yield from _keys(keys_of("Block" if kind == "block" else "Variant"))
    elif kind == "values" and is_key:
        yield from _parameters(None, names)
    elif kind == "budget" and is_key:
        yield from _keys(budget_keys())
    elif kind == "published" and is_key:
        yield from _keys(keys_of("Published"))
    elif kind == "limit" and is_key and cursor.is_flow:
        yield from _keys({"max": "the largest value", "min": "the smallest value"})
    elif kind in ("body", "use") and not is_key:
        yield from _main_value(part, names)
    elif kind in _VALUES:
        yield from _values(part, cursor, names)


def _layer_items(
    cursor: Cursor, names: Names | None, snippets: bool
) -> Iterator[lsp.CompletionItem]:
    """Yield operators and blocks for a new layer, or the words beside the one that is there."""
    blocks = names.spec.blocks if names is not None else {}
    has_operator = any(key in BY_KEY or key in blocks or key == "chain" for key in cursor.beside)
    for word in GRAPH_WORDS if cursor.beside else ():
        yield _item(word, _KIND.Keyword, word_text(word), insert=f"{word}: ")
    if has_operator:
        return
    for block, steps in blocks.items():
        needed = [name for name, default in steps.params.items() if default is REQUIRED]
        yield _item(
            block,
            _KIND.Class,
            f"block `{block}`({', '.join(steps.params)})",
            insert=_layer_text(block, needed[:1], needed, snippets),
            snippet=snippets,
            first=True,
        )
    for op in OPS:
        needed = [name for name, field in op.fields().items() if field.is_required()]
        main = [op.main] if op.main else []
        yield lsp.CompletionItem(
            label=op.key,
            kind=_KIND.Function,
            detail=(op.__doc__ or "").partition("\n")[0],
            insert_text=_layer_text(op.key, main, needed, snippets),
            insert_text_format=_format(snippets),
            data={"operator": op.key},
        )
    yield _item("chain", _KIND.Keyword, word_text("chain"), insert="chain:")


def _layer_text(key: str, main: list[str], needed: list[str], snippets: bool) -> str:
    """Return a layer with a place for each value that it needs."""
    if not needed or not snippets:
        return key
    if needed == main:
        return f"{key}: ${{1:{needed[0]}}}"
    places = ", ".join(f"{name}: ${{{n}:{name}}}" for n, name in enumerate(needed, 1))
    return f"{key}: {{{places}}}"


def _fields(key: str) -> Iterator[lsp.CompletionItem]:
    operator = operators_by_name().get(key)
    for field in operator.fields if operator is not None else ():
        yield lsp.CompletionItem(
            label=field.name,
            kind=_KIND.Field,
            detail=field.meaning,
            insert_text=f"{field.name}: ",
            sort_text=f"{'0' if field.required else '1'}{field.name}",
            data={"operator": key, "field": field.name},
        )


def _arguments(block: str, names: Names | None) -> Iterator[lsp.CompletionItem]:
    params = names.spec.blocks[block].params if names and block in names.spec.blocks else {}
    for name, default in params.items():
        needed = " (required)" if default is REQUIRED else ""
        text = f"a parameter of block `{block}`{needed}"
        yield _item(name, _KIND.Field, text, insert=f"{name}: ")


def _main_value(part: Part, names: Names | None) -> Iterator[lsp.CompletionItem]:
    """Yield what may be the one value of a layer."""
    op = BY_KEY.get(part.owner)
    if part.kind == "body" and op is not None and op.main:
        yield from _words(part.owner, op.main)
    yield from _expression(part.block, names)


def _values(part: Part, cursor: Cursor, names: Names | None) -> Iterator[lsp.CompletionItem]:
    """Yield what may be a value: a word of its field, a name of a layer or a parameter."""
    op = BY_KEY.get(part.owner)
    names_layer = op is not None and part.key in op.layers_named
    if (part.kind == "word" and part.owner in _LAYER_WORDS) or names_layer:
        yield from _layer_names(part.block, cursor, names)
        return
    if part.kind == "field":
        yield from _words(part.owner, part.key)
    if part.kind == "word" and part.owner in ("name", "as"):
        return
    if part.kind == "argument":
        yield from _layer_names(part.block, cursor, names)
    yield from _expression(part.block, names)


def _words(key: str, field: str) -> Iterator[lsp.CompletionItem]:
    """Yield the words that a field of an operator takes."""
    if key not in BY_KEY or field not in BY_KEY[key].fields():
        return
    words = words_of(BY_KEY[key])[field]
    if words not in (ANY_WORD, AS_WRITTEN, NAMED):
        for word in sorted(words):
            yield _item(word, _KIND.EnumMember, f"a value of `{key}.{field}`", first=True)
    if "bool" in str(BY_KEY[key].fields()[field].annotation):
        for word in ("true", "false"):
            yield _item(word, _KIND.EnumMember, f"a value of `{key}.{field}`", first=True)


def _expression(block: str | None, names: Names | None) -> Iterator[lsp.CompletionItem]:
    """Yield what expressions know: parameters, sizes and functions."""
    yield from _parameters(block, names)
    for word in sorted(BUILT_IN):
        yield _item(word, _KIND.Variable, _MEANINGS[word])
    for word in sorted(FUNCTIONS):
        yield _item(word, _KIND.Function, "a function of expressions", insert=word)


_MEANINGS = {
    "c": "the channels that enter the block",
    "i": "the number of the copy, from 0",
    "sizes": "the sizes that enter the block",
    "h": "the height that enters the block",
    "w": "the width that enters the block",
    "d": "the depth that enters the block",
}


def _parameters(block: str | None, names: Names | None) -> Iterator[lsp.CompletionItem]:
    for word, name in (names.parameters(block) if names is not None else {}).items():
        of = f"of block `{name.owner}`" if name.owner else "of the network"
        yield _item(word, _KIND.Variable, f"a parameter {of}", first=True)


def _layer_names(
    block: str | None, cursor: Cursor, names: Names | None
) -> Iterator[lsp.CompletionItem]:
    """Yield the layers before the cursor, of the same block or of the network."""
    if names is None:
        return
    yield _item("input", _KIND.Reference, "what enters the block or the network")
    seen: set[str] = set()
    for layers in names.lists:
        if layers.block not in (block, None):
            continue
        for step in layers.steps:
            is_before = layers.block != block or step.place.line <= cursor.line + 1
            if step.key and is_before and step.name not in seen:
                seen.add(step.name)
                yield _item(step.name, _KIND.Reference, f"line {step.place.line}: `{step.key}`")


def _keys(meanings: dict[str, str]) -> Iterator[lsp.CompletionItem]:
    for key, meaning in meanings.items():
        yield _item(key, _KIND.Property, meaning, insert=f"{key}: ")


def _item(
    label: str,
    kind: lsp.CompletionItemKind,
    text: str | None,
    insert: str | None = None,
    snippet: bool = False,
    first: bool = False,
) -> lsp.CompletionItem:
    return lsp.CompletionItem(
        label=label,
        kind=kind,
        documentation=_markdown(text) if text else None,
        insert_text=insert,
        insert_text_format=_format(snippet),
        sort_text=f"0{label}" if first else None,
    )


def _markdown(text: str) -> lsp.MarkupContent:
    return lsp.MarkupContent(lsp.MarkupKind.Markdown, text)


def _format(snippet: bool) -> lsp.InsertTextFormat:
    return lsp.InsertTextFormat.Snippet if snippet else lsp.InsertTextFormat.PlainText


def labels(items: Iterable[lsp.CompletionItem]) -> list[str]:
    """Return the labels of items."""
    return [item.label for item in items]
