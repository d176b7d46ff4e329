"""Limits the size of a network and the work to expand it; real networks stay far below."""

from __future__ import annotations

from ..diagnostic import Diagnostic, Mistake
from ..num import Open, Shape

MAX_LAYERS = 20_000
_MAX_COPIES, _MAX_DEPTH, _MAX_PATH, _MAX_SIZE = 100_000, 100, 1000, 10**18
_MAX_WORK = 15_000_000  # tenths of a microsecond, about
_OF_A_VALUE, _OF_AN_INPUT = 4, 100  # work for a value in a scope, and for an input of a join
_CHECK_REPEATS = "check its repeats"


class Limits:
    """Counts the work to expand one network.

    Each method raises a Mistake with CNN004 where a limit is exceeded.
    """

    def __init__(self) -> None:
        self._copies = self._work = 0

    def copy(self, layers: int, values: int) -> None:
        """Count a copy of a layer, after this number of layers, in a scope with `values` values."""
        self._copies += 1
        self._work += _OF_A_VALUE * values
        if self._copies > _MAX_COPIES or layers > MAX_LAYERS:
            raise _exceeded(f"the network has more than {MAX_LAYERS:,} layers")
        if self._work > _MAX_WORK:
            raise _too_long()

    @property
    def spent(self) -> tuple[int, int]:
        """The copies and the work so far."""
        return self._copies, self._work

    def again(self, copies: int, work: int, layers: int, path: int) -> bool:
        """Count what was spent before, for the same again; return False if a limit would be met.

        Then there are `layers`, with paths of at most `path` characters.
        """
        copies += self._copies
        work += self._work
        if copies > _MAX_COPIES or work > _MAX_WORK or layers > MAX_LAYERS or path > _MAX_PATH:
            return False
        self._copies, self._work = copies, work
        return True

    def work(self, amount: int) -> None:
        """Count the evaluation of expressions."""
        self._work += amount
        if self._work > _MAX_WORK:
            raise _too_long()

    def scope(self, values: int) -> None:
        """Count a scope with this number of values."""
        self.work(_OF_A_VALUE * values)

    def join(self, inputs: int) -> None:
        """Count the inputs of a join."""
        self.work(_OF_AN_INPUT * inputs)

    @staticmethod
    def nesting(depth: int, prefix: str) -> None:
        """Check the depth of a scope, and the length of the prefix of its paths."""
        if depth > _MAX_DEPTH:
            raise _exceeded(f"blocks are nested more than {_MAX_DEPTH} levels deep", help=None)
        if len(prefix) > _MAX_PATH:
            raise _exceeded(f"a path has more than {_MAX_PATH:,} characters", "shorten its names")

    @staticmethod
    def shape(shape: Shape, path: str) -> Shape:
        """Check the sizes of the shape of a layer, and return it."""
        for n in shape:
            if (type(n) is int or not (isinstance(n, Open) and n.has_symbols)) and n > _MAX_SIZE:
                raise _exceeded(f"`{path}` would have an axis larger than 10¹⁸")
        return shape


def _too_long() -> Mistake:
    return _exceeded("the network takes too long to write out")


def _exceeded(message: str, help: str | None = _CHECK_REPEATS) -> Mistake:
    return Mistake(Diagnostic("CNN004", message, help=help))
