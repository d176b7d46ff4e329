"""Finds scopes in a graph whose paths have none: joins with their branches, and repeated rows.

Short rows of layers come first, such as a convolution with its norm; then joins with all that leads
to them from one value; then rows of both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from ...graph import Graph
from ...ops import BY_KEY
from ...ops.activation import Activation
from ...ops.norm import Norm
from ...ops.weighted import Weighted
from .scopes import is_closed
from .tree import Scope

_LONGEST_ROW, _LONGEST_REGION = 6, 80
_SHORT_ROW = 4  # of layers alone
_ROUNDS = 4
_LEAST_SAVED = 1  # lines


class _Row(NamedTuple):
    """Children of a scope, one after the other."""

    scope: Scope
    start: int
    end: int


class _Symbol(NamedTuple):
    """Equal neighbours among the children of a scope, which count as one."""

    key: Hashable
    start: int
    end: int


def _is_one_layer(word: Sequence[Hashable]) -> bool:
    """Return whether a row is a layer with filters, with norms and activations on one side."""
    ops = [BY_KEY[str(key)] for key in word]
    weighted = [issubclass(op, Weighted) for op in ops]
    others = all(issubclass(op, (Weighted, Norm, Activation)) for op in ops)
    return others and sum(weighted) == 1 and (weighted[0] or weighted[-1])


def _is_join(key: Hashable) -> bool:
    """Return whether a key is that of a layer that joins branches."""
    return key in BY_KEY and BY_KEY[str(key)].joins()


def _is_inside_any(nodes: range, regions: Sequence[range]) -> bool:
    return any(r.start <= nodes.start and nodes.stop <= r.stop for r in regions)


def _is_whole(row: _Row) -> bool:
    """Return whether a row is all that its scope has."""
    return len(row.scope.children) == row.end - row.start


class Unnamed:
    """Puts scopes into a root that has only layers."""

    def __init__(self, root: Scope, graph: Graph, readers: Sequence[Sequence[int]]):
        self._root = root
        self._graph = graph
        self._readers = readers
        self._keys: dict[int, Hashable] = {}
        self._count = 0
        self._closed: set[int] = set()  # scopes that stay as they are

    def find_layers(self) -> None:
        """Find layers with filters that are followed or preceded by a norm and an activation."""
        for _ in range(_ROUNDS):
            if not self._wrap_rows(_SHORT_ROW, layers_only=True):
                break

    def find(self) -> None:
        """Find scopes where there are none."""
        self.find_layers()
        self._wrap_joins()
        for _ in range(_ROUNDS):
            if not self._wrap_rows(_LONGEST_ROW):
                break

    def _key(self, child: Scope | int) -> Hashable:
        """Return what is alike in scopes that may be one block: what they end in, and with what."""
        if not isinstance(child, Scope):
            op = self._graph.nodes[child].op
            return op.key if op is not None else ""
        if id(child) not in self._keys:
            inner = [self._key(c) for c in child.children]
            joins = [key for key in inner if _is_join(key)]
            self._keys[id(child)] = ("join", *joins[-1:]) if joins else tuple(inner)
        return self._keys[id(child)]

    def _lists(self, scope: Scope) -> Iterator[Scope]:
        """Yield the scopes in which rows are looked for."""
        yield scope
        for child in scope.children:
            if isinstance(child, Scope) and id(child) not in self._closed:
                yield from self._lists(child)

    def _made(self, around: Scope, children: list[Scope | int]) -> Scope:
        first, last = children[0], children[-1]
        start = first.start if isinstance(first, Scope) else first
        scope = Scope(f"{around.path}.part.{self._count}".removeprefix("."), start)
        self._count += 1
        scope.end = last.end if isinstance(last, Scope) else last + 1
        scope.children = children
        return scope

    # --- rows
    def _wrap_rows(self, longest: int, layers_only: bool = False) -> bool:
        """Make scopes of the row that saves most lines; return whether there was one."""
        found: dict[tuple[Hashable, ...], list[_Row]] = {}
        for scope in self._lists(self._root):
            for stretch in self._stretches(scope, layers_only):
                # A row that begins with a join would need the names of what it joins.
                begins = int(bool(stretch) and self._joins(scope.children[stretch[0].start]))
                for length in range(2, min(longest, len(stretch)) + 1):
                    for k in range(begins, len(stretch) - length + 1):
                        symbols = stretch[k : k + length]
                        row = _Row(scope, symbols[0].start, symbols[-1].end)
                        word = tuple(symbol.key for symbol in symbols)
                        if layers_only and not _is_one_layer(word):
                            continue
                        rows = found.setdefault(word, [])
                        overlaps = rows and rows[-1].scope is scope and rows[-1].end > row.start
                        if not overlaps:
                            rows.append(row)
        best = max(found, key=lambda word: self._saved(word, found[word]), default=None)
        if best is None or self._saved(best, found[best]) < _LEAST_SAVED:
            return False
        for row in reversed(found[best]):
            if _is_whole(row):
                continue
            children = row.scope.children[row.start : row.end]
            made = self._made(row.scope, children)
            row.scope.children[row.start : row.end] = [made]
            self._closed.add(id(made))
        return True

    def _saved(self, word: tuple[Hashable, ...], rows: list[_Row]) -> int:
        """Count the lines that a block for a row saves; scopes of one kind are written once."""
        written: dict[Hashable, dict[int, int]] = {}
        for row in rows:
            key = "" if row.scope is self._root else self._key(row.scope)
            counts = written.setdefault(key, {})
            counts[id(row.scope)] = counts.get(id(row.scope), 0) + 1
        count = sum(max(counts.values()) for counts in written.values())
        if count < 2 or all(map(_is_whole, rows)):
            return 0
        return (count - 1) * (len(word) - 1) - 3

    def _stretches(self, scope: Scope, layers_only: bool) -> Iterator[list[_Symbol]]:
        """Yield the children that read one another and no more, equal neighbours as one."""
        stretch: list[_Symbol] = []
        before: Scope | int | None = None
        for n, child in enumerate(scope.children):
            if layers_only and isinstance(child, Scope):
                yield stretch
                stretch, before = [], None
                continue
            key = self._key(child)
            if before is None or not self._follows(before, child):
                yield stretch
                stretch = [_Symbol(key, n, n + 1)]
            elif not layers_only and stretch[-1].key == key and isinstance(child, Scope):
                stretch[-1] = stretch[-1]._replace(end=n + 1)
            else:
                stretch.append(_Symbol(key, n, n + 1))
            before = child
        yield stretch

    def _joins(self, child: Scope | int) -> bool:
        """Return whether a child is a layer that reads several others."""
        return isinstance(child, int) and len(self._graph.nodes[child].inputs) > 1

    def _follows(self, before: Scope | int, child: Scope | int) -> bool:
        """Return whether a child reads only the one before it, which nothing else reads."""
        if self._joins(child):
            return False
        last = before.end - 1 if isinstance(before, Scope) else before
        nodes = child.nodes if isinstance(child, Scope) else range(child, child + 1)
        if any(m not in nodes for m in self._readers[last]):
            return False
        read = {m for n in nodes for m in self._graph.nodes[n].inputs if m not in nodes}
        return read == {last}

    # --- joins
    def _wrap_joins(self) -> None:
        """Make scopes of the joins and all that leads to them from one value.

        Where all that leads to several joins from two values is alike, it is wrapped too, unless
        it is a part of such scopes that are alike.
        """
        of_one, of_two = self._regions(self._region), self._regions(self._region_of_two)
        for region in sorted(chain.from_iterable(of_one), key=lambda region: region.stop):
            self._wrap(self._root, region)
        around = [region for regions in of_one if len(regions) > 1 for region in regions]
        for regions in of_two:
            others = [region for region in regions if not _is_inside_any(region, around)]
            if len(others) > 1:
                for region in others:
                    self._wrap(self._root, region)

    def _regions(self, region_of: Callable[[int], range | None]) -> list[list[range]]:
        """Return the regions of all joins, in groups that are alike."""
        found: dict[tuple[Hashable, ...], list[range]] = {}
        for n in range(self._root.start, self._root.end):
            op = self._graph.nodes[n].op
            region = region_of(n) if op is not None and op.joins() else None
            if region is not None:
                found.setdefault(tuple(map(self._key, region)), []).append(region)
        return [*found.values()]

    def _region(self, join: int) -> range | None:
        """Return the nodes up to a join that read one value before them, or None."""
        nodes = self._graph.nodes
        read = set(nodes[join].inputs)
        start = join
        while len(read) > 1 and start > max(self._root.start, join - _LONGEST_REGION):
            start -= 1
            read.discard(start)
            read.update(m for m in nodes[start].inputs)
            read = {m for m in read if m < start}
        region = range(start, join + 1)
        if len(read) != 1 or len(region) < 2 or not is_closed(region, self._readers):
            return None
        return range(start, self._with_activation(join) + 1)

    def _region_of_two(self, join: int) -> range | None:
        """Return the nodes up to a join that read two values before them, or None.

        Both are read more than once, so that no branch of the join could begin earlier.
        """
        nodes = self._graph.nodes
        times = Counter(nodes[join].inputs)
        for start in range(join - 1, max(self._root.start, join - _LONGEST_REGION) - 1, -1):
            del times[start]
            times.update(nodes[start].inputs)
            if len(times) == 1:
                return None
            if len(times) == 2 and min(times.values()) > 1:
                region = range(start, join + 1)
                closed = is_closed(region, self._readers)
                return range(start, self._with_activation(join) + 1) if closed else None
        return None

    def _with_activation(self, n: int) -> int:
        """Return the activation that alone reads a node; without one, the node itself."""
        readers = self._readers[n]
        if readers == [n + 1] and n + 1 < self._root.end:
            op = self._graph.nodes[n + 1].op
            if isinstance(op, Activation) and not op.key.endswith("sigmoid"):
                return n + 1
        return n

    def _wrap(self, scope: Scope, region: range) -> None:
        """Make a scope of the children that are a region, if it cuts none."""
        first, last = scope.number_at(region.start), scope.number_at(region.stop - 1)
        child, end = scope.children[first], scope.children[last]
        if first == last and isinstance(child, Scope):
            self._wrap(child, region)
            return
        starts = child.start if isinstance(child, Scope) else child
        stops = end.end if isinstance(end, Scope) else end + 1
        whole = last - first + 1 == len(scope.children)
        if first < last and not whole and range(starts, stops) == region:
            children = scope.children[first : last + 1]
            scope.children[first : last + 1] = [self._made(scope, children)]
