"""What the channels of a layer see where they do not all see the same: a slice takes a branch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..num import Shape
from ..ops.base import ChannelReads, Reach, Taken
from ..window import Unknown
from .axis_fields import AxisFields
from .receptive_field import Seen

_BY_POSITION = Unknown("its positions read channels that see different things")
_SCATTERED = Unknown("a part of the channels is read, and they hold different positions")


class Channels(NamedTuple):
    """The channels of a layer: for each the number of what it sees, and all that they see.

    Channels are `scattered` where they hold different positions of what the layer sees: then it is
    known of all of them together only.
    """

    of_channel: tuple[int, ...]
    sights: tuple[Seen, ...]
    scattered: bool = False

    @staticmethod
    def alike(seen: Seen, count: int, scattered: bool = False) -> Channels:
        """Channels of which one thing is known."""
        return Channels((0,) * count, (seen,), scattered)

    @property
    def uniform(self) -> bool:
        """Whether all of them see the same, and the same positions."""
        return len(self.sights) == 1 and not self.scattered

    def taken(self, channels: Sequence[int]) -> tuple[int, ...]:
        """The numbers of what some of the channels see, in their order."""
        if isinstance(channels, range):
            return self.of_channel[channels.start : channels.stop : channels.step]
        return tuple([self.of_channel[channel] for channel in channels])


class Part(NamedTuple):
    """An input of a layer: the map on each of its axes, its shape, and what its channels see."""

    reaches: tuple[Reach, ...]
    x: Shape
    below: Channels


class LayerChannels:
    """What the channels of one layer see, of shape y.

    `parts` are the inputs by number, and `together` is what all channels of the inputs come to.
    """

    def __init__(self, fields: AxisFields, parts: dict[int, Part], y: Shape, together: Seen):
        self._fields = fields
        self._parts = parts
        self._y = y
        self._together = together
        self._sights: dict[tuple[object, ...], int] = {}
        self._numbers: dict[int, tuple[int, Seen]] = {}  # the same by identity, found faster
        self._seen: list[Seen] = []
        self._known: dict[tuple[int, int], Seen] = {}

    def reading(self, reads: ChannelReads) -> Channels:
        """What each channel sees, by the channels that it reads."""
        scattered = any(part.below.scattered for part in self._parts.values())
        if reads == "all":
            return Channels.alike(self._together, self._y[0])
        if reads == "scattered":
            several = any(len(part.below.sights) > 1 for part in self._parts.values())
            lost = scattered or several
            return self._scattered(self._given_up(self._together) if lost else self._together)
        if scattered and (reads == "each" or self._read_whole(reads)):
            return self._scattered(self._together)
        numbers = self._each() if reads == "each" else self._taken(reads)
        return Channels(tuple(numbers), tuple(self._seen))

    def _scattered(self, seen: Seen) -> Channels:
        return Channels.alike(seen, self._y[0], scattered=True)

    def _given_up(self, seen: Seen) -> Seen:
        """Where channels that see different things become positions, these do not see it all."""
        return unknown(seen, self._fields.give_up(_BY_POSITION))

    def _read_whole(self, reads: Sequence[Taken]) -> bool:
        """Whether every channel of every input is read."""
        return all(
            set(range(part.x[0]))
            <= {c for taken in reads if taken.input == m for c in taken.channels}
            for m, part in self._parts.items()
        )

    def _each(self) -> list[int]:
        """For each channel what it sees, that reads the same channel of every input.

        An input of one channel is read by all.
        """
        columns = []
        for part in self._parts.values():
            of_channel = part.below.of_channel
            columns.append(of_channel if len(of_channel) == self._y[0] else of_channel * self._y[0])
        keys = list(zip(*columns))
        numbers = {key: self._number(zip(self._parts, key)) for key in dict.fromkeys(keys)}
        return [numbers[key] for key in keys]

    def _taken(self, reads: Sequence[Taken]) -> list[int]:
        """For each channel what it sees, that reads some of the channels of an input."""
        found: list[int] = []
        numbers: dict[tuple[int, frozenset[int]], int] = {}
        for taken in reads:
            m, below = taken.input, self._parts[taken.input].below
            if below.scattered and len(taken.channels) < len(below.of_channel):
                seen = unknown(self._through(m, 0), self._fields.give_up(_SCATTERED))
                found += [self._number_of(seen)] * (taken.shared_by or len(taken.channels))
                continue
            sights = below.taken(taken.channels)
            if not taken.shared_by:
                own = {sight: self._number([(m, sight)]) for sight in set(sights)}
                found += [own[sight] for sight in sights]
                continue
            together = frozenset(sights)
            if (m, together) not in numbers:
                number = self._number((m, sight) for sight in together)
                if taken.by_position and len(together) > 1:
                    number = self._number_of(self._given_up(self._seen[number]))
                numbers[m, together] = number
            found += [numbers[m, together]] * taken.shared_by
        return found

    def _number(self, below: Iterable[tuple[int, int]]) -> int:
        """The number of what is seen of sights of the inputs together."""
        return self._number_of(self._fields.union([self._through(*one) for one in below], self._y))

    def _number_of(self, seen: Seen) -> int:
        known = self._numbers.get(id(seen))
        if known is not None:
            return known[0]
        number = self._sights.setdefault(tuple(seen.items()), len(self._seen))
        if number == len(self._seen):
            self._seen.append(seen)
        self._numbers[id(seen)] = number, seen
        return number

    def _through(self, m: int, sight: int) -> Seen:
        """What is seen of one sight of an input, through its maps."""
        key = m, sight
        if key not in self._known:
            reaches, x, below = self._parts[m]
            self._known[key] = self._fields.through(reaches, below.sights[sight], x, self._y)
        return self._known[key]


def unknown(seen: Seen, why: Unknown) -> Seen:
    """The same inputs and axes, none of them followed: one may be whole for some channels only."""
    return {origin: (why,) * len(axes) for origin, axes in seen.items()}
