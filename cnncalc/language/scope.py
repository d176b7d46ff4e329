"""What expanding a network leaves beside its graph: scopes, the source of every node, faults."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..diagnostic import Diagnostic
from ..graph import Graph, Group
from ..num import Shape
from ..ops.base import Op
from .steps import Step


class Scope:
    """A list of layers being expanded: its values and names, and the scope around it."""

    __slots__ = ("context", "depth", "names", "parent", "prefix", "step", "values")

    def __init__(
        self,
        values: dict[str, Any],
        prefix: str = "",
        names: dict[str, Group] | None = None,
        parent: Scope | None = None,
        step: Step | None = None,
        context: tuple[str, ...] = (),
    ):
        self.values = values
        self.prefix = prefix  # of the paths of its layers
        self.names = {} if names is None else names  # the layers so far
        self.parent = parent
        self.step = step  # the use of a block, if this is the inside of one
        self.context = context  # the uses of blocks around it, innermost first
        self.depth: int = 0 if parent is None else parent.depth + 1

    def copy(self, i: int) -> Scope:
        """The same scope for copy `i` of a repeated layer."""
        values = {**self.values, "i": i}
        return Scope(values, self.prefix, self.names, self.parent, self.step, self.context)

    def inside(self, path: str, values: dict[str, Any]) -> Scope:
        """The scope of a branch or chain at a path."""
        return Scope(values, path + ".", parent=self, context=self.context)

    @property
    def block(self) -> Scope | None:
        """The innermost block around it, or None at the top level.

        A block sees no parameters but its own and the network's.
        """
        scope: Scope | None = self
        while scope is not None and scope.step is None:
            scope = scope.parent
        return scope

    def find(self, name: str) -> Group | None:
        """Look up a layer's name, from the innermost scope outward."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None

    def visible(self) -> Iterator[str]:
        """All names that `find` knows."""
        scope: Scope | None = self
        while scope is not None:
            yield from scope.names
            scope = scope.parent


class Fault(NamedTuple):
    """A layer whose inputs do not suit it, or whose output is not as expected."""

    diagnostic: Diagnostic
    step: Step
    scope: Scope
    path: str
    inputs: tuple[int, ...]  # the nodes it reads; where an `expect` fails, the layer itself
    op: Op | None  # None for a block or chain
    wanted: Shape | None = None  # the shape of the `expect` that failed


class Expansion:
    """A network as expanded from a spec: its graph, and what repairs need to know beside it."""

    def __init__(self, diagnostics: Sequence[Diagnostic] = ()):
        self.graph = Graph(diagnostics)
        self.written: list[tuple[Step, Scope] | None] = []  # by node; None for an input
        self.faults: list[Fault] = []
