"""Expands joins: their branches, and the earlier layers that they list."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from ..diagnostic import Mistake
from ..ops.base import Op
from .copies import Copies
from .expansion_faults import joins_nothing, joins_too_few
from .scope import Scope
from .steps import Step


class Branches(Copies):
    """Expands the branches of joins, which may be repeated or left out."""

    @abstractmethod
    def layers(self, steps: list[Step], scope: Scope, x: int) -> int:
        """Expand layers one after the other, from node x, and return the node of the result."""

    @abstractmethod
    def instance(self, step: Step, scope: Scope, row: dict[str, Any]) -> Op:
        """Return the operator with the values of its fields."""

    @abstractmethod
    def node(self, step: Step, op: Op, inputs: tuple[int, ...], path: str, scope: Scope) -> int:
        """Add a layer to the graph, and return its number."""

    def _join(self, step: Step, scope: Scope, path: str, x: int) -> int:
        assert step.op is not None
        inputs: list[int] = []
        absent: list[Step] = []
        for branch in step.branches:
            own = f"{path}.{branch.name}"
            if branch.is_repeated:
                found = [*self._repeated(branch, scope, own, x)]
            else:
                found = self.branch(branch, scope, own, x, {})
            self._limits.join(len(found))
            inputs += found
            if not found:
                absent.append(branch)
        if not inputs:
            raise Mistake(joins_nothing(step))
        fewest = step.op.inputs[0]
        if absent and len(inputs) < fewest:
            raise Mistake(joins_too_few(step, fewest, len(inputs), absent))
        op = self.instance(step, scope, {}) if step.body else step.op()
        return self.node(step, op, tuple(inputs), path, scope)

    def _repeated(self, branch: Step, scope: Scope, path: str, x: int) -> Iterator[int]:
        """Yield the results of the copies of a branch that are there."""
        for i, (row, wanted) in enumerate(self.rows(branch, scope)):
            if wanted:
                yield from self.branch(branch, scope.copy(branch.counter, i), f"{path}.{i}", x, row)

    def branch(
        self, branch: Step, scope: Scope, path: str, x: int, row: dict[str, Any]
    ) -> list[int]:
        """Return the results of one copy of a branch: none if its `when` is false."""
        self._limits.copy(len(self._graph.nodes), len(scope.values))
        if branch.when is not None and not self.condition("when", branch, scope, row):
            return []
        inside = scope.inside(path, {**scope.values, **row} if row else scope.values)
        if branch.is_name:
            return self.listed(branch, inside)
        if branch.source is not None:
            x = self.find(branch.source, inside, branch.marks.find("from"))[2]
        return [self.layers(branch.layers or [], inside, x)]
