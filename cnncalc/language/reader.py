"""Keeps what all parts of the reader share: findings so far, names used, and values read."""

from __future__ import annotations

from collections.abc import Iterator, Set
from contextlib import contextmanager
from typing import Any

from ..diagnostic import MOST, Diagnostic, Mistake, Position, too_many
from ..ops import BY_KEY
from .expression import Expression
from .expression_limits import MAX_LIST, ExpressionError
from .steps import BlockSteps
from .values import ANY_WORD, FAULT, NAMED, expression_fault, prepare
from .yaml_tree import Marks


class Reader:
    """Collects findings while a spec is read, so that reading goes on after the first one."""

    def __init__(self, file: str):
        self.file = file
        self.blocks: dict[str, BlockSteps] = {}
        self.diagnostics: list[Diagnostic] = []
        self.errors = 0
        self.used_names: set[str] = set()
        self.used_blocks: set[str] = set()
        self.params: Set[str] = frozenset()  # of the spec
        self.block: str | None = None  # whose layers are being read

    @contextmanager
    def as_operator(self, name: str) -> Iterator[None]:
        """Read a word as the operator, although a block has its name, which is reported."""
        block = self.blocks.pop(name) if name in BY_KEY else None
        yield
        if block is not None:
            self.blocks[name] = block

    @contextmanager
    def separate_names(self) -> Iterator[set[str]]:
        """Give the names that are used meanwhile; they count as used afterwards too."""
        before, self.used_names = self.used_names, set()
        used = self.used_names
        yield used
        before |= used
        self.used_names = before

    def report(self, code: str, message: str, position: Position, help: str | None = None) -> None:
        """Add an error."""
        self.add(Diagnostic(code, message, position, help))

    def add(self, *diagnostics: Diagnostic) -> None:
        """Add findings.

        Errors: a Mistake with all findings if there are too many: everything in the file is wrong.
        """
        self.diagnostics.extend(diagnostics)
        self.errors += sum(d.severity == "error" for d in diagnostics)
        if len(self.diagnostics) >= MOST:
            raise Mistake(*self.diagnostics, too_many(self.diagnostics[-1]))

    def prepared(
        self, data: Any, marks: Marks, known: Set[str], words: frozenset[str] = frozenset()
    ) -> Any:
        """Prepare a value. Report what is wrong in it, and replace that with FAULT.

        `known` are the names that its expressions may use, `words` the words of its field.
        """
        if isinstance(data, list):
            if len(data) > MAX_LIST:
                message = f"a list has more than {MAX_LIST:,} entries"
                self.report("CNN004", message, marks.position(self.file))
                return FAULT
            return tuple(
                self.prepared(item, marks.find(index), known, words)
                for index, item in enumerate(data)
            )
        if isinstance(data, dict) and words is NAMED:
            return tuple(
                (key, self.prepared(item, marks.find(key), known, ANY_WORD))
                for key, item in data.items()
            )
        try:
            prepared = prepare(data, known, words)
        except ExpressionError as error:
            self.add(expression_fault(error, marks.position(self.file), known, words))
            return FAULT
        self._note_names(prepared)
        return prepared

    def _note_names(self, prepared: Any) -> None:
        if type(prepared) is Expression:
            self.used_names |= prepared.names
        elif type(prepared) is tuple:
            for item in prepared:
                self._note_names(item)
