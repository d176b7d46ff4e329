"""Rolls a graph: finds its blocks from the inside out, and the list that calls them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ...graph import Graph
from .classes import classes, is_only_run, levels
from .conditions import fill_conditions
from .copies import find_copies
from .folding import fold
from .names import block_name, layer_params, unique
from .parts import Arg, Block, Member
from .reading import Reader
from .runs import join_neighbours
from .scopes import dissolve, keep_apart, readers_of
from .stages import stages
from .tree import scope_tree
from .unnamed import Unnamed
from .values import fill_values

NO_KINDS: Mapping[str, str] = {}


class Found(NamedTuple):
    """The blocks of a network, each after those that it calls, and its own list."""

    blocks: list[Block]
    top: Block

    @property
    def shares_blocks(self) -> bool:
        """Whether a block uses the weights of another one as a whole."""
        items = [item for block in (*self.blocks, self.top) for item in block.items]
        return any(item.called and item.words.share is not None for item in items)


class _Roller:
    def __init__(self, graph: Graph, kinds: Mapping[str, str], flat: bool, grown: bool):
        self._graph = graph
        self._blocks: list[Block] = []
        self._root, labels = scope_tree(graph)
        for scope in self._root.scopes():
            scope.kind = kinds.get(scope.path, "")
        readers = readers_of(graph)
        dissolve(self._root, graph, readers, labels)
        if flat:
            for scope in self._root.scopes():
                scope.inlined = not scope.forced
        else:
            unnamed = Unnamed(self._root, graph, readers)
            if any(self._root.scopes()) and not grown:
                unnamed.find_layers()
            else:
                unnamed.find()
            keep_apart(self._root, graph)
            find_copies(self._root, graph, readers)
        self._reader = Reader(graph, labels)

    def roll(self, merging: bool) -> Found:
        """Find the blocks."""
        for scopes in levels(self._root, self._graph):
            members = [self._reader.read(scope) for scope in scopes if not scope.inlined]
            several = []
            for member in members:
                if not is_only_run(member) or member.scope.forced:
                    several.append(member)
                else:
                    member.scope.inlined = True
            found, alone = classes(several, merging)
            for member in alone:
                member.scope.inlined = True
            for block in found:
                self._add(block)
                for member in block.members:
                    self._reader.found[id(member.scope)] = block, member
        member = self._reader.read(self._root)
        join_neighbours(member)
        self._make_stages(member)
        top = Block(member.items, [member])
        top.is_root = True
        fill_values(top, fill_conditions, set())
        return Found(self._blocks, top)

    def _make_stages(self, member: Member) -> None:
        for block, calls in stages(self._graph, member):
            self._add(block, "stage")
            for call, inner in zip(calls, block.members):
                call.args = {Arg(name): value for name, value in inner.arguments.items()}

    def _add(self, block: Block, name: str = "") -> None:
        words = {block.name for block in self._blocks}
        params = {name for block in self._blocks for name in block.params}
        taken = words | params
        block.layer_params = layer_params(block)
        fill_values(block, fill_conditions, words)
        taken |= {*block.params, *block.layer_params}
        block.name = unique(name, taken) if name else block_name(block, taken)
        fold(block)
        self._blocks.append(block)


def rolled(
    graph: Graph,
    kinds: Mapping[str, str] = NO_KINDS,
    *,
    merging: bool = True,
    flat: bool = False,
    grown: bool = False,
) -> Found:
    """Return the blocks of a graph, and the list that calls them.

    `kinds` are the names of the classes of its modules, by path. Without `merging`, every copy of a
    block has all its steps. A `flat` one has only the blocks that checkpoints need. In a
    `grown` graph, concatenations join earlier ones, whatever the modules are.
    """
    return _Roller(graph, kinds, flat, grown).roll(merging)
