"""Lists of layers → steps: what can be said of a layer before any shape is known.

Keys, names and expressions are checked here, once per spec; a body without parameters becomes its operator at once.
"""

from __future__ import annotations

from typing import Any, Literal

from ..diagnostic import Diagnostic, Mistake, Position, nearest
from ..ops import BY_KEY
from ..ops.base import Op
from .check import shown, unknown_key, validate
from .expression import Expression, ExpressionError, clip
from .names import GRAPH_WORDS, SYNONYMS, name_fault, parameter_fault
from .values import ANY_WORD, FAULT, expression_fault, is_constant, prepare, words_of
from .yaml_tree import Marks

REQUIRED = object()
MOST = 100  # diagnostics of one file


class Step:
    """One layer as written: an operator, join, block or chain, with the graph's words beside it."""

    op: type[Op] | None = None
    ready: Op | None = None  # the operator, where its body holds no parameters
    branches: dict[str, list[Step]] | None = None
    sources: tuple[str, ...] | None = None  # a join of earlier layers
    layers: list[Step] | None = None
    source: str | None = None  # from
    repeat: Any = None
    each: list[dict[str, Any]] | None = None
    when: Any = None
    expect: Any = None
    share: str | None = None

    def __init__(self, key: str, name: str, marks: Marks, place: Position):
        self.kind: Literal["op", "join", "block", "chain"] = "op"
        self.key, self.name, self.marks, self.place = key, name, marks, place  # the place is that of the key
        self.body: dict[str, Any] = {}
        self.body_marks = marks.find(key)


class BlockSteps:
    """A block as written; `params` holds prepared defaults, or REQUIRED."""

    def __init__(self, name: str, marks: Marks):
        self.name, self.marks = name, marks
        self.params: dict[str, Any] = {}
        self.layers: list[Step] = []
        self.uses: set[str] = set()

    @property
    def main(self) -> str | None:
        """The first required parameter, which a bare value sets."""
        return next((name for name, default in self.params.items() if default is REQUIRED), None)


