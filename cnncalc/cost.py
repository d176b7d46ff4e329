"""The ledger: how many operations of each class a layer does."""

from __future__ import annotations

from typing import NamedTuple

from .num import Num


class Cost(NamedTuple):
    """Operations per image. `exp` is any transcendental: exp, log, tanh, erf, power, root.

    Only convolutions and linear layers have a `mac`; an addition that is not part of a
    multiply–accumulate (a bias, a sum of branches) is an `add`.
    """

    mac: Num = 0
    add: Num = 0
    mul: Num = 0
    div: Num = 0
    cmp: Num = 0
    exp: Num = 0

    def plus(self, other: Cost) -> Cost:
        """Return the sum of both, class by class."""
        return Cost(*(mine + theirs for mine, theirs in zip(self, other)))

    def times(self, n: Num) -> Cost:
        """Return n times each class."""
        return Cost(*[count * n for count in self])

    @property
    def flops(self) -> Num:
        """2·mac + every other operation."""
        return 2 * self.mac + self.add + self.mul + self.div + self.cmp + self.exp


CLASSES = Cost._fields
FREE = Cost()
