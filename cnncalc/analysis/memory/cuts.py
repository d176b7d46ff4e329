"""Finds where a network can be cut into checkpoints, and which values are alive at each cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...graph import Graph

ALIVE = 4  # values that may be alive at a cut
MOST = 64  # cuts of one network; of more, they are chosen evenly


class Cut(NamedTuple):
    """A place between two layers.

    Attributes:
        at: the number of the layer after it.
        alive: the nodes whose memory layers after it read, without the inputs of the network.
        first: the first layer that a checkpoint may begin with which ends here.
    """

    at: int
    alive: frozenset[int]
    first: int


def cuts(graph: Graph, homes: Sequence[int], most: int = MOST) -> list[Cut]:
    """Return the cuts at which few values are alive, in order, with both ends of the network.

    `homes` says in whose memory each value is. Where there are too many cuts, those with one value
    alive come first.
    """
    found = _all_cuts(graph, homes)
    if len(found) <= most:
        return found
    inner = found[1:-1]
    single = _thinned([cut for cut in inner if len(cut.alive) <= 1], most - 2)
    others = _thinned([cut for cut in inner if len(cut.alive) > 1], most - 2 - len(single))
    return sorted([found[0], *single, *others, found[-1]], key=lambda cut: cut.at)


def _thinned(found: list[Cut], most: int) -> list[Cut]:
    if len(found) <= most:
        return found
    return [found[k * len(found) // most] for k in range(most)]


def _all_cuts(graph: Graph, homes: Sequence[int]) -> list[Cut]:
    nodes = graph.nodes
    start = next((n for n, node in enumerate(nodes) if node.op is not None), len(nodes))
    last: dict[int, int] = {}  # for each value that is read, its last reader
    for n, node in enumerate(nodes):
        placed = node.op is not None and node.op.reads_places  # it reads its third input's size
        last |= dict.fromkeys(node.inputs[:2] if placed else node.inputs, n)
    last |= dict.fromkeys(graph.outputs, len(nodes))
    alive: set[int] = set()  # the values, which may be views of the same memory
    found = []
    for at in range(start, len(nodes) + 1):
        if at > start:
            alive.add(at - 1)
        alive = {m for m in alive if last.get(m, -1) >= at}
        memory = frozenset(homes[m] for m in alive if nodes[homes[m]].op is not None)
        if len(memory) <= ALIVE or at == len(nodes):
            # A checkpoint returns one value: not the places of a pool beside its output.
            apart = (m for m in alive if m != at - 1 or m in graph.places)
            first = max((m + 1 for m in apart), default=start)
            found.append(Cut(at, memory, first))
    return found
