"""Finds the blocks that a network lacks: those of whose computations none is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence


class Scopes:
    """The blocks, chains and layers around the computations of a network, by their paths."""

    def __init__(self, paths: Iterable[str]):
        self._sizes = Counter(scope for path in paths for scope in _around(path))

    def cover(self, lost: Sequence[str]) -> list[str]:
        """Return the fewest blocks and layers that are lost altogether with these computations.

        A scope of a single computation is listed by the path of that.
        """
        gone = Counter(scope for path in lost for scope in _around(path))
        found: dict[str, None] = {}  # in order
        for path in lost:
            sizes = {scope: self._sizes[scope] for scope in _around(path)}
            whole = (scope for scope, n in sizes.items() if gone[scope] == n > 1)
            found.setdefault(next(whole, path))
        return list(found)


def _around(path: str) -> Iterator[str]:
    """Yield the paths of the scopes around a computation, outermost first, then its own."""
    parts = path.split(".")
    for n in range(1, len(parts) + 1):
        yield ".".join(parts[:n])
