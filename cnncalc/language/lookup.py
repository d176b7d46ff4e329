"""Finds what words of a spec mean where they stand: values of expressions, and earlier layers."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from ..diagnostic import Mistake
from ..graph import Group
from ..num import Open
from .expansion_faults import no_condition
from .expression import Expression
from .expression_limits import ExpressionError
from .limits import Limits
from .references import copy_number, entry_name, every_copy, known, layer_inside, resolved
from .scope import OF_SIZES, Expansion, Scope
from .steps import EVERY_COPY, Chosen, LayerName, Numbered, Step
from .values import FAULT, evaluate, expression_fault, work
from .yaml_tree import Marks


class Lookup:
    """Evaluates expressions and finds layers, for the expansion of one network."""

    def __init__(self, file: str):
        self._file = file
        self._expansion = Expansion()
        self._graph = self._expansion.graph
        self._limits = Limits()
        self._sizes_read = 0  # how often
        self._oldest = 0  # of the layers found by name since the block that is expanded began

    def value(self, prepared: Any, values: dict[str, Any], marks: Marks, *path: Any) -> Any:
        """Return the value of prepared data, and count the work for it.

        Errors: a Mistake if it has none, at the `path` from these marks.
        """
        kind = type(prepared)
        if kind is not Expression and kind is not tuple and prepared is not FAULT:
            return prepared
        if _reads_any(prepared, values[OF_SIZES]):
            self._graph.follows_input = True
            self._sizes_read += 1
        self._limits.work(work(prepared, values))
        try:
            return evaluate(prepared, values)
        except ExpressionError as error:
            place = marks.find(*path).position(self._file)
            raise Mistake(expression_fault(error, place, values)) from None

    def condition(self, word: str, step: Step, scope: Scope, row: dict[str, Any]) -> Any:
        """Return the value of `when`, `freeze` or `checkpoint`.

        That of a chain may use the arguments of its row.
        """
        chain_row = row and step.kind == "chain"
        values = {**scope.values, **row} if chain_row else scope.values
        condition = self.value(getattr(step, word), values, step.marks, word)
        if condition is not True and condition is not False:
            self._check_condition(word, condition, step.marks)
        return condition

    def _check_condition(self, word: str, value: Any, marks: Marks) -> None:
        """Raise a Mistake for a value that is not a condition."""
        is_open = isinstance(value, Open) and value.is_condition
        if not is_open and not isinstance(value, bool):
            raise Mistake(no_condition(word, value, marks.find(word).position(self._file)))

    def find(self, name: LayerName, scope: Scope, marks: Marks) -> Group:
        """Find an earlier layer by its name.

        Errors: a Mistake, at `marks`, for an unknown name.
        """
        if not isinstance(name, str):
            name = self.chosen(name, scope, marks)
        group = resolved(name, scope, self._graph, marks, self._file)
        if name != "input" and group[2] < self._oldest:
            self._oldest = group[2]
        return group

    def chosen(self, name: LayerName, scope: Scope, marks: Marks) -> str:
        """Return the name that the conditions choose, with the numbers of copies in it."""
        while isinstance(name, Chosen):
            condition = self.value(name.condition, scope.values, marks)
            self._check_condition("from", condition, marks)
            name, other = (name.left, name.right) if condition else (name.right, name.left)
            self._check_other(other, scope, marks)
        if isinstance(name, Numbered):
            return self._numbered(name, scope, marks)
        return name

    def _check_other(self, name: LayerName, scope: Scope, marks: Marks) -> None:
        """Check a name that is not chosen here, since other parameters choose it.

        A parameter may hold anything where it is not read. Of a layer inside another one, only the
        first two names are checked: further inside, a layer may be left out here.

        Errors: a Mistake, at `marks`, for an unknown name.
        """
        if isinstance(name, Chosen):
            self._check_other(name.left, scope, marks)
            self._check_other(name.right, scope, marks)
            return
        text = name.copies[0][0] if isinstance(name, Numbered) else name
        first, *rest = text.removesuffix(EVERY_COPY).split(".")
        if first not in scope.values:
            known(".".join([first, *rest[:1]]), scope, self._graph, marks, self._file)

    def _numbered(self, name: Numbered, scope: Scope, marks: Marks) -> str:
        """Return a name with the numbers of copies, or the entries of lists, that are given."""
        text = ""
        for before, prepared in name.copies:
            number = self.value(prepared, scope.values, marks)
            if isinstance(number, Open):
                number = number.one()
            text += before
            names = scope.values.get(text)
            if isinstance(names, tuple):
                text = entry_name(text, names, number, marks, self._file)
                continue
            n = copy_number(text, number, scope, self._graph, marks, self._file)
            text += f".{n}"
            self.copies([resolved(text, scope, self._graph, marks, self._file)[2]])
        return text + name.rest

    def listed(self, branch: Step, scope: Scope) -> list[int]:
        """Return the earlier layers that an entry of a join's list names."""
        assert branch.source is not None
        marks = branch.marks.find("from")
        if not branch.is_many:
            return [self.find(branch.source, scope, marks)[2]]
        name, _, rest = self.chosen(branch.source, scope, marks).partition(EVERY_COPY)
        copies = every_copy(name, scope, marks, self._file)
        results = self.copies([*copies.values()])
        self._oldest = min([self._oldest, *results]) if results else 0
        if not rest:
            return results
        inside = rest.removeprefix(".")
        return [layer_inside(path, inside, self._graph, marks, self._file)[2] for path in copies]

    def copies(self, results: list[int]) -> list[int]:
        """Return the results of the copies of a layer that are there."""
        return results


def _reads_any(prepared: Any, names: Set[str]) -> bool:
    """Return whether an expression in prepared data reads one of these names."""
    if type(prepared) is Expression:
        return not prepared.names.isdisjoint(names)
    return type(prepared) is tuple and any(_reads_any(item, names) for item in prepared)
