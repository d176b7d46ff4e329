"""Bodies of layers: what stands behind an operator's, block's, join's or chain's key.

Keys and expressions are checked here, once per spec; a body without parameters becomes its operator at once.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from ..diagnostic import Diagnostic, Edit, Fix, Mistake, Position, nearest
from ..ops import BY_KEY
from .expression import Expression, ExpressionError
from .names import GRAPH_WORDS, name_fault
from .steps import REQUIRED, BlockSteps, Step
from .validation import MOST, meant_by, shown, unknown_key, validate
from .values import ANY_WORD, FAULT, expression_fault, is_constant, prepare, words_of
from .yaml_tree import Marks


class BodyReader:
    """Reads bodies; collects diagnostics instead of stopping at the first."""

    def __init__(self, file: str, blocks: dict[str, BlockSteps]):
        self.file, self.blocks = file, blocks
        self.diagnostics: list[Diagnostic] = []
        self.errors = 0
        self.used_names: set[str] = set()
        self.used_blocks: set[str] = set()

    def report(self, code: str, message: str, position: Position, help: str | None = None) -> None:
        self.add(Diagnostic(code, message, position, help))

    def add(self, *diagnostics: Diagnostic) -> None:
        """Keeps diagnostics; gives up on a file that is wrong throughout."""
        self.diagnostics.extend(diagnostics)
        self.errors += sum(d.severity == "error" for d in diagnostics)
        if len(self.diagnostics) >= MOST:
            raise Mistake(
                *self.diagnostics,
                Diagnostic(
                    "CNN004",
                    f"more than {MOST} mistakes: what else is wrong is not listed",
                    self.diagnostics[-1].position,
                ),
            )

    def prepared(
        self, data: Any, marks: Marks, known: Set[str], words: frozenset[str] = frozenset()
    ) -> Any:
        """Prepared data, or FAULT where it is wrong, which is reported."""
        if isinstance(data, list):
            return tuple(
                self.prepared(item, marks.find(index), known, words)
                for index, item in enumerate(data)
            )
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
        """Reads a body; what is wrong within it makes the step a fault, but not what is wrong in layers inside."""
        sound = step.kind != "fault"
        if step.key == "chain":
            step.kind = "chain"
            step.layers = self.layers(body if body is not None else [], step.body_marks, known)
            sound &= body is None or isinstance(body, list)
        elif step.key in self.blocks:
            step.kind = "block"
            self.used_blocks.add(step.key)
            sound &= self._block_body(step, body, known)
        else:
            step.op = BY_KEY[step.key]
            if step.op.joins():
                step.kind = "join"
                sound &= self._join_body(step, body, known)
            else:
                sound &= self._op_body(step, body, known)
        if not sound:
            step.kind = "fault"

    def _mapping(self, step: Step, body: Any, main: str | None) -> dict[str, Any] | None:
        """The body as a mapping, where a bare value sets the main field; None where it is wrong, which is reported."""
        if body is None:
            return {}
        if isinstance(body, dict):
            return None if self._cut_by_yaml(body, step.body_marks) else body
        if main is None:
            self.report(
                "CNN103",
                f"`{step.key}` takes no bare value",
                step.body_marks.position(self.file),
                self._form(step.key),
            )
            return None
        whole = step.body_marks
        step.body_marks = Marks(whole.line, whole.column, whole.width)
        step.body_marks.items[main] = whole
        return {main: body}

    def _form(self, key: str) -> str:
        """How a layer without a main value is written."""
        if key in self.blocks:
            return f"write `- {key}`, or give its parameters by name"
        required = [name for name, field in BY_KEY[key].fields().items() if field.is_required()]
        return (
            f"write `{key}: {{{', '.join(f'{name}: …' for name in required)}}}`"
            if words_of(BY_KEY[key])
            else f"write `- {key}`"
        )

    def _cut_by_yaml(self, body: dict[str, Any], marks: Marks) -> bool:
        """Whether an expression with a comma was read as two keys; it is reported where it begins."""
        keys = list(body)
        cut = next(
            (
                n
                for n, key in enumerate(keys)
                if n and body[key] is None and any(c in "".join(keys[n:]) for c in "()[]")
            ),
            None,
        )
        if cut is None:
            return False
        before, pieces = keys[cut - 1], [keys[cut]]
        for key in keys[cut + 1 :]:
            text = "".join([str(body[before]), *pieces])
            if (
                text.count("(") + text.count("[") <= text.count(")") + text.count("]")
                or body[key] is not None
            ):
                break
            pieces.append(key)
        place = marks.find(before).position(self.file)
        line, column, width = marks.keys[pieces[-1]]
        whole = (
            place._replace(length=column + width - place.column + 1)
            if line + 1 == place.line
            else place
        )
        text = ", ".join([str(body[before]), *pieces])
        fault = Diagnostic(
            "CNN007",
            f"the expression for `{before}` was cut at its comma",
            whole,
            f'quote it: {before}: "{text}"',
        )
        self.add(
            fault._replace(
                fix=Fix(
                    "quote it", (Edit.over(whole, f'"{text}"'),), certain=line + 1 == place.line
                )
            )
        )
        return True

    def _rows_fit(
        self, step: Step, what: str, known: list[str], required: list[str], data: dict[str, Any]
    ) -> bool:
        """Whether body and rows together give every copy what it needs, each once. A misspelled key is not missed too."""
        found = len(self.diagnostics)
        marks = step.marks.find("each")
        meant = (
            {
                meant_by(key, known) or key.partition(" ")[0]
                if " " in key
                else meant_by(key, known) or nearest(key, known)[0]
                for key in data
                if key not in known
            }
            if not data.keys() <= set(known)
            else ()
        )
        for n, row in enumerate(step.each if step.each is not None else [{}]):
            for key in row:
                if key not in known:
                    self.add(unknown_key(key, marks.find(n).key(self.file, key), known, what))
                elif key in data:
                    self.report(
                        "CNN103",
                        f"`{key}` is given by the row and by the body",
                        marks.find(n).key(self.file, key),
                        "give it once",
                    )
            for key in required:
                if key not in data and key not in row and key not in meant:
                    where = (
                        marks.find(n).position(self.file) if step.each is not None else step.place
                    )
                    self.report(
                        "CNN102",
                        f"{what} needs `{key}`",
                        where,
                        f"write `{step.key}: {{{key}: …}}`"
                        if step.each is None
                        else f"add `{key}` to this row",
                    )
        return len(self.diagnostics) == found

    def _op_body(self, step: Step, body: Any, known: frozenset[str]) -> bool:
        """Whether the body of an operator is right."""
        op, before = step.op, self.errors
        assert op is not None
        words = words_of(op)
        data = self._mapping(step, body, op.main)
        if data is None:
            return False
        for key, value in data.items():
            if key in GRAPH_WORDS and key not in words:
                self.report(
                    "CNN101",
                    f"`{key}` is no key of `{step.key}`",
                    step.body_marks.key(self.file, key),
                    f"write it beside `{step.key}:`, not inside",
                )
            elif key not in words:
                self.add(
                    unknown_key(
                        key, step.body_marks.key(self.file, key), list(words), f"`{step.key}`", data
                    )
                )
            else:
                if isinstance(value, str) and key in op.layers_named:
                    self.used_names.add(value)
                step.body[key] = self.prepared(value, step.body_marks.find(key), known, words[key])
        required = [name for name, field in op.fields().items() if field.is_required()]
        complete = self._rows_fit(step, f"`{step.key}`", list(words), required, data)
        if (
            complete
            and self.errors == before
            and step.each is None
            and all(map(is_constant, step.body.values()))
        ):
            try:
                step.ready = validate(op, step.body, step.body_marks, self.file, f"`{step.key}`")
            except Mistake as mistake:
                self.add(*mistake.diagnostics)
        return self.errors == before

    def _block_body(self, step: Step, body: Any, known: frozenset[str]) -> bool:
        """Whether the arguments of a block are right."""
        block, before = self.blocks[step.key], self.errors
        data = self._mapping(step, body, block.main)
        if data is None:
            return False
        for key, value in data.items():
            if key not in block.params:
                self.add(
                    unknown_key(
                        key,
                        step.body_marks.key(self.file, key),
                        list(block.params),
                        f"block `{step.key}`",
                        data,
                    )
                )
            else:
                prepared = self.prepared(value, step.body_marks.find(key), known, ANY_WORD)
                if isinstance(prepared, str):
                    self.used_names.add(prepared)
                step.body[key] = prepared
        required = [name for name, default in block.params.items() if default is REQUIRED]
        self._rows_fit(step, f"block `{step.key}`", list(block.params), required, data)
        return self.errors == before

    def _join_body(self, step: Step, body: Any, known: frozenset[str]) -> bool:
        """Whether the branches of a join are right, whatever is in them."""
        marks = step.body_marks
        sound = True
        if isinstance(body, dict) and body:
            step.branches = {}
            for name, layers in body.items():
                fault = name_fault(name)
                if fault:
                    self.report(
                        "CNN108",
                        f"`{name}` is no name for a branch",
                        marks.key(self.file, name),
                        fault,
                    )
                    sound = False
                step.branches[name] = self.layers(
                    layers if layers is not None else [], marks.find(name), known
                )
                sound &= layers is None or isinstance(layers, list)
        elif isinstance(body, list) and body and all(isinstance(name, str) for name in body):
            step.sources = tuple(body)
            if step.source is not None:
                self.report(
                    "CNN103",
                    f"`{step.key}` of named layers takes nothing `from` elsewhere",
                    step.marks.key(self.file, "from"),
                    "add the layer to the list",
                )
                sound = False
            self.used_names |= set(body)
        else:
            self.report(
                "CNN103",
                f"`{step.key}` takes named branches or a list of layer names, not {shown(body)}",
                marks.position(self.file) if body else step.place,
                f"{step.key}: {{body: [- …], shortcut: []}}, or {step.key}: [name, name]",
            )
            return False
        fewest = BY_KEY[step.key].inputs[0]
        found = len(step.branches or step.sources or ())
        if found < fewest:
            self.report(
                "CNN102",
                f"`{step.key}` joins at least {fewest} branches, here {found}",
                step.place,
                "add a branch; `[]` is the identity",
            )
            sound = False
        return sound

    def layers(self, data: Any, marks: Marks, known: frozenset[str]) -> list[Step]:
        """The steps of a list of layers, such as a branch."""
        raise NotImplementedError
