"""Chooses checkpoints: those that reach a limit and recompute the fewest MACs, or the lowest peak.

A network is cut where few values are alive. Each stretch between two cuts is a checkpoint or is
not. What earlier layers keep is all that matters about them for later ones, so of two ways to a
cut, one that keeps no less and recomputes no less is dropped. The peaks of this search leave out
some single tensors at cuts, so the timeline decides about the best choices.
Source: Chen, Xu, Zhang and Guestrin 2016, Training deep nets with sublinear memory cost; the
search itself is a shortest path with a resource.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

from ...graph import Graph
from .checkpoints import recomputed_macs
from .cuts import Cut, cuts
from .order import peak
from .passes import Passes
from .run import Run
from .stretch import Keys, Stretch, Stretches
from .timeline import Timeline

WAYS = 48  # ways to a cut that are followed
# Shares of the limit that the search aims at, because its own peaks are not exact.
AIMS = (1.03, 1.01, 1.0, 0.99, 0.97, 0.94, 0.9, 0.8)
MANY = 2000  # layers; of a network with more, fewer choices are tried


class Choice(NamedTuple):
    """Checkpoints: their layers, the peak of the run with them, and the MACs of the second runs."""

    segments: tuple[range, ...]
    peak: int
    macs: int


class _Way(NamedTuple):
    """A way to a cut: what its layers keep, its cost so far, and its last checkpoint, if any."""

    kept: int
    cost: int
    alive: Keys  # of what is alive at the cut, what is kept
    before: _Way | None = None
    segment: range | None = None

    def segments(self) -> Iterator[range]:
        """Its checkpoints, the last one first."""
        way: _Way | None = self
        while way is not None:
            if way.segment is not None:
                yield way.segment
            way = way.before


def checkpointed_graph(graph: Graph, segments: Sequence[range]) -> Graph:
    """Return the network with these checkpoints only."""
    found = graph.copy()
    found.checkpoints = list(segments)
    return found


def cheapest(graph: Graph, run: Run, limit: int) -> Choice:
    """Return the checkpoints with a peak of at most `limit` that recompute the fewest MACs.

    If none are needed, there are none. If none are enough, they are those with the lowest peak.
    """
    without = tried(graph, run, ())
    if without.peak <= limit:
        return without
    search = _Search(graph, run)
    few = len(graph.nodes) > MANY
    found: dict[tuple[range, ...], Choice] = {}
    for aim, split in product(AIMS[2:5:2] if few else AIMS, (True,) if few else (True, False)):
        way = search.best(round(limit * aim), split)
        if way is not None and way not in found:
            found[way] = tried(graph, run, way)
    fitting = [choice for choice in found.values() if choice.peak <= limit]
    if not fitting:
        fallback = tried(graph, run, search.best() or ())
        fitting = [min((without, fallback, *found.values()), key=lambda choice: choice.peak)]
    best = min(fitting, key=lambda choice: (choice.macs, choice.peak))
    return _reduced(graph, run, best, limit) if best.peak <= limit else best


def lowest(graph: Graph, run: Run) -> Choice:
    """Return the checkpoints with the lowest peak that is found."""
    search = _Search(graph, run)
    ways = {(), *(search.best(split=split) or () for split in (True, False))}
    return min(
        (tried(graph, run, way) for way in ways), key=lambda choice: (choice.peak, choice.macs)
    )


def tried(graph: Graph, run: Run, segments: tuple[range, ...]) -> Choice:
    """Return what the timeline says about checkpoints."""
    changed = checkpointed_graph(graph, segments)
    return Choice(
        segments=segments,
        peak=peak(Timeline(changed, run), run.batch),
        macs=int(recomputed_macs(changed, run.batch)),
    )


def _reduced(graph: Graph, run: Run, choice: Choice, limit: int) -> Choice:
    """Leave out each checkpoint that the limit does not need, the costliest first."""
    if len(graph.nodes) > MANY:
        return choice
    costs = {part: tried(graph, run, (part,)).macs for part in choice.segments}
    for part in sorted(choice.segments, key=lambda part: -costs[part]):
        fewer = tried(graph, run, tuple(other for other in choice.segments if other != part))
        if fewer.peak <= limit:
            choice = fewer
    return choice


class _Search:
    """The ways through the cuts of a network."""

    def __init__(self, graph: Graph, run: Run):
        bare = checkpointed_graph(graph, ())
        self.passes = Passes(bare, run)
        self.cuts = cuts(bare, self.passes.homes)
        self.parts = Stretches(self.passes)
        self.stretches = [list(self._ending_at(end)) for end in range(len(self.cuts))]

    def best(self, limit: int | None = None, split: bool = True) -> tuple[range, ...] | None:
        """Return the checkpoints that recompute the fewest MACs; None if the limit is too low.

        Without a limit, return those with the lowest peak. A checkpoint may begin with a layer that
        runs in place without it; that is the case in which the search is least exact. Without
        `split`, none does.
        """
        ways: list[list[_Way]] = [[_Way(0, 0, frozenset())]]
        for end in range(1, len(self.cuts)):
            reached = []
            for start, stretch in self.stretches[end]:
                if stretch.again and not split and stretch.layers.start in self.passes.moved:
                    continue
                for way in ways[start]:
                    longer = self._longer(way, self.cuts[start], stretch, self.cuts[end], limit)
                    if longer is not None:
                        reached.append(longer)
            ways.append(_pruned(reached))
        last, passes = self.cuts[-1], self.passes
        done = []
        for way in ways[-1]:
            alive = way.kept + self.parts.bytes(last.alive - way.alive)
            most = max(passes.outside, passes.loss - self.parts.alive(last) + alive)
            if limit is None:
                done.append((max(way.cost, most), way))
            elif most <= limit:
                done.append((way.cost, way))
        if not done:
            return None
        best = min(done, key=lambda found: found[0])[1]
        return tuple(best.segments())[::-1]

    def _longer(
        self, way: _Way, start: Cut, stretch: Stretch, end: Cut, limit: int | None
    ) -> _Way | None:
        """A way with one stretch more; None if its peak is above the limit."""
        new = self.parts.bytes(stretch.read - way.alive)
        forward = way.kept + self.parts.bytes(start.alive - way.alive) + stretch.forward
        most = max(forward, way.kept + new + stretch.backward)
        if limit is not None and most > limit:
            return None
        cost = max(way.cost, most) if limit is None else way.cost + stretch.macs
        return _Way(
            kept=way.kept + new + stretch.kept,
            cost=cost,
            alive=(way.alive | stretch.keys) & end.alive,
            before=way,
            segment=stretch.layers if stretch.again else None,
        )

    def _ending_at(self, end: int) -> Iterator[tuple[int, Stretch]]:
        """The stretches that end at a cut, with the cut that each begins at."""
        for start in range(end - 1, -1, -1):
            layers = range(self.cuts[start].at, self.cuts[end].at)
            if start == end - 1:
                yield start, self.parts.plain(layers, self.cuts[start], self.cuts[end])
            saving = [n for n in layers if self.passes.saving[n]]
            if layers.start >= self.cuts[end].first and saving:
                yield start, self.parts.again(layers, self.cuts[start], saving[-1])


def _pruned(ways: list[_Way]) -> list[_Way]:
    """Drop each way that keeps no less and costs no less than another; then keep an even choice."""
    by_alive: dict[Keys, list[_Way]] = {}
    for way in sorted(ways, key=lambda way: (way.kept, way.cost)):
        best = by_alive.setdefault(way.alive, [])
        if not best or way.cost < best[-1].cost:
            best.append(way)
    found = []
    for best in by_alive.values():
        step = max(1, -(-len(best) // WAYS))
        found += [*best[:-1:step], best[-1]]
    return found
