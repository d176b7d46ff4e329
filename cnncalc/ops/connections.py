"""What a convolution by a table of connections holds in memory: it is one convolution per map.

Each map reads a copy of its channels, and all maps are joined at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..num import Num
from .kept import Extra, Moment, at_once


class Table(NamedTuple):
    """How many channels each map reads, and the values of the tensors that are made for it.

    `channel` counts those of one padded channel, `padded` those of all, `map` those of one map of
    the output and `kernel` those of one kernel; `bias` says whether each map has a bias.
    """

    counts: Sequence[int]
    channel: Num
    padded: Num
    map: Num
    kernel: Num
    bias: bool

    @property
    def joined(self) -> Num:
        """The values of all maps, of what they are joined to, and of that with the bias."""
        return (3 if self.bias else 2) * len(self.counts) * self.map

    def inference(self, copy: Num) -> Iterator[Moment]:
        """The moments of a run without gradients: the channels of two maps are there at once.

        `copy` counts the values of the input if that is a padded copy.
        """
        before = 0
        for n, count in enumerate(self.counts):
            read = (before + count) * self.channel
            index = Extra(count, "indices", once=True)
            yield from at_once(index, Extra(copy + read + n * self.map))
            before = count
        yield from at_once(Extra(copy + before * self.channel + self.joined))

    def backward(self) -> Iterator[Moment]:
        """The moments from the last map to the first: its convolution, its channels, its kernels.

        What the maps after it kept is free again, and the output's gradient once the first is done.
        """
        maps, kernels = len(self.counts), sum(self.counts) * self.kernel
        bias = maps if self.bias else 0
        there, weight, freed, numbers = 0, 0, 0, 0
        for n in reversed(range(maps)):
            read, own = self.counts[n] * self.channel, bias + self.counts[n] * self.kernel
            yield _moment(there + read - freed, own + weight, numbers)
            freed += read if n else read + maps * self.map
            yield _moment(there + read + self.padded - freed, own + weight, numbers)
            numbers += self.counts[n]
            yield _moment(self.padded - freed, own + weight + kernels, numbers)
            there, weight = self.padded, kernels


def _moment(values: Num, once: Num, freed: Num) -> Moment:
    """Values of each image and of the parameters, less the numbers of channels that are free."""
    return Moment((Extra(values), Extra(once, once=True), Extra(-freed, "indices", once=True)))
