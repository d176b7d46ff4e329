"""Places every tensor of an inference in one stretch of memory, as runtimes of microcontrollers do.

A tensor takes its bytes from the step that writes it to the last one that reads it; tensors that
are never there at once may share bytes. The largest is placed first, and each at the lowest offset
that is free for all its life.
Source: Pisarchyk and Lee 2020, Efficient memory management for deep neural net inference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...graph import Graph
from ...ops.shapes import values
from .executed import Needs
from .storage import storages

ALIGNMENT = 16  # bytes; every offset and size is a multiple of it


class Lifetime(NamedTuple):
    """A tensor: the layer that makes it, its bytes, and the first and last step it is needed at.

    A step is the number of the layer that runs.
    """

    layer: int
    size: int
    first: int
    last: int


class Placed(NamedTuple):
    """A tensor and where it begins in the arena, in bytes."""

    tensor: Lifetime
    offset: int

    @property
    def end(self) -> int:
        """The offset of the byte after it."""
        return self.offset + self.tensor.size


class Arena(NamedTuple):
    """The tensors by offset, and the bytes of all of them together.

    `bound` is the most bytes that tensors need at once, which no arena can go below; that is while
    the layer `busiest` runs.
    """

    placed: tuple[Placed, ...]
    size: int
    bound: int
    busiest: int

    @property
    def gaps(self) -> int:
        """Bytes above the bound: they lie between tensors."""
        return self.size - self.bound

    def at(self, step: int) -> list[Placed]:
        """The tensors that are in memory while a layer runs."""
        return [p for p in self.placed if p.tensor.first <= step <= p.tensor.last]


def lifetimes(graph: Graph, width: int = 1) -> list[Lifetime]:
    """Return the tensors of an inference with one image and `width` bytes per number.

    The inputs are there from the start, and may be overwritten after their last reader. Layers
    that run in place and views have no tensor of their own. Bytes are rounded up to 16.
    """
    homes = storages(graph)
    last = list(range(len(graph.nodes)))
    for n, node in enumerate(graph.nodes):
        for source in node.inputs:
            last[homes[source]] = n
        last[homes[n]] = max(last[homes[n]], n)
    for output in graph.outputs:
        last[homes[output]] = len(graph.nodes) - 1
    found = []
    for n, node in enumerate(graph.nodes):
        if homes[n] == n:
            first = n if node.op is not None else 0
            size = aligned(int(values(node.shape)) * node.width(width))
            found.append(Lifetime(n, size, first, last[n]))
    return found


def arena(tensors: Sequence[Lifetime]) -> Arena:
    """Place tensors, the largest first.

    Of equal ones, either the one that lives longest is first, or the one that is needed first;
    the smaller arena is returned.
    """
    orders = (sorted(tensors, key=key) for key in (_longest_first, _earliest_first))
    placed, size = min(map(_placed, orders), key=lambda found: found[1])
    bound, busiest = most_at_once(tensors)
    return Arena(
        placed=tuple(sorted(placed, key=lambda p: (p.offset, p.tensor.first))),
        size=size,
        bound=bound,
        busiest=busiest,
    )


def _longest_first(tensor: Lifetime) -> tuple[int, ...]:
    return -tensor.size, tensor.first - tensor.last, tensor.first


def _earliest_first(tensor: Lifetime) -> tuple[int, ...]:
    return -tensor.size, tensor.first, tensor.last


def _placed(tensors: Sequence[Lifetime]) -> tuple[list[Placed], int]:
    """Place tensors in the given order; return them, and the bytes of all together."""
    placed: list[Placed] = []
    present: dict[int, list[Placed]] = {}  # by step, the tensors that are needed at it
    for tensor in tensors:
        steps = range(tensor.first, tensor.last + 1)
        beside = {p for step in steps for p in present.get(step, ())}
        found = Placed(tensor, _offset(tensor.size, sorted(beside, key=lambda p: p.offset)))
        placed.append(found)
        for step in steps:
            present.setdefault(step, []).append(found)
    return placed, max((p.end for p in placed), default=0)


def _offset(size: int, beside: Sequence[Placed]) -> int:
    """The lowest offset at which so many bytes are free beside tensors, which come by offset."""
    offset = 0
    for other in beside:
        if offset + size <= other.offset:
            break
        offset = max(offset, other.end)
    return offset


def most_at_once(tensors: Sequence[Lifetime]) -> tuple[int, int]:
    """Return the most bytes that are needed at one step, and the first such step."""
    changes: dict[int, int] = {}
    for tensor in tensors:
        changes[tensor.first] = changes.get(tensor.first, 0) + tensor.size
        changes[tensor.last + 1] = changes.get(tensor.last + 1, 0) - tensor.size
    most = step = now = 0
    for at in sorted(changes):
        now += changes[at]
        if now > most:
            most, step = now, at
    return most, step


def aligned(size: int) -> int:
    """Round bytes up to the alignment.

    >>> aligned(1), aligned(16), aligned(17)
    (16, 16, 32)
    """
    return -(-size // ALIGNMENT) * ALIGNMENT


def in_arena(graph: Graph) -> Needs:
    """What each layer needs in an arena with int8, to find the best order for it."""
    output = [0] * len(graph.nodes)
    for tensor in lifetimes(graph):
        output[tensor.layer] = tensor.size
    return Needs(
        homes=storages(graph),
        output=output,
        left=[0] * len(graph.nodes),
        rise=output,
        peak=lambda graph: most_at_once(lifetimes(graph))[0],
    )
