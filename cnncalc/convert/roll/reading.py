"""Reads a scope as a list of items: its layers, and calls of the blocks inside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from ...graph import Graph
from .copies import Copies, places_of
from .parts import COUNT, Arg, Block, Item, Member, Source, Words
from .runs import run_of
from .scopes import borrows, has_state, readers_of
from .tree import Label, Scope

_FEWEST_CHAINS = 3  # copies of several layers


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
    def _readers(self) -> list[list[int]]:
        return readers_of(self.graph)

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
        units = self._units(scope)
        all_frozen = bool(scope.path) and self.frozen(scope.nodes)
        rows: list[Copies] = []

        def source(n: int) -> Source:
            if n in numbers:
                return numbers[n]
            if n not in read:
                read.append(n)
            return ~read.index(n)

        def add(unit: Scope | int) -> Item:
            item = self._item(unit, source, rows)
            if scope.path:
                item.label = item.label.removeprefix(f"{scope.path}.")
            lender = self._lender(unit, units)
            share = None if lender is None else numbers.get(lender)
            item.words = self._words(unit, share, all_frozen)
            numbers[item.node] = len(items)
            items.append(item)
            return item

        for unit in units:
            if isinstance(unit, Copies):
                start = len(items)
                for inner in _units_of(unit.parts[0]):
                    add(inner)
                _repeat(items, start, unit)
                numbers[unit.results[-1]] = len(items) - 1
                rows.append(unit)
            else:
                add(unit)
        channels = graph.nodes[read[0]].shape[0]
        return Member(scope, items, read, channels, graph.nodes[scope.end - 1].shape[0])

    def _units(self, scope: Scope) -> list[Scope | int]:
        """Return what a scope consists of; copies that cannot be written once, one by one."""
        units = list(scope.units())
        found: list[Scope | int] = []
        for unit in units:
            if not isinstance(unit, Copies) or self._is_one(unit, units):
                found.append(unit)
            else:
                found += _units_of(unit.children)
        return found

    def _is_one(self, row: Copies, units: Sequence[Scope | int]) -> bool:
        """Return whether copies are equal, and only layers among the units read their results."""
        layers = {unit for unit in units if isinstance(unit, int)}
        for n in row.results:
            if not all(m in layers or m in row.nodes for m in self._readers[n]):
                return False
        forms = []
        for part in row.parts:
            items = [self._item(unit, lambda n: 0, ()) for unit in _units_of(part)]
            frozen = [self.frozen(_nodes_of(unit)) for unit in _units_of(part)]
            forms.append(([(item.form, [*item.args.values()]) for item in items], frozen))
        if len(forms[0][0]) > 1 and len(forms) < _FEWEST_CHAINS:
            return False
        if row.grows:  # each joins one more than the one before
            for form, _ in forms:
                form[0] = form[0][0][:3], form[0][1]
        return all(form == forms[0] for form in forms)

    def _item(
        self, unit: Scope | int, source: Callable[[int], Source], rows: Sequence[Copies]
    ) -> Item:
        if isinstance(unit, Scope):
            return self._call(unit, source)
        return self._layer(unit, source, rows)

    def _words(self, unit: Scope | int, share: Source | None, all_frozen: bool) -> Words:
        nodes = _nodes_of(unit)
        freeze = not all_frozen and share is None and self.frozen(nodes)
        return Words(share, freeze, nodes in self._checkpoints)

    def _layer(self, n: int, source: Callable[[int], Source], rows: Sequence[Copies] = ()) -> Item:
        node = self.graph.nodes[n]
        op = node.op
        assert op is not None
        named = op.layers_named
        args = {Arg(key): getattr(op, key) for key in op.fields() if key not in named}
        carriers = tuple(key for key in named if getattr(op, key) is not None)
        # What it reads of a layer that it names goes without saying.
        inputs = node.inputs[: 1 + len(carriers)] if named else node.inputs
        starred: list[int] = []
        for row in rows:
            places = places_of(row.results, inputs)
            if places is not None:
                inputs = (*inputs[: places.start], *inputs[places.stop - 1 :])
                starred = [k - len(places) + 1 if k > places.start else k for k in starred]
                starred.append(places.start)
        sources = tuple(source(m) for m in inputs)
        join = op.joins()
        _, branch, path = self.labels[n]
        item = Item(op.key, args, sources, n, path, join=join, carriers=carriers, branch=branch)
        item.starred = tuple(sorted(starred))
        return item

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


def _units_of(children: Sequence[Scope | int]) -> list[Scope | int]:
    """Return what children consist of: scopes that are blocks of their own, and nodes."""
    found: list[Scope | int] = []
    for child in children:
        found += child.units() if isinstance(child, Scope) and child.inlined else [child]
    return found


def _nodes_of(unit: Scope | int) -> range:
    return unit.nodes if isinstance(unit, Scope) else range(unit, unit + 1)


def _repeat(items: list[Item], start: int, row: Copies) -> None:
    """Let the items from one on be repeated, as those of the first of several copies."""
    count = len(row.parts)
    first = items[start]
    if len(items) == start + 1 and not row.grows:
        if first.called is not None:
            items[start] = run_of([first] * count)
        else:
            first.args = {**first.args, COUNT: count}
    else:
        first.args = {**first.args, COUNT: count}
        first.chain, first.grows = len(items) - start, row.grows
    items[-1].node = row.results[-1]
