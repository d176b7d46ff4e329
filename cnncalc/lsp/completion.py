"""Completion: operators, keys and names, with their documentation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from lsprotocol import types as lsp

from ..analysis.figures import known_figures
from ..language.expression_functions import FUNCTIONS
from ..language.inputs import INTEGER
from ..language.names import BRANCH_WORDS, ENTRY_WORDS, GRAPH_WORDS
from ..language.steps import REQUIRED, BlockSteps, Step
from ..language.values import ANY_WORD, AS_WRITTEN, NAMED, words_of
from ..ops import BY_KEY, OPS
from .completion_item import labelled, markdown, of_keys, of_words, placed, text_format
from .cursor import Cursor, cursor_at, keys_of_rows
from .documentation import (
    budget_keys,
    field_text,
    input_keys,
    keys_of,
    limit_keys,
    operator_text,
    operators_by_name,
    repeat_keys,
    setting_words,
    word_text,
)
from .layer_lists import Layers
from .names import BUILT_IN, Names
from .part import VALUES, Kind, Part, part_at
from .places import Places
from .view import View

_KIND = lsp.CompletionItemKind
_LAYER_WORDS = ("from", "share")  # whose values are names of layers
_CONDITIONS = ("when", "freeze", "checkpoint")
_NAMED_LAYERS: tuple[Kind, ...] = ("expected", "budget of layers")  # whose keys name layers


def completion(
    places: Places, offset: int, sound: View | None, snippets: bool
) -> list[lsp.CompletionItem]:
    """Return what may be written at an offset.

    Accepts:
        places: the places of the text, which may be unfinished.
        offset: the place of the cursor.
        sound: the last view of a text without errors, which has the names.
        snippets: whether the editor can fill in the fields of an inserted text one by one.
    """
    cursor = cursor_at(places.text, offset)
    if cursor is None:
        return []
    names = sound.names if sound is not None else None
    blocks = tuple(names.spec.blocks) if names is not None else ()
    part = part_at(cursor.path, blocks, cursor.keys)
    found = _Completion(part, cursor, names, places, snippets).items()
    where = places.range(cursor.word.start, cursor.word.end)
    known: set[str] = {*cursor.beside}
    items: list[lsp.CompletionItem] = []
    for item in found:
        if item.label not in known:
            known.add(item.label)
            items.append(placed(item, cursor.word, where))
    return items


def resolved(item: lsp.CompletionItem) -> lsp.CompletionItem:
    """Return an item with its documentation."""
    data = item.data
    if isinstance(data, dict) and "operator" in data:
        operator = operators_by_name().get(str(data["operator"]))
        if operator is not None:
            field = next((f for f in operator.fields if f.name == data.get("field")), None)
            text = operator_text(operator) if field is None else field_text(operator, field)
            item.documentation = markdown(text)
    return item


class _Completion:
    """What may be written at the cursor."""

    def __init__(
        self, part: Part, cursor: Cursor, names: Names | None, places: Places, snippets: bool
    ):
        self.part, self.cursor, self.names = part, cursor, names
        self.snippets = snippets
        self._line = places.line_of(cursor.word.start)
        starts = [start for one in cursor.around for start in one.starts]
        self._around = {places.line_and_column(start) for start in starts}

    def items(self) -> Iterator[lsp.CompletionItem]:
        """Yield the items; some may be there twice."""
        word = self.cursor.word
        if self.cursor.is_key and self.part.kind not in VALUES:
            if word.is_free:
                yield from self._keys()
            if self._names_layers:
                yield from self._layers()
        elif self._is_in_mapping or word.is_free and (word.ends_key or word.has_lines):
            return  # a value has its own keys, or is there already
        elif self._names_layers and not word.is_in_condition:
            yield from self._layers()
        elif word.is_operand and not word.is_path:
            yield from self._value()
        elif self.part.kind == "argument" and word.is_path:
            yield from self._layers()

    @property
    def _is_in_mapping(self) -> bool:
        """Whether a key is due in a mapping that has begun."""
        top = self.cursor.around[-1]
        has_begun = bool(self.cursor.beside) or top.in_brackets
        return self.cursor.is_key and not self.cursor.is_entry and has_begun

    @property
    def _names_layers(self) -> bool:
        """Whether the names of layers are due."""
        kind, owner, key, _ = self.part
        if self.cursor.is_key and kind not in VALUES:
            is_entry = self.cursor.is_entry and not self.cursor.word.ends_key
            return kind in _NAMED_LAYERS or kind in ("entry", "output") and is_entry
        op = BY_KEY.get(owner)
        if op is not None and kind in ("field", "body"):
            return (op.main if kind == "body" else key) in op.layers_named
        return kind == "word" and owner in _LAYER_WORDS or kind == "figure" and key == "at"

    def _keys(self) -> Iterator[lsp.CompletionItem]:
        kind, owner, _, _ = self.part
        known = _KEYS.get(kind)
        if known is not None:
            yield from of_keys(known())
        elif kind == "layer":
            yield from self._new_layer()
        elif kind in ("body", "join", "row") and owner in BY_KEY:
            yield from _fields(owner)
        elif kind == "use" or kind == "row" and owner:
            yield from self._arguments(owner)
        elif kind == "row":
            rows = keys_of_rows(self.cursor.around[-2])
            yield from of_keys(dict.fromkeys(rows, "a value of each copy"))
        elif kind == "limit":
            yield from of_keys(limit_keys(self.part.key))
        elif kind == "values":
            for item in self._parameters(None):
                item.insert_text = f"{item.label}: "
                yield item

    def _new_layer(self) -> Iterator[lsp.CompletionItem]:
        """Yield operators and blocks, or the words beside the one that is there."""
        beside = self.cursor.beside
        blocks = self._blocks
        has_operator = any(key in BY_KEY or key in blocks or key == "chain" for key in beside)
        for word in GRAPH_WORDS if beside else ():
            yield labelled(word, _KIND.Keyword, word_text(word), insert=f"{word}: ")
        if has_operator:
            return
        for block, steps in blocks.items():
            needed = [name for name, default in steps.params.items() if default is REQUIRED]
            yield labelled(
                block,
                _KIND.Class,
                f"block `{block}`({', '.join(steps.params)})",
                insert=self._layer_text(block, needed[:1], needed),
                snippet=self.snippets,
                first=True,
            )
        for op in OPS:
            needed = [name for name, field in op.fields().items() if field.is_required()]
            main = [op.main] if op.main else []
            yield lsp.CompletionItem(
                label=op.key,
                kind=_KIND.Function,
                detail=(op.__doc__ or "").partition("\n")[0],
                insert_text=self._layer_text(op.key, main, needed),
                insert_text_format=text_format(self.snippets),
                data={"operator": op.key},
            )
        yield labelled("chain", _KIND.Keyword, word_text("chain"), insert="chain: ")

    def _layer_text(self, key: str, main: list[str], needed: list[str]) -> str:
        """Return a layer with a place for each value that it needs."""
        if not needed or not self.snippets:
            is_word = self.cursor.is_entry and not needed
            return key if is_word else f"{key}: "
        if needed == main:
            return f"{key}: ${{1:{needed[0]}}}"
        places = ", ".join(f"{name}: ${{{n}:{name}}}" for n, name in enumerate(needed, 1))
        return f"{key}: {{{places}}}"

    def _arguments(self, block: str) -> Iterator[lsp.CompletionItem]:
        params = self._blocks[block].params if block in self._blocks else {}
        for name, default in params.items():
            needed = " (required)" if default is REQUIRED else ""
            text = f"a parameter of block `{block}`{needed}"
            yield labelled(name, _KIND.Field, text, insert=f"{name}: ")

    def _value(self) -> Iterator[lsp.CompletionItem]:
        """Yield what may be a value: a word, a name of a layer or what expressions know."""
        kind, owner, _, _ = self.part
        is_free = self.cursor.word.is_free
        if is_free:
            yield from self._words()
        if kind in ("use", "argument") and is_free:
            yield from self._layers()
        if kind not in (*VALUES, "repeat", "use", "body"):
            return
        if kind == "body" and not BY_KEY[owner].main:
            return
        yield from self._parameters(self.part.block)
        for word in self.cursor.counters:
            yield labelled(word, _KIND.Variable, "a value of each copy", first=True)
        for word in sorted(BUILT_IN):
            yield labelled(word, _KIND.Variable, _MEANINGS[word])
        for word in sorted(FUNCTIONS):
            yield labelled(word, _KIND.Function, "a function of expressions")

    def _words(self) -> Iterator[lsp.CompletionItem]:
        """Yield the words that a value may be."""
        kind, owner, key, _ = self.part
        op = BY_KEY.get(owner)
        if kind == "body" and op is not None and op.main:
            yield from _field_words(owner, op.main)
        elif kind == "field" and key:
            yield from _field_words(owner, key)
        elif kind in ("use", "argument", "value") or kind == "word" and owner in _CONDITIONS:
            yield from of_words(("true", "false"), "a condition")
        elif kind == "setting":
            yield from of_words(setting_words(owner, key), f"a value of `{key}`")
        elif kind == "figure" and key == "what":
            yield from of_words(known_figures(), "a figure")
        elif kind == "input type":
            yield from of_words((INTEGER,), "the type of indices")

    def _parameters(self, block: str | None) -> Iterator[lsp.CompletionItem]:
        known = self.names.parameters(block) if self.names is not None else {}
        for word, name in known.items():
            of = f"of block `{name.owner}`" if name.owner else "of the network"
            yield labelled(word, _KIND.Variable, f"a parameter {of}", first=True)

    def _layers(self) -> Iterator[lsp.CompletionItem]:
        """Yield the layers that can be named, or those inside the layer of a path."""
        names, word = self.names, self.cursor.word
        if names is None:
            return
        if word.is_path:
            for layers in self._lists(names):
                for inner in names.lists.inside(word.path, layers):
                    yield self._reference(inner, f"inside `{word.path[:-1]}`")
            return
        if not word.is_operand:
            return
        if not self._is_outside:
            yield self._reference("input", "what enters the block or the network")
            yield from self._parameters(self.part.block)
        for name in names.spec.input_ranks:
            yield self._reference(name, "an input")
        for layers in self._lists(names):
            for step in layers.steps:
                if step.key and self._is_before(step, layers):
                    yield self._reference(step.name, f"line {step.place.line}: `{step.key}`")

    def _reference(self, name: str, text: str) -> lsp.CompletionItem:
        is_key = self.part.kind in _NAMED_LAYERS
        return labelled(name, _KIND.Reference, text, insert=f"{name}: " if is_key else None)

    def _lists(self, names: Names) -> list[Layers]:
        """Return the lists whose layers can be named: those of the block and of the network."""
        if self._is_outside:
            return [names.lists.by_id["layers"]]
        return [layers for layers in names.lists if layers.block in (self.part.block, None)]

    def _is_before(self, step: Step, layers: Layers) -> bool:
        """Return whether a layer is before those that the cursor is in, where that matters."""
        if self._is_outside or layers.block != self.part.block:
            return True
        start = step.place.line - 1, step.place.column - 1
        return start[0] <= self._line and start not in self._around

    @property
    def _is_outside(self) -> bool:
        """Whether the place is outside all layers, and names those of the whole network."""
        return self.part.kind in ("figure", "output", *_NAMED_LAYERS)

    @property
    def _blocks(self) -> dict[str, BlockSteps]:
        return self.names.spec.blocks if self.names is not None else {}


_KEYS: dict[Kind, Callable[[], dict[str, str]]] = {
    "spec": lambda: keys_of("spec"),
    "input": input_keys,
    "block": lambda: keys_of("Block"),
    "variant": lambda: keys_of("Variant"),
    "published": lambda: keys_of("Published"),
    "budget": budget_keys,
    "budget of layer": lambda: budget_keys(of_layer=True),
    "branch": lambda: _meanings(BRANCH_WORDS),
    "entry": lambda: _meanings(ENTRY_WORDS),
    "repeat": repeat_keys,
}


def _meanings(words: Iterable[str]) -> dict[str, str]:
    return {word: word_text(word) or "the layers" for word in words}


def _fields(key: str) -> Iterator[lsp.CompletionItem]:
    for field in operators_by_name()[key].fields:
        yield lsp.CompletionItem(
            label=field.name,
            kind=_KIND.Field,
            detail=field.meaning,
            insert_text=f"{field.name}: ",
            sort_text=f"{'0' if field.required else '1'}{field.name}",
            data={"operator": key, "field": field.name},
        )


def _field_words(key: str, field: str) -> Iterator[lsp.CompletionItem]:
    """Yield the words that a field of an operator takes."""
    fields = BY_KEY[key].fields()
    if field not in fields:
        return
    words = words_of(BY_KEY[key])[field]
    meaning = f"a value of `{key}.{field}`"
    if words not in (ANY_WORD, AS_WRITTEN, NAMED):
        yield from of_words(sorted(words), meaning)
    if "bool" in str(fields[field].annotation):
        yield from of_words(("true", "false"), meaning)


_MEANINGS = {
    "c": "the channels that enter the block",
    "i": "the number of the copy, from 0",
    "sizes": "the sizes that enter the block",
    "h": "the height that enters the block",
    "w": "the width that enters the block",
    "d": "the depth that enters the block",
}
