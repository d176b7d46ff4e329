"""Reads a scope as a list of items: its layers, and calls of the blocks inside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from ...graph import Graph
from .parts import Arg, Block, Item, Member, Source, Words
from .scopes import borrows, has_state
from .tree import Label, Scope


class Reader:
    """Reads the scopes of one graph; `found` has the block and member of those that are blocks."""

    def __init__(self, graph: Graph, labels: Sequence[Label]):
        self.graph = graph
        self.labels = labels
        self.found: dict[int, tuple[Block, Member]] = {}  # by the identity of the scope

    @cached_property
    def _stateful(self) -> frozenset[int]:
        """The nodes with parameters of their own."""
        nodes = self.graph.nodes
        return frozenset(n for n, m in enumerate(nodes) if m.op and has_state(self.graph, n))

    @cached_property
    def _checkpoints(self) -> frozenset[range]:
        return frozenset(self.graph.checkpoints)

    def frozen(self, nodes: range) -> bool:
        """Return whether all parameters of some nodes are frozen, and there are any."""
        graph = self.graph
        trained = [graph.owner(graph.nodes[n]) for n in nodes if n in self._stateful]
        trained = [node for node in trained if graph.has_parameters(node)]
        return bool(trained) and all(node.frozen for node in trained)

    def read(self, scope: Scope) -> Member:
        """Return a scope as a member of a block that is not known yet."""
        graph = self.graph
        inputs = range(len(graph.inputs))
        read = [*inputs] if not scope.path else [graph.nodes[scope.start].inputs[0]]
        numbers: dict[int, int] = {}  # the items, by the node of their result
        items: list[Item] = []
        units = list(scope.units())
        all_frozen = bool(scope.path) and self.frozen(scope.nodes)

        def source(n: int) -> Source:
            if n in numbers:
                return numbers[n]
            if n not in read:
                read.append(n)
            return ~read.index(n)

        for unit in units:
            if isinstance(unit, Scope):
                item = self._call(unit, source)
                nodes = unit.nodes
            else:
                item = self._layer(unit, source)
                nodes = range(unit, unit + 1)
            lender = self._lender(unit, units)
            if scope.path:
                item.label = item.label.removeprefix(f"{scope.path}.")
            share = None if lender is None else numbers.get(lender)
            freeze = not all_frozen and share is None and self.frozen(nodes)
            item.words = Words(share, freeze, nodes in self._checkpoints)
            numbers[item.node] = len(items)
            items.append(item)
        channels = graph.nodes[read[0]].shape[0]
        return Member(scope, items, read, channels, graph.nodes[scope.end - 1].shape[0])

    def _layer(self, n: int, source: Callable[[int], Source]) -> Item:
        node = self.graph.nodes[n]
        op = node.op
        assert op is not None
        named = op.layers_named
        args = {Arg(key): getattr(op, key) for key in op.fields() if key not in named}
        carriers = tuple(key for key in named if getattr(op, key) is not None)
        # What it reads of a layer that it names goes without saying.
        inputs = node.inputs[: 1 + len(carriers)] if named else node.inputs
        sources = tuple(source(m) for m in inputs)
        join = op.joins()
        _, branch, path = self.labels[n]
        return Item(op.key, args, sources, n, path, join=join, carriers=carriers, branch=branch)

    def _call(self, scope: Scope, source: Callable[[int], Source]) -> Item:
        block, member = self.found[id(scope)]
        args = {Arg(name): value for name, value in member.arguments.items()}
        sources = tuple(source(m) for m in member.read)
        return Item("", args, sources, scope.end - 1, scope.path, called=block, branch=scope.branch)

    def _lender(self, unit: Scope | int, units: list[Scope | int]) -> int | None:
        """Return the result of the unit before this one whose weights it uses."""
        graph = self.graph
        if isinstance(unit, int):
            return graph.nodes[unit].shares
        borrowed = [graph.nodes[n].shares for n in unit.nodes]
        lent = next((m for m in borrowed if m is not None), None)
        for other in units:
            if other is unit or lent is None:
                return None
            if isinstance(other, Scope) and lent in other.nodes and borrows(graph, unit, other):
                return other.end - 1
        return None
