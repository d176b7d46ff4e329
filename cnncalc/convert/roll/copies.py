"""Finds copies of one part of which all results are joined, as in a DenseNet or a CSP stage.

They are written once, with `repeat`, and what joins them names them all: `unit.*`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ...graph import Graph
from .tree import Scope

_FEWEST_GROWING = 3
_FEWEST = 2


class Copies(Scope):
    """Copies of one part, one after the other. Its children are those of all of them.

    If they grow, each begins with a concatenation of what all copies before it return.
    """

    __slots__ = ("grows", "parts", "results")
    is_row = True

    def __init__(self, scope: Scope, row: _Row, parts: list[list[Scope | int]]):
        super().__init__(f"{scope.path}.copies".removeprefix("."), row.start)
        self.end = row.nodes.stop
        self.children = [child for part in parts for child in part]
        self.inlined = True
        self.grows = row.grows
        self.results = row.results  # the last node of each copy
        self.parts = parts


class _Row(NamedTuple):
    start: int
    length: int  # of each copy, in nodes
    copies: int
    grows: bool

    @property
    def nodes(self) -> range:
        return range(self.start, self.start + self.length * self.copies)

    @property
    def results(self) -> tuple[int, ...]:
        return tuple(self.nodes[self.length - 1 :: self.length])


def find_copies(root: Scope, graph: Graph, readers: Sequence[Sequence[int]]) -> None:
    """Put copies whose results are all joined into one child of the scope around them."""
    for row in _rows(graph, root.start):
        if _is_read_as_one(graph, row, readers):
            _wrap(root, row)


def _rows(graph: Graph, first: int) -> Iterator[_Row]:
    """Yield the rows of equal stretches of nodes, those that grow before others."""
    found: list[_Row] = []
    for n in range(first, len(graph.nodes)):
        op = graph.nodes[n].op
        if op is not None and op.key == "concat":
            found += _joined_by(graph, n, first)
    taken: set[int] = set()
    for row in sorted(found, key=lambda row: (not row.grows, -row.copies * row.length)):
        if taken.isdisjoint(row.nodes):
            taken.update(row.nodes)
            yield row


def _joined_by(graph: Graph, n: int, first: int) -> Iterator[_Row]:
    """Yield the rows of which a concatenation joins all results."""
    inputs = graph.nodes[n].inputs
    start = 0
    while start < len(inputs) - 1:
        length = inputs[start + 1] - inputs[start]
        if length <= 0:
            start += 1
            continue
        stop = start + 2
        while stop < len(inputs) and inputs[stop] - inputs[stop - 1] == length:
            stop += 1
        for begin in (start, start + 1):
            row = _Row(inputs[begin] - length + 1, length, stop - begin, False)
            if row.start < first or row.copies < _FEWEST:
                continue
            if row.copies >= _FEWEST_GROWING and _grows(graph, n, begin, row):
                row = row._replace(grows=True)
            if _are_equal(graph, row):
                yield row
                break
        start = stop - 1


def _grows(graph: Graph, n: int, begin: int, row: _Row) -> bool:
    """Return whether copies begin with concatenations of all before; the first is input `begin`."""
    inputs, op = graph.nodes[n].inputs, graph.nodes[n].op
    for k, start in enumerate(row.nodes[:: row.length]):
        node = graph.nodes[start]
        if node.op != op or node.inputs != inputs[: begin + k]:
            return False
    return begin > 0


def _are_equal(graph: Graph, row: _Row) -> bool:
    """Return whether all copies compute the same: from the one before, or from all before."""
    nodes = graph.nodes
    for copy in range(1, row.copies):
        moved = copy * row.length
        for n in range(row.start, row.start + row.length):
            one, other = nodes[n], nodes[n + moved]
            if one.op != other.op or one.frozen != other.frozen:
                return False
            if one.shares is not None or other.shares is not None:
                return False
            if n == row.start and row.grows:
                continue
            before = row.start + moved - 1
            wanted = [m + moved if m >= row.start else before for m in one.inputs]
            if [*other.inputs] != wanted:
                return False
    entries = {m for k in range(row.length) for m in nodes[row.start + k].inputs if m < row.start}
    return row.grows or len(entries) == 1


def _is_read_as_one(graph: Graph, row: _Row, readers: Sequence[Sequence[int]]) -> bool:
    """Return whether what is outside reads all results, in order, and nothing else of the row."""
    nodes = graph.nodes
    for n in row.nodes:
        outside = [m for m in readers[n] if m not in row.nodes]
        if outside and n not in row.results:
            return False
        for m in outside:
            op = nodes[m].op if m < len(nodes) else None
            joins = op is not None and op.key == "concat"
            if not joins or places_of(row.results, nodes[m].inputs) is None:
                return False
    if any(node.shares in row.nodes for node in nodes):
        return False
    return all(c.stop <= row.start or row.nodes.stop <= c.start for c in graph.checkpoints)


def places_of(results: tuple[int, ...], inputs: tuple[int, ...]) -> range | None:
    """Return where the results are among some inputs, one after the other and each once."""
    if results[0] not in inputs:
        return None
    start = inputs.index(results[0])
    found = range(start, start + len(results))
    others = {*inputs[:start], *inputs[found.stop :]}
    if inputs[start : found.stop] != results or not others.isdisjoint(results):
        return None
    return found


def _wrap(scope: Scope, row: _Row) -> None:
    """Put the copies into one child, if they are whole children of a scope."""
    inside: list[Scope | int] = []
    for child in scope.children:
        start, end = _ends(child)
        if start <= row.start and row.nodes.stop <= end and isinstance(child, Scope):
            _wrap(child, row)
            return
        if start < row.nodes.stop and row.start < end:
            inside.append(child)
    parts: list[list[Scope | int]] = [[] for _ in range(row.copies)]
    for child in inside:
        start, end = _ends(child)
        copy = (start - row.start) // row.length
        last = row.start + (copy + 1) * row.length
        if start < row.start or end > last or isinstance(child, Copies):
            return
        is_copy = (start, end) == (last - row.length, last)
        if row.grows and is_copy and isinstance(child, Scope) and not child.forced:
            parts[copy] += child.children
        else:
            parts[copy].append(child)
    if all(parts):
        at = scope.number_at(row.start)
        scope.children[at : at + len(inside)] = [Copies(scope, row, parts)]


def _ends(child: Scope | int) -> tuple[int, int]:
    return (child.start, child.end) if isinstance(child, Scope) else (child, child + 1)
