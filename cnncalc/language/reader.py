"""What all parts of the reader share: the findings so far, the names used, and values read."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from ..diagnostic import MOST, Diagnostic, Mistake, Position, too_many
from .expression import Expression, ExpressionError
from .steps import BlockSteps
from .values import FAULT, expression_fault, prepare
from .yaml_tree import Marks


class Reader:
    """Collects findings while a spec is read, instead of stopping at the first."""

    def __init__(self, file: str):
        self.file = file
        self.blocks: dict[str, BlockSteps] = {}
        self.diagnostics: list[Diagnostic] = []
        self.errors = 0
        self.used_names: set[str] = set()
        self.used_blocks: set[str] = set()

    def report(self, code: str, message: str, position: Position, help: str | None = None) -> None:
        """Add an error."""
        self.add(Diagnostic(code, message, position, help))

    def add(self, *diagnostics: Diagnostic) -> None:
        """Add findings.

        Errors: a Mistake with all findings once there are too many: the file is wrong throughout.
        """
        self.diagnostics.extend(diagnostics)
        self.errors += sum(d.severity == "error" for d in diagnostics)
        if len(self.diagnostics) >= MOST:
            raise Mistake(*self.diagnostics, too_many(self.diagnostics[-1]))

    def prepared(
        self, data: Any, marks: Marks, known: Set[str], words: frozenset[str] = frozenset()
    ) -> Any:
        """Prepare a value. What is wrong in it is reported, and becomes FAULT.

        `known` are the names that its expressions may use, `words` what the field takes as it is.
        """
        if isinstance(data, list):
            return tuple(
                self.prepared(item, marks.find(index), known, words)
                for index, item in enumerate(data)
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
