"""What the channels of a layer see where they do not all see the same: a slice takes a branch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby, repeat
from typing import NamedTuple

from ..num import Shape
from ..ops.base import ChannelReads, Reach, Taken
from ..window import Unknown
from .axis_fields import AxisFields
from .receptive_field import Seen

_BY_POSITION = Unknown("its positions read channels that see different things")
_SCATTERED = Unknown("a part of the channels is read, and they hold different positions")


class Run(NamedTuple):
    """Channels in a row that see the same: how many, and the number of what they see."""

    length: int
    sight: int


class Channels(NamedTuple):
    """The channels of a layer in order, and what each run of them sees.

    Channels are `scattered` where they hold different positions of what the layer sees: then it is
    known of all of them together only.
    """

    runs: tuple[Run, ...]
    sights: tuple[Seen, ...]
    scattered: bool = False

    @staticmethod
    def alike(seen: Seen, count: int, scattered: bool = False) -> Channels:
        """Channels of which one thing is known."""
        return Channels((Run(count, 0),), (seen,), scattered)

    def taken(self, channels: Sequence[int]) -> Channels:
        """Some of the channels, in their order."""
        if channels == range(sum(run.length for run in self.runs)):
            return self
        if self.scattered:
            return Channels.alike(unknown(self.sights[0], _SCATTERED), len(channels))
        of_channel = [*chain.from_iterable(repeat(run.sight, run.length) for run in self.runs)]
        return self._replace(runs=joined(Run(1, of_channel[channel]) for channel in channels))

    def seen(self) -> list[Seen]:
        """What the channels see, each thing once."""
        return [self.sights[sight] for sight in sorted({run.sight for run in self.runs})]


def joined(runs: Iterable[Run]) -> tuple[Run, ...]:
    """The same runs, neighbours that see the same made one."""
    groups = groupby(runs, key=lambda run: run.sight)
    return tuple([Run(sum(run.length for run in group), sight) for sight, group in groups])


def unknown(seen: Seen, why: Unknown) -> Seen:
    """The same inputs and axes, none of them followed but what is seen whole."""
    return {origin: tuple([axis and why for axis in axes]) for origin, axes in seen.items()}


def side_by_side(layers: Sequence[Channels], count: int) -> Iterator[tuple[int, list[Seen]]]:
    """How many channels in a row read the same of several layers, and what those see there.

    Each of `count` channels reads the same channel of every layer; one of a single channel is read
    by all.
    """
    left = [list(reversed(layer.runs)) for layer in layers]
    for runs in left:
        if len(runs) == 1:
            runs[0] = Run(count, runs[0].sight)
    while count:
        step = min(runs[-1].length for runs in left)
        yield step, [layer.sights[runs[-1].sight] for layer, runs in zip(layers, left)]
        count -= step
        for runs in left:
            run = runs.pop()
            if run.length > step:
                runs.append(Run(run.length - step, run.sight))


class Part(NamedTuple):
    """An input of a layer: the map on each of its axes, its shape, and what its channels see."""

    reaches: tuple[Reach, ...]
    x: Shape
    below: Channels


class LayerChannels:
    """What the channels of one layer see, of shape y. `parts` are its inputs by number."""

    def __init__(self, fields: AxisFields, parts: dict[int, Part], y: Shape):
        self._fields = fields
        self._parts = parts
        self._y = y
        self._known: dict[tuple[int, int], Seen] = {}

    def reading(self, reads: ChannelReads) -> Channels:
        """What each channel sees, by the channels that it reads."""
        if reads == "all" or reads == "scattered":
            return self._together(reads == "scattered")
        scattered = any(part.below.scattered for part in self._parts.values())
        if scattered and (reads == "each" or self._read_whole(reads)):
            return self._together(scattered)
        found = self._each() if reads == "each" else self._taken(reads)
        runs: list[Run] = []
        sights: list[Seen] = []
        for count, seen in found:
            if seen not in sights:
                sights.append(seen)
            runs.append(Run(count, sights.index(seen)))
        return Channels(joined(runs), tuple(sights))

    def _together(self, scattered: bool) -> Channels:
        """All channels see what all channels that are read see together.

        Where channels become positions, those do not see it all if the channels saw different
        things.
        """
        several = any(len(part.below.runs) > 1 for part in self._parts.values())
        seen = self._seen((m, one) for m, part in self._parts.items() for one in part.below.seen())
        if scattered and several:
            why = self._fields.give_up(_BY_POSITION)
            seen = unknown(seen, why)
        return Channels.alike(seen, self._y[0], scattered)

    def _read_whole(self, reads: Sequence[Taken]) -> bool:
        """Whether every channel of every input is read."""
        return all(
            set(range(part.x[0]))
            <= {c for taken in reads if taken.input == m for c in taken.channels}
            for m, part in self._parts.items()
        )

    def _each(self) -> Iterator[tuple[int, Seen]]:
        """Runs of channels that read the same channel of every input."""
        below = [part.below for part in self._parts.values()]
        for count, seen in side_by_side(below, self._y[0]):
            yield count, self._seen(zip(self._parts, seen))

    def _taken(self, reads: Sequence[Taken]) -> Iterator[tuple[int, Seen]]:
        """Runs of channels that read some of the channels of an input."""
        for taken in reads:
            m, below = taken.input, self._parts[taken.input].below.taken(taken.channels)
            if not taken.shared_by:
                for run in below.runs:
                    yield run.length, self._seen([(m, below.sights[run.sight])])
                continue
            seen = self._seen((m, one) for one in below.seen())
            if taken.by_position and len(below.runs) > 1:
                seen = unknown(seen, self._fields.give_up(_BY_POSITION))
            yield taken.shared_by, seen

    def _seen(self, below: Iterable[tuple[int, Seen]]) -> Seen:
        """What is seen of all these together, each through its input's maps."""
        found: list[Seen] = []
        for m, seen in below:
            key = m, id(seen)
            if key not in self._known:
                reaches, x, _ = self._parts[m]
                self._known[key] = self._fields.through(reaches, seen, x, self._y)
            found.append(self._known[key])
        return self._fields.union(found, self._y)
