"""Defines what an expansion has besides the graph: scopes, the source of every node, faults."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from ..diagnostic import Diagnostic
from ..graph import Graph, Group
from ..num import Shape
from ..ops.base import Op
from .names import AXES
from .steps import Step

NO_COPIES: dict[str, dict[str, int]] = {}  # of a scope without repeated layers; never changed


class Scope:
    """The scope of a list of layers: its values and names, and the scope around it."""

    __slots__ = ("context", "copies", "depth", "names", "parent", "prefix", "step", "values")

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
        self.copies = NO_COPIES  # of repeated layers: results so far, by path
        self.parent = parent
        self.step = step  # the use of the block, if this is the inside of a block
        self.context = context  # the uses of blocks around it, innermost first
        self.depth: int = 0 if parent is None else parent.depth + 1

    def copy(self, counter: str, i: int) -> Scope:
        """Return the same scope for copy `i` of a repeated layer, whose number is `counter`."""
        values = {**self.values, counter: i}
        scope = Scope(values, self.prefix, self.names, self.parent, self.step, self.context)
        scope.copies = self.copies
        return scope

    def inside(self, path: str, values: dict[str, Any]) -> Scope:
        """Return the scope of a branch or chain at a path."""
        return Scope(values, path + ".", parent=self, context=self.context)

    @property
    def block(self) -> Scope | None:
        """The scope of the innermost block around it; None at the top level.

        A block sees only its own parameters and those of the network.
        """
        scope: Scope | None = self
        while scope is not None and scope.step is None:
            scope = scope.parent
        return scope

    def find(self, name: str) -> Group | None:
        """Look up a layer's name, from the innermost scope outward."""
        for scope in self._outward():
            if name in scope.names:
                return scope.names[name]
        return None

    def find_copies(self, name: str) -> dict[str, int] | None:
        """Return the results of the copies that a repeated layer has so far, by their paths.

        A layer that is not repeated has one; None if no layer has the name.
        """
        for scope in self._outward():
            if name in scope.copies:
                return scope.copies[name]
            if name in scope.names:
                return {scope.prefix + name: scope.names[name][2]}
        return None

    def path_of(self, name: str) -> str | None:
        """Return the path of the layer with a name, which may be among its copies so far."""
        for scope in self._outward():
            if name in scope.names or name in scope.copies:
                return scope.prefix + name
        return None

    def visible(self) -> Iterator[str]:
        """Yield all names that `find` knows."""
        for scope in self._outward():
            yield from scope.names

    def _outward(self) -> Iterator[Scope]:
        """Yield this scope and those around it, the innermost first."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent


OF_SIZES = "names of sizes"  # under this key, which no expression can read, scopes list them


def entered(shape: Shape, params: dict[str, Any]) -> dict[str, Any]:
    """Return the values that expressions see in a block which a tensor of this shape enters.

    Parameters go before its sizes.
    """
    sizes = tuple(shape[1:])
    named = dict(zip(AXES, reversed(sizes)))
    return {"sizes": sizes, **named, **params, "c": shape[0], OF_SIZES: _names(len(sizes))}


@cache
def _names(axes: int) -> frozenset[str]:
    """Return what the sizes of so many axes are called."""
    return frozenset(["sizes", *[name for name, _ in zip(AXES, range(axes))]])


class Fault(NamedTuple):
    """A layer whose inputs are wrong for it, or whose output is not as expected."""

    diagnostic: Diagnostic
    step: Step
    scope: Scope
    path: str
    inputs: tuple[int, ...]  # the nodes it reads; if an `expect` failed, the layer itself
    op: Op | None  # None for a block or chain
    wanted: Shape | None = None  # the shape of the `expect` that failed


class Expansion:
    """A network as expanded from a spec: its graph, and what else repairs need to know."""

    def __init__(self, diagnostics: Sequence[Diagnostic] = ()):
        self.graph = Graph(diagnostics)
        self.written: list[tuple[Step, Scope] | None] = []  # by node; None for an input
        self.faults: list[Fault] = []
