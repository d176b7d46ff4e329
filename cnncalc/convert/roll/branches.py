"""Finds the joins of a list whose branches can be written inside them."""

from __future__ import annotations

from typing import NamedTuple

from .parts import Block, Source


class Joined(NamedTuple):
    """A join with its branches: what all of them start from, and the items of each."""

    entry: Source
    chains: list[list[int]]

    @property
    def inside(self) -> list[int]:
        """The items of all branches."""
        return [n for chain in self.chains for n in chain]


class Branches:
    """The branches of the joins in the items of one block; each is searched for once."""

    def __init__(self, block: Block, outputs: frozenset[int] = frozenset()):
        self._items = block.items
        self._optional = block.optional
        self._known: dict[int, Joined | None] = {}
        self._skips: set[int] = set()  # concatenations that name what they join
        self.readers: dict[Source, list[int]] = {}  # those that share weights included
        for n, item in enumerate(block.items):
            for source in (*item.sources, item.words.share):
                if source is not None:
                    self.readers.setdefault(source, []).append(n)
        kept = {len(block.items) - 1, *(n for n, i in enumerate(block.items) if i.node in outputs)}
        for n in kept:
            self.readers.setdefault(n, []).append(len(block.items))
        for n, item in enumerate(block.items):  # inner ones first, so that none waits for many
            if item.join:
                self.of(n)

    def of(self, join: int) -> Joined | None:
        """Return a join with its branches, or None if it has to name what it joins."""
        if join not in self._known:
            self._known[join] = self._found(join)
        return self._known[join]

    def _found(self, join: int) -> Joined | None:
        item = self._items[join]
        if not item.join or join in self._optional or len(item.sources) == 1:
            return None
        if item.grows or item.starred:
            return None
        pairs = [self._chain(source) for source in item.sources]
        chains = [chain for chain, _ in pairs]
        roots = [root for _, root in pairs]
        inside = [n for chain in chains for n in chain]
        if inside != list(range(join - len(inside), join)):
            return None
        for chain in chains:
            readers = {m for n in chain for m in self.readers.get(n, ())}
            if not readers <= {*chain, join}:
                return None
        if item.key == "concat" and not all(chains):
            # The skips of a U-Net would be inside each other: their names are easier to read.
            nested = [n for n in inside if self._keeps_input(n)]
            if nested or not self._skips.isdisjoint(roots):
                self._known.update(dict.fromkeys(nested))
                self._skips.update(nested, [join])
                return None
        entries = {root for chain, root in pairs if not chain}
        if len(entries) > 1:
            return None
        entry = entries.pop() if entries else max(roots, key=lambda root: (roots.count(root), root))
        return Joined(entry, chains)

    def _keeps_input(self, n: int) -> bool:
        """Return whether an item is a concatenation of its input and more."""
        joined = self._known.get(n)
        is_concat = self._items[n].key == "concat"
        return is_concat and joined is not None and not all(joined.chains)

    def _chain(self, source: Source) -> tuple[list[int], Source]:
        """Return the items that lead only to a value, in order, and what they start from."""
        chain: list[int] = []
        while source >= 0 and len(self.readers[source]) == 1:
            item = self._items[source]
            if item.join:
                joined = self.of(source)
                if joined is None:
                    break
                chain = [*joined.inside, source, *chain]
                source = joined.entry
            else:
                chain = [source, *chain]
                source = item.sources[0]
        return chain, source
