"""The ledger: how many operations of each class a layer performs."""

from __future__ import annotations

from typing import NamedTuple

from .num import Num


class Cost(NamedTuple):
    """Numbers of operations, for one image.

    Attributes:
        mac: multiply–accumulates of convolutions and linear layers.
        add: additions that are not part of a multiply–accumulate, such as biases and sums of
            branches; subtractions too.
        mul: multiplications that are not part of one.
        div: divisions.
        cmp: comparisons.
        exp: transcendental functions: exp, log, tanh, erf, powers and roots.
    """

    mac: Num = 0
    add: Num = 0
    mul: Num = 0
    div: Num = 0
    cmp: Num = 0
    exp: Num = 0

    def plus(self, other: Cost) -> Cost:
        """Return the sum of both, class by class.

        Accepts:
            other: the other numbers of operations.
        """
        return Cost(*(mine + theirs for mine, theirs in zip(self, other)))

    def times(self, n: Num) -> Cost:
        """Return n times each class.

        Accepts:
            n: the factor, such as a number of images.
        """
        return Cost(*[count * n for count in self])

    @property
    def flops(self) -> Num:
        """2·mac plus every other operation."""
        return 2 * self.mac + self.add + self.mul + self.div + self.cmp + self.exp


CLASSES = Cost._fields
FREE = Cost()
