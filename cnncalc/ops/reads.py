"""What operators read of their inputs: positions along each axis, and channels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Literal, NamedTuple

from ..num import Num
from ..window import IDENTITY, InARow, Map, Unknown

# How the output moves along an axis of an input: the axis of the output and its map; None if every
# position reads the whole axis; several axes that lie in a row; or why this is not followed.
Reach = tuple[int, Map] | InARow | Unknown | None
WHOLE: Reach = None
Windows = tuple[tuple[Reach, ...] | None, ...]  # per input; None: its values are not read


class Taken(NamedTuple):
    """Channels of one input, each of which is read by one channel of the output.

    With `shared_by`, that many channels of the output read all of them. With `by_position`, a
    channel of the output reads another one of them at another position.
    """

    input: int
    channels: Sequence[int]
    shared_by: int = 0
    by_position: bool = False


# What each channel of the output reads: the same channel of every input ("each"), all channels
# ("all"), channels each of which holds other positions ("scattered"), or those that are listed.
ChannelReads = Literal["each", "all", "scattered"] | Sequence[Taken]


class Slide(NamedTuple):
    """How a window slides along one axis: taps, step, padding before and after, spacing of taps.

    With `ceil`, a last window that is not full counts too.
    """

    kernel: int
    stride: int
    low: int
    high: int
    dilation: int
    ceil: bool = False

    @property
    def span(self) -> int:
        """Return the number of positions from the first tap to the last."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def passed_over(self) -> int:
        """Return how many positions may follow the last window without being lost.

        These are padding, or as many as lie between two windows.
        """
        return self.high + max(self.stride - self.span, 0)

    def rest(self, n: Num) -> Num:
        """Count the positions of an input of size n, and its padding, after the last window."""
        room = n + self.low + self.high - self.span
        return room - room // self.stride * self.stride


@cache
def in_place(axes: int) -> tuple[Reach, ...]:
    """Return that each position of so many axes reads its own position; always the same object."""
    return tuple([(axis, IDENTITY) for axis in range(axes)])


def along(axis: int, read: Map | Unknown) -> Reach:
    """Return an axis of the output and its map, or why there is no map."""
    return read if isinstance(read, Unknown) else (axis, read)


def by_groups(groups: int, n: int, out: int) -> ChannelReads:
    """Return what channels in equal groups read: each reads the inputs of its own group."""
    if groups == 1:
        return "all"
    if groups == n == out:
        return "each"
    read = n // groups
    return [Taken(0, range(g * read, (g + 1) * read), out // groups) for g in range(groups)]
