"""Copies what a block was expanded to before, where it is used again with the same values."""

from __future__ import annotations

from itertools import islice
from typing import Any

from ..graph import Graph, Group, Node
from ..ops.base import Op
from ..ops.shapes import units_of
from .limits import Limits
from .scope import Scope
from .steps import BlockSteps, Step


class KnownBlock:
    """One use of a block: its nodes from `start` to `end` of a graph, and its result y."""

    def __init__(self, graph: Graph, scope: Scope, limits: Limits):
        self.start = self.end = self.y = len(graph.nodes)
        self.spent = limits.spent
        self._nodes = graph.nodes
        self._cut = len(scope.prefix)
        self._depth = scope.depth
        self._context = scope.context
        self._groups: list[tuple[str, Group]] = []  # by their paths, the last first
        self._blocks: list[tuple[str, str]] = []  # the blocks used inside, by their paths
        self._longest = 0  # of these paths after the prefix
        self._trained: dict[int, tuple[int | None, bool]] = {}  # the owner, and whether frozen
        self._before = len(graph.groups), len(graph.blocks), len(graph.diagnostics)
        self.follows_input = False

    def finish(self, graph: Graph, limits: Limits, x: int, y: int, follows_input: bool) -> bool:
        """Note what was expanded; return whether it may be copied: it reads x and nothing else."""
        nodes, start = graph.nodes, self.start
        self.follows_input = follows_input
        groups, blocks, diagnostics = self._before
        outside = {m for node in nodes[start:] for m in node.inputs if m < start}
        if len(graph.diagnostics) > diagnostics or not outside <= {x} or y < start and y != x:
            return False
        for n, node in enumerate(nodes[start:], start):
            if node.shares is not None or node.frozen:
                self._trained[n] = node.shares, node.frozen
        if any(owner is not None and owner < start for owner, _ in self._trained.values()):
            return False
        self.end, self.y = len(nodes), y
        added = len(graph.groups) - groups
        self._groups = [*islice(reversed(graph.groups.items()), added)]
        self._longest = max((len(path) for path, _ in self._groups), default=self._cut) - self._cut
        self._blocks = [*islice(reversed(graph.blocks.items()), len(graph.blocks) - blocks)]
        copies, work = limits.spent
        self.spent = copies - self.spent[0], work - self.spent[1]
        return True

    def fits(self, scope: Scope, limits: Limits, layers: int) -> bool:
        """Return whether no limit is met by a copy after so many layers; count it if so."""
        if scope.depth > self._depth:
            return False
        longest = len(scope.prefix) + self._longest
        return limits.again(*self.spent, layers + self.end - self.start, longest)

    def copied(self, graph: Graph, scope: Scope, x: int) -> int:
        """Add the same nodes to a graph, for a use that reads node x, and return its result."""
        nodes, start, prefix, cut = graph.nodes, self.start, scope.prefix, self._cut
        shift = len(nodes) - start
        graph.follows_input |= self.follows_input
        outer = None if self._context == scope.context else len(self._context)
        for node in self._nodes[start : self.end]:
            context = node.context
            if outer is not None:
                context = (*context[: len(context) - outer], *scope.context)
            inputs = tuple([x if m < start else m + shift for m in node.inputs])
            path = prefix + node.path[cut:]
            again = Node(path, node.op, inputs, node.shape, node.position, context)
            again.read = node.read
            nodes.append(again)
        for n, (owner, frozen) in self._trained.items():
            nodes[n + shift].shares = None if owner is None else owner + shift
            nodes[n + shift].frozen = frozen
        for path, (first, end, y) in reversed(self._groups):
            result = x if y < start else y + shift
            graph.groups[prefix + path[cut:]] = (first + shift, end + shift, result)
        for path, block in reversed(self._blocks):
            graph.blocks[prefix + path[cut:]] = block
        return x if self.y < start else self.y + shift


class KnownBlocks:
    """What the blocks of a file were expanded to, by all that their layers depend on.

    `operators` are those of its layers, by their class and fields.
    """

    def __init__(self, blocks: dict[str, BlockSteps]):
        self.found: dict[Any, KnownBlock] = {}
        self.operators: dict[Any, Op] = {}
        self._blocks = blocks
        self._names: dict[str, list[str]] = {}

    def key(self, step: Step, entering: Node, values: dict[str, Any]) -> Any:
        """Return what is equal for uses of a block that are expanded to the same layers."""
        names = self._names.get(step.key)
        if names is None:
            names = self._names[step.key] = sorted(self._read(step.key))
        read = [values.get(name) for name in names]
        shape = entering.shape
        return (step, shape, units_of(shape), entering.integers, *map(distinct, read))

    def _read(self, name: str) -> set[str]:
        """Return the names that may decide what a block becomes, in it and in those it uses."""
        found: set[str] = set()
        open_, seen = [name], {name}
        while open_:
            block = self._blocks[open_.pop()]
            found |= block.reads
            inner = block.uses - seen
            seen |= inner
            open_ += inner
        return found | self._blocks[name].params.keys()


def distinct(value: Any) -> Any:
    """Return a value that is equal to others of its type alone: 1 is not true."""
    kind = type(value)
    if kind is tuple:
        return tuple(map(distinct, value))
    if kind is dict:  # of the command line; no word of the language takes one
        return kind, repr(value)
    return value if kind is int else (kind, value)