class LayerReader:
    """Reads lists of layers; collects diagnostics instead of stopping at the first."""

    def __init__(self, file: str, blocks: dict[str, BlockSteps]):
        self.file, self.blocks = file, blocks
        self.diagnostics: list[Diagnostic] = []
        self.used_names: set[str] = set()
        self.used_blocks: set[str] = set()

    def report(self, code: str, message: str, position: Position, help: str | None = None) -> None:
        self.add(Diagnostic(code, message, position, help))

    def add(self, *diagnostics: Diagnostic) -> None:
        """Keeps diagnostics; gives up on a file that is wrong throughout."""
        self.diagnostics.extend(diagnostics)
        if len(self.diagnostics) >= MOST:
            raise Mistake(*self.diagnostics)

    def layers(self, data: Any, marks: Marks, known: frozenset[str]) -> list[Step]:
        """The steps of a list of layers, named in source order."""
        if not isinstance(data, list):
            help = f"to join an earlier layer: [{{identity: , from: {data}}}]" if isinstance(data, str) else "begin each layer with `- `"
            self.report("CNN103", f"layers stand in a list, not {shown(data)}", marks.position(self.file), help)
            return []
        counts: dict[str, int] = {}
        names: dict[str, int] = {}
        steps = []
        for index, item in enumerate(data):
            step = self._layer(item, marks.find(index), known, counts)
            if step is None:
                continue
            if step.name in names:
                self.report("CNN108", f"the name `{step.name}` is taken at line {names[step.name]}", step.place, "give one of them another `name`")
            names[step.name] = step.place.line
            steps.append(step)
        return steps

    def _layer(self, item: Any, marks: Marks, known: frozenset[str], counts: dict[str, int]) -> Step | None:
        if isinstance(item, str):
            item, place = {item: None}, marks.position(self.file)
            key: str | None = next(iter(item))
        elif isinstance(item, dict):
            key = None if self._cut_by_yaml(item, marks) else self._key(item, marks)
            place = marks.key(self.file, key) if key else marks.position(self.file)
        else:
            self.report("CNN103", f"a layer is an operator or a block, not {shown(item)}", marks.position(self.file), "write `- relu` or `- conv: {out: 64, kernel: 3}`")
            return None
        if key is None:
            return None
        if key != "chain" and key not in BY_KEY and key not in self.blocks:
            self.report("CNN104", f"`{clip(key)}` is no operator or block", place, self._meant(key))
            return None
        counts[key] = counts.get(key, 0) + 1
        step = Step(key, f"{key}{'_' if key[-1].isdigit() else ''}{counts[key]}", marks, place)
        known = self._graph_words(step, item, marks, known)
        self._body(step, item[key], known)
        return step

    def _meant(self, key: str) -> str | None:
        """What an unknown operator is called here."""
        if key.lower() in SYNONYMS:
            return f"here it is called `{SYNONYMS[key.lower()]}`"
        if " - " in key:
            return "indent each `- ` alike"
        if " " in key or "{" in key or "(" in key:
            return "write an operator, a colon and its body: `- conv: {out: 8, kernel: 3}`"
        return nearest(key, [*BY_KEY, *self.blocks, "chain"]) or "`cnncalc schema` and the README list the operators"

    def _key(self, item: dict, marks: Marks) -> str | None:
        keys = [k for k in item if k not in GRAPH_WORDS]
        known = [k for k in keys if k == "chain" or k in BY_KEY or k in self.blocks]
        if len(keys) == 1:
            return keys[0]
        if len(known) == 1:
            for key in keys:
                if key not in known:
                    owner = BY_KEY.get(known[0])
                    inside = owner is not None and key in words_of(owner)
                    help = f"it belongs inside: `{known[0]}: {{{key}: …}}`" if inside else nearest(key, GRAPH_WORDS)
                    self.report("CNN101", f"`{key}` is no key of a layer", marks.key(self.file, key), help or f"beside `{known[0]}` may stand {', '.join(GRAPH_WORDS)}")
            return known[0]
        at = marks.key(self.file, keys[1]) if keys else marks.position(self.file)
        found = " and ".join(f"`{k}`" for k in keys) or "none"
        self.report("CNN103", f"a layer has one operator or block, this one has {found}", at, "begin the second with `- ` of its own" if keys else "name an operator, such as `relu`")
        return None

    def _graph_words(self, step: Step, item: dict, marks: Marks, known: frozenset[str]) -> frozenset[str]:
        """Reads name, from, repeat, each, when, expect and share; returns the names that the body may use."""
        if "name" in item:
            self._name(step, item["name"], marks)
        for word in ("repeat", "when"):
            if word in item and item[word] is None:
                self.report("CNN103", f"`{word}` has no value", marks.key(self.file, word), "give it one, or remove it")
        if "each" in item and "repeat" in item:
            self.report("CNN103", "`each` and `repeat` exclude each other", marks.key(self.file, "each"), "put one of them on a chain around the layer")
        if "each" in item:
            step.each = self._each(item["each"], marks.find("each"), known)
            known = known | {"i"}
            if step.key == "chain":
                known = known | self._row_names(step, marks.find("each"))
        if "repeat" in item:
            step.repeat = self._prepared(item["repeat"], marks.find("repeat"), known)
            known = known | {"i"}
        if "when" in item:
            step.when = self._prepared(item["when"], marks.find("when"), known)
        if "expect" in item:
            step.expect = self._expected(item["expect"], marks.find("expect"), known)
        for word, attribute in (("from", "source"), ("share", "share")):
            if word in item:
                name = item[word]
                if not isinstance(name, str):
                    self.report("CNN103", f"`{word}` takes the name of a layer, not {shown(name)}", marks.find(word).position(self.file))
                else:
                    setattr(step, attribute, name)
                    self.used_names.add(name)
        return known

    def _row_names(self, step: Step, marks: Marks) -> frozenset[str]:
        """The keys of a chain's rows, which its layers may use as names."""
        first = step.each[0].keys() if step.each else ()
        for n, row in enumerate(step.each or ()):
            for key in row:
                fault = parameter_fault(key, frozenset(BY_KEY) | frozenset(self.blocks))
                if fault:
                    self.report("CNN108", f"`{key}` is no name for a value", marks.find(n).key(self.file, key), fault)
            for key in first ^ row.keys():
                self.report("CNN102", f"row {n + 1} and the first one differ in `{key}`", marks.find(n).position(self.file), "give every row the same keys")
        return frozenset(first)

    def _name(self, step: Step, name: Any, marks: Marks) -> None:
        name = str(name) if isinstance(name, int) and not isinstance(name, bool) else name
        fault = name_fault(name)
        if fault:
            self.report("CNN108", f"{shown(name)} is no name for a layer", marks.find("name").position(self.file), fault)
        else:
            step.name = name

    def _expected(self, data: Any, marks: Marks, known: frozenset[str]) -> Any:
        if not isinstance(data, list):
            self.report("CNN103", f"`expect` takes a shape, [channels, …], not {shown(data)}", marks.position(self.file))
            return None
        return tuple("_" if item == "_" else self._prepared(item, marks.find(index), known) for index, item in enumerate(data))

    def _each(self, rows: Any, marks: Marks, known: frozenset[str]) -> list[dict[str, Any]]:
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            self.report("CNN103", f"`each` takes a list of rows, each a mapping, not {shown(rows)}", marks.position(self.file), "each: [{out: 16}, {out: 24}]")
            return []
        return [{key: self._prepared(value, marks.find(n, key), known, ANY_WORD) for key, value in row.items()} for n, row in enumerate(rows)]

    def _prepared(self, data: Any, marks: Marks, known: frozenset[str], words: frozenset[str] = frozenset()) -> Any:
        """Prepared data, or FAULT where it is wrong, which is reported."""
        if isinstance(data, list):
            return tuple(self._prepared(item, marks.find(index), known, words) for index, item in enumerate(data))
        try:
            prepared = prepare(data, known, words)
        except ExpressionError as error:
            self.add(expression_fault(error, marks.position(self.file), known | words))
            return FAULT
        self._note_names(prepared)
        return prepared

    def _note_names(self, prepared: Any) -> None:
        if type(prepared) is Expression:
            self.used_names |= prepared.names
        elif type(prepared) is tuple:
            for item in prepared:
                self._note_names(item)

    def _body(self, step: Step, body: Any, known: frozenset[str]) -> None:
        if step.key == "chain":
            step.kind = "chain"
            step.layers = self.layers(body if body is not None else [], step.body_marks, known)
        elif step.key in self.blocks:
            step.kind = "block"
            self.used_blocks.add(step.key)
            self._block_body(step, body, known)
        else:
            step.op = BY_KEY[step.key]
            if step.op.joins():
                step.kind = "join"
                self._join_body(step, body, known)
            else:
                self._op_body(step, body, known)

    def _mapping(self, step: Step, body: Any, main: str | None) -> dict[str, Any]:
        """The body as a mapping: a bare value sets the main field."""
        if body is None:
            return {}
        if isinstance(body, dict):
            return {} if self._cut_by_yaml(body, step.body_marks) else body
        if main is None:
            self.report("CNN103", f"`{step.key}` takes no bare value", step.body_marks.position(self.file), self._form(step.key))
            return {}
        whole = step.body_marks
        step.body_marks = Marks(whole.line, whole.column, whole.width)
        step.body_marks.items[main] = whole
        return {main: body}

    def _form(self, key: str) -> str:
        """How a layer without a main value is written."""
        if key in self.blocks:
            return f"write `- {key}`, or give its parameters by name"
        required = [name for name, field in BY_KEY[key].fields().items() if field.is_required()]
        return f"write `{key}: {{{', '.join(f'{name}: …' for name in required)}}}`" if words_of(BY_KEY[key]) else f"write `- {key}`"

    def _cut_by_yaml(self, body: dict[str, Any], marks: Marks) -> bool:
        """Whether an expression with a comma was read as two keys; it is reported where it begins."""
        before = None
        for key, value in body.items():
            if value is None and any(c in key for c in "()[]") and before is not None:
                place = marks.find(before).position(self.file)
                end = marks.keys[key]
                width = end[1] + end[2] - place.column + 1 if end[0] + 1 == place.line else place.length
                self.report("CNN007", f"the expression for `{before}` was cut at its comma", place._replace(length=width), f'quote it: {before}: "{body[before]}, {key}"')
                return True
            before = key
        return False

    def _rows_fit(self, step: Step, what: str, known: list[str], required: list[str], data: dict[str, Any]) -> bool:
        """Whether body and rows together give every copy what it needs, each once."""
        found = len(self.diagnostics)
        marks = step.marks.find("each")
        for n, row in enumerate(step.each if step.each is not None else [{}]):
            for key in row:
                if key not in known:
                    self.add(unknown_key(key, marks.find(n).key(self.file, key), known, what))
                elif key in data:
                    self.report("CNN103", f"`{key}` is given by the row and by the body", marks.find(n).key(self.file, key), "give it once")
            for key in required:
                if key not in data and key not in row:
                    where = marks.find(n).position(self.file) if step.each is not None else step.place
                    self.report("CNN102", f"{what} needs `{key}`", where, f"write `{step.key}: {{{key}: …}}`" if step.each is None else f"add `{key}` to this row")
        return len(self.diagnostics) == found

    def _op_body(self, step: Step, body: Any, known: frozenset[str]) -> None:
        op = step.op
        assert op is not None
        words = words_of(op)
        found = len(self.diagnostics)
        data = self._mapping(step, body, op.main)
        if len(self.diagnostics) > found:
            return
        for key, value in data.items():
            if key in GRAPH_WORDS and key not in words:
                self.report("CNN101", f"`{key}` is no key of `{step.key}`", step.body_marks.key(self.file, key), f"write it beside `{step.key}:`, not inside")
            elif key not in words:
                self.add(unknown_key(key, step.body_marks.key(self.file, key), list(words), f"`{step.key}`"))
            else:
                if isinstance(value, str) and key in op.layers_named:
                    self.used_names.add(value)
                step.body[key] = self._prepared(value, step.body_marks.find(key), known, words[key])
        required = [name for name, field in op.fields().items() if field.is_required()]
        complete = self._rows_fit(step, f"`{step.key}`", list(words), required, data)
        if complete and step.each is None and all(map(is_constant, step.body.values())):
            try:
                step.ready = validate(op, step.body, step.body_marks, self.file, f"`{step.key}`")
            except Mistake as mistake:
                self.add(*mistake.diagnostics)

    def _block_body(self, step: Step, body: Any, known: frozenset[str]) -> None:
        block = self.blocks[step.key]
        found = len(self.diagnostics)
        data = self._mapping(step, body, block.main)
        if len(self.diagnostics) > found:
            return
        for key, value in data.items():
            if key not in block.params:
                self.add(unknown_key(key, step.body_marks.key(self.file, key), list(block.params), f"block `{step.key}`"))
            else:
                prepared = self._prepared(value, step.body_marks.find(key), known, ANY_WORD)
                if isinstance(prepared, str):
                    self.used_names.add(prepared)
                step.body[key] = prepared
        required = [name for name, default in block.params.items() if default is REQUIRED]
        self._rows_fit(step, f"block `{step.key}`", list(block.params), required, data)

    def _join_body(self, step: Step, body: Any, known: frozenset[str]) -> None:
        marks = step.body_marks
        if isinstance(body, dict) and body:
            step.branches = {}
            for name, layers in body.items():
                fault = name_fault(name)
                if fault:
                    self.report("CNN108", f"`{name}` is no name for a branch", marks.key(self.file, name), fault)
                step.branches[name] = self.layers(layers if layers is not None else [], marks.find(name), known)
        elif isinstance(body, list) and body and all(isinstance(name, str) for name in body):
            step.sources = tuple(body)
            if step.source is not None:
                self.report("CNN103", f"`{step.key}` of named layers takes nothing `from` elsewhere", step.marks.key(self.file, "from"), "add the layer to the list")
            self.used_names |= set(body)
        else:
            self.report("CNN103", f"`{step.key}` takes named branches or a list of layer names, not {shown(body)}", marks.position(self.file) if body else step.place,
                        f"{step.key}: {{body: [- …], shortcut: []}}, or {step.key}: [name, name]")
            return
        fewest = BY_KEY[step.key].inputs[0]
        found = len(step.branches or step.sources or ())
        if found < fewest:
            self.report("CNN102", f"`{step.key}` joins at least {fewest} branches, here {found}", step.place, "add a branch; `[]` is the identity")


def read_parameters(reader: LayerReader, data: dict[str, Any] | None, marks: Marks, known: frozenset[str], may_be_required: bool) -> dict[str, Any]:
    """Prepared defaults of parameters, in order; each may use those before it."""
    taken = frozenset(BY_KEY) | frozenset(reader.blocks)
    params: dict[str, Any] = {}
    for name, value in (data or {}).items():
        fault = parameter_fault(name, taken)
        if fault:
            reader.report("CNN108", f"`{name}` is no name for a parameter", marks.key(reader.file, name), fault)
        if value is None and may_be_required:
            params[name] = REQUIRED
        elif isinstance(value, dict) or value is None:
            reader.report("CNN103", f"`{name}` takes a number, a switch, a word or a list, not {shown(value)}", marks.find(name).position(reader.file))
            params[name] = FAULT
        else:
            params[name] = reader._prepared(value, marks.find(name), known | frozenset(params), ANY_WORD)
    return params


