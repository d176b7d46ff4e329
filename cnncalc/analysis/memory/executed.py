"""Follows the sets of layers that may have run, to find the order with the smallest peak.

What is in memory depends only on which layers have run, not on their order. So the smallest peak
with which a set of layers can run follows from the peaks of the sets that have one layer fewer. In
a chain there are few such sets. There are also few where branches start from one layer and end in
one layer. Each such stretch is solved on its own. Sets of nodes are ints, with a bit for each node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from ...graph import Graph


class Needs(NamedTuple):
    """The memory that each layer needs, in bytes, and the function that returns a graph's peak.

    `output` is what is there after a layer has run, 0 if it wrote over its input; for an input of
    the network it is what becomes free after its last reader. `left` stays to the end of the run.
    `rise` is the most that is there beside what was there before, while the layer runs. `homes`
    says in whose memory each value is.
    """

    homes: list[int]
    output: list[int]
    left: list[int]
    rise: list[int]
    peak: Callable[[Graph], int]


class Memory:
    """What each layer adds to the memory, and which layers must run before a value is freed."""

    def __init__(self, graph: Graph, needs: Needs):
        self.homes, self.output, self.rise = needs.homes, needs.output, needs.rise
        self.left = needs.left
        self.sources = [node.inputs for node in graph.nodes]
        self.readers = [0] * len(graph.nodes)
        self.next: list[list[int]] = [[] for _ in graph.nodes]  # the readers as numbers
        for n, sources in enumerate(self.sources):
            for source in dict.fromkeys(sources):
                self.readers[source] |= 1 << n
                self.next[source].append(n)
        for n in graph.outputs:
            self.readers[n] |= 1 << len(graph.nodes)  # the caller, who never is done
        self.inside: dict[int, list[int]] = {}  # the values in each piece of memory
        for n, home in enumerate(self.homes):
            self.inside.setdefault(home, []).append(n)

    def is_ready(self, n: int, done: int) -> bool:
        """Whether all that a layer reads has been computed."""
        return all(done >> source & 1 for source in self.sources[n])

    def freed(self, n: int, done: int) -> int:
        """Bytes that become free when layer n has run, the last one of those that are done."""
        total = 0
        for home in {self.homes[m] for m in (n, *self.sources[n])}:
            alive = (done >> v & 1 and self.readers[v] & ~done for v in self.inside[home])
            if not any(alive):
                total += self.output[home]
        return total


class _Reached(NamedTuple):
    """The best way to have run a set of layers; bytes are those beyond the set before all."""

    ready: tuple[int, ...]  # the layers that may run next
    peak: int = 0
    live: int = 0  # what is in memory after it
    layer: int = -1  # the last layer

    def then(self, memory: Memory, n: int, done: int) -> _Reached:
        """Run layer n too, the last one of those that are done."""
        others = (m for m in self.ready if m != n)
        return _Reached(
            ready=(*others, *(m for m in memory.next[n] if memory.is_ready(m, done))),
            peak=max(self.peak, self.live + memory.rise[n]),
            live=self.live + memory.output[n] + memory.left[n] - memory.freed(n, done),
            layer=n,
        )


def bits(nodes: Iterable[int]) -> int:
    """A set as an int."""
    return sum(1 << n for n in nodes)


def stretches(graph: Graph) -> Iterator[list[int]]:
    """Cut the layers where every order must pass: all that follow need all that came before."""
    layers = [n for n, node in enumerate(graph.nodes) if node.op is not None]
    needed = [0] * len(graph.nodes)  # the layers that each node is computed from
    for n in layers:
        for source in graph.nodes[n].inputs:
            needed[n] |= needed[source]
            if graph.nodes[source].op is not None:
                needed[n] |= 1 << source
    before = bits(layers)
    common = before
    stretch: list[int] = []
    found: list[list[int]] = []
    for n in reversed(layers):
        before ^= 1 << n
        common &= needed[n]
        stretch.append(n)
        if common == before:
            found.append(stretch[::-1])
            stretch = []
    yield from reversed(found)


def solved(memory: Memory, done: int, stretch: list[int], width: int) -> list[int] | None:
    """Return the order of a stretch with the smallest peak; None if it has too many sets.

    Too many are more than `width` of one size.
    """
    start = _Reached(tuple(n for n in stretch if memory.is_ready(n, done)))
    written, executed = start, done
    for n in stretch:
        executed |= 1 << n
        written = written.then(memory, n, executed)
    levels = [{done: start}]
    for _ in stretch:
        level: dict[int, _Reached] = {}
        for executed, reached in levels[-1].items():
            for way in _ways(memory, executed, reached):
                after = executed | 1 << way.layer
                if way.peak < written.peak and (after not in level or way.peak < level[after].peak):
                    level[after] = way
        if not level:
            return stretch
        if len(level) > width:
            return None
        levels.append(level)
    order: list[int] = []
    executed = done | bits(stretch)
    for level in reversed(levels[1:]):
        order.append(level[executed].layer)
        executed ^= 1 << order[-1]
    return order[::-1]


def _ways(memory: Memory, executed: int, reached: _Reached) -> list[_Reached]:
    """Run each layer that may be next.

    If a layer does not raise the peak, and after it no more is in memory than before, it is enough
    to try that layer: nothing is gained if it runs later.
    """
    found = []
    for n in reached.ready:
        way = reached.then(memory, n, executed | 1 << n)
        if way.peak == reached.peak and way.live <= reached.live:
            return [way]
        found.append(way)
    return found
