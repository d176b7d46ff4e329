"""Expands the copies of a layer: how many there are, which of them are there, how they train."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from math import floor
from typing import Any

from ..diagnostic import Mistake, Position
from ..num import Open, choose, equals
from .expansion_faults import wrong_repeat
from .limits import MAX_LAYERS
from .lookup import Lookup
from .scope import NO_COPIES, Scope
from .steps import Step


class Copies(Lookup):
    """Expands what stands beside a layer's key: `repeat`, `each`, `when`, `freeze`, `checkpoint`.

    The public methods are the steps that a count of many variants does in its own way.
    """

    def __init__(self, file: str):
        super().__init__(file)
        self._checkpoints: list[tuple[range, Position]] = []

    @abstractmethod
    def body(self, step: Step, scope: Scope, path: str, x: int, row: dict[str, Any]) -> int:
        """Expand the operator, join, block or chain of a copy."""

    def _all_copies(self, step: Step, scope: Scope, path: str, x: int) -> tuple[int, list[int]]:
        """Expand the copies of a repeated layer; return the result, and where each copy ends."""
        if scope.copies is NO_COPIES:
            scope.copies = {}
        results = scope.copies[step.name] = {}
        ends: list[int] = []
        for i, (row, wanted) in enumerate(self.rows(step, scope)):
            before, own = len(self._graph.nodes), f"{path}.{i}"
            x = self.copy(step, scope.copy(step.counter, i), own, x, row, wanted)
            ends.append(len(self._graph.nodes))
            self._graph.groups[own] = (before, ends[-1], x)
            if ends[-1] > before:
                results[own] = x
        return x, ends

    def rows(self, step: Step, scope: Scope) -> Iterator[tuple[dict[str, Any], Any]]:
        """Yield the arguments of each copy, and the condition that it is there."""
        if step.each is not None:
            values, marks = scope.values, step.marks
            for n, row in enumerate(step.each):
                yield {k: self.value(v, values, marks, "each", n, k) for k, v in row.items()}, True
            return
        for _ in range(int(self.repeats(step, scope))):
            yield {}, True

    def repeats(self, step: Step, scope: Scope) -> Any:
        """Return how many copies a `repeat` makes, a whole number."""
        marks = step.marks.find("repeat", "times")
        count = self.value(step.repeat, scope.values, marks)
        if isinstance(count, Open) and not count.is_condition and 0 <= count <= MAX_LAYERS:
            whole = floor(count)  # it may be computed from fractions
            if equals(whole, count):
                return whole
        elif type(count) is int and 0 <= count <= MAX_LAYERS:
            return count
        raise Mistake(wrong_repeat(count, marks.position(self._file)))

    def copy(
        self,
        step: Step,
        scope: Scope,
        path: str,
        x: int,
        row: dict[str, Any],
        wanted: Any = True,
    ) -> int:
        """Expand one copy of a layer if it is wanted and its `when` is not false."""
        self._limits.copy(len(self._graph.nodes), len(scope.values))
        if step.when is not None:
            wanted = choose(wanted, self.condition("when", step, scope, row), False)
        if wanted is True:
            return self.trained(step, scope, path, x, row)
        return self.partly(wanted, step, scope, path, x, row)

    def partly(
        self, wanted: Any, step: Step, scope: Scope, path: str, x: int, row: dict[str, Any]
    ) -> int:
        """Expand a layer that is only there if it is `wanted`; without it, the result is x."""
        return self.trained(step, scope, path, x, row) if wanted else x

    def trained(self, step: Step, scope: Scope, path: str, x: int, row: dict[str, Any]) -> int:
        """Expand a copy that is there, and note how it is trained."""
        if step.freeze is None and step.checkpoint is None:
            return self.body(step, scope, path, x, row)
        frozen, again = (
            getattr(step, word) is not None and self.condition(word, step, scope, row)
            for word in ("freeze", "checkpoint")
        )
        start = len(self._graph.nodes)
        x = self.body(step, scope, path, x, row)
        numbers = range(start, len(self._graph.nodes))
        if frozen:
            self._graph.freeze(numbers)
        if again:
            self._checkpoints.append((numbers, step.place))
        return x
