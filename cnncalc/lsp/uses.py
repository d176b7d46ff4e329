"""Finds where the layers of a spec are in the network: a block's layers once for each use of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..diagnostic import Position
from ..graph import Graph, Group
from ..language.spec import Spec
from ..language.steps import Step

_MOST = 20_000  # layers that are followed


class BlockUse(NamedTuple):
    """A use of a block in the network."""

    block: str
    path: str
    position: Position


class LayerUse(NamedTuple):
    """A layer as written, and what it is in the network.

    Attributes:
        step: the layer as written.
        path: its path in the network.
        group: its nodes: the first, the one after the last, and the result.
        copies: how many copies it has; None if it is not repeated.
        block: the block that it is written in, and which of its uses this is.
    """

    step: Step
    path: str
    group: Group
    copies: int | None
    block: tuple[str, int] | None


class Uses:
    """The layers of a network by where they are written, and the uses of each block.

    Attributes:
        blocks: the uses of each block, in the order of the network.
        layers: the layers, those of a block once for each of its uses.
    """

    def __init__(self, spec: Spec, graph: Graph):
        self.blocks: dict[str, list[BlockUse]] = {}
        self.layers: list[LayerUse] = []
        self._spec, self._groups = spec, graph.groups
        self._left = _MOST
        if graph.nodes:  # a network that passes a limit keeps none of them
            self._follow(spec.steps, "", None, is_first=True)

    def number_shown(self, block: str, chosen: Mapping[str, int]) -> int:
        """Return which use of a block is shown, from 0: the chosen one, while it is there."""
        number = chosen.get(block, 0)
        return number if number < len(self.blocks[block]) else 0

    def use_shown(self, block: str, chosen: Mapping[str, int]) -> BlockUse | None:
        """Return the use of a block that is shown; None if it is not used."""
        uses = self.blocks.get(block)
        return uses[self.number_shown(block, chosen)] if uses else None

    def shown(self, chosen: Mapping[str, int]) -> list[LayerUse]:
        """Return each layer once: those of a block in its chosen use, by default the first.

        Of the copies of what is repeated, the first is shown.
        """

        def is_shown(use: LayerUse) -> bool:
            if use.block is None:
                return True
            name, number = use.block
            return number == self.number_shown(name, chosen)

        return [use for use in self.layers if is_shown(use)]

    def _follow(
        self, steps: Sequence[Step], prefix: str, block: tuple[str, int] | None, is_first: bool
    ) -> None:
        """Follow a list of layers; only the layers of first copies are kept."""
        for step in steps:
            path = prefix + step.name
            group = self._groups.get(path)
            self._left -= 1
            if group is None or self._left < 0:
                continue
            copies = self._copies(path) if step.is_repeated else [path]
            if is_first:
                number = len(copies) if step.is_repeated else None
                self.layers.append(LayerUse(step, path, group, number, block))
            if group[0] == group[1]:
                continue  # `when` leaves it out
            for n, copy in enumerate(copies):
                self._inside(step, copy, block, is_first and n == 0)

    def _inside(self, step: Step, path: str, block: tuple[str, int] | None, is_first: bool) -> None:
        """Follow the layers inside one copy of a layer."""
        if step.kind == "chain":
            self._follow(step.layers or (), f"{path}.", block, is_first)
        elif step.kind == "block":
            uses = self.blocks.setdefault(step.key, [])
            uses.append(BlockUse(step.key, path, step.place))
            inside = (step.key, len(uses) - 1)
            self._follow(self._spec.blocks[step.key].layers, f"{path}.", inside, is_first=True)
        for branch in step.branches:
            if branch.layers:
                own = f"{path}.{branch.name}"
                copies = self._branch_copies(branch, own)
                for n, copy in enumerate(copies):
                    self._follow(branch.layers, f"{copy}.", block, is_first and n == 0)

    def _copies(self, path: str) -> list[str]:
        """Return the paths of the copies of a repeated layer that are there."""
        found: list[str] = []
        n = 0
        while (group := self._groups.get(f"{path}.{n}")) is not None:
            if group[1] > group[0]:
                found.append(f"{path}.{n}")
            n += 1
        return found

    def _branch_copies(self, branch: Step, path: str) -> list[str]:
        if not branch.is_repeated:
            return [path]
        first = branch.layers[0].name if branch.layers else ""
        found: list[str] = []
        misses = n = 0
        while misses < 2 and n < _MOST:  # a copy that `when` leaves out has no layers
            there = f"{path}.{n}.{first}" in self._groups
            misses = 0 if there else misses + 1
            if there:
                found.append(f"{path}.{n}")
            n += 1
        return found
