"""Follows what each channel of a layer sees if they see different things, as after a slice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Literal, NamedTuple

from ..num import Shape
from ..ops.reads import Reach, Taken
from ..window import Unknown
from .axis_fields import AxisFields
from .borders import Reading
from .channels import SCATTERED, Channels, unknown
from .receptive_field import Seen

_BY_POSITION = Unknown("its positions read channels that see different things")

_MOST_SIGHTS = 256  # of a layer; with more, only what all channels see together is known


class Part(NamedTuple):
    """An input of a layer: the map on each of its axes, its shape, and its channels."""

    reaches: tuple[Reach, ...]
    x: Shape
    below: Channels


class LayerChannels:
    """Composes what the channels of one layer with shape y see.

    `parts` are the inputs by number. `together` is what the layer sees through all their channels.
    """

    def __init__(self, fields: AxisFields, parts: dict[int, Part], y: Shape, together: Seen):
        self._fields = fields
        self._parts = parts
        self._y = y
        self._together = together
        self._sights: dict[tuple[object, ...], int] = {}
        self._numbers: dict[  # the same by identity, which is faster
            tuple[object, ...], tuple[int, Seen]
        ] = {}
        self._seen: list[Seen] = []
        self._known: dict[tuple[int, int], Seen] = {}

    def reading(self, reads: Literal["each", "scattered"] | Sequence[Taken]) -> Channels:
        """Return what each channel sees, from the channels that it reads if these are not all."""
        scattered = any(part.below.scattered for part in self._parts.values())
        if reads == "scattered":
            several = any(len(part.below.sights) > 1 for part in self._parts.values())
            lost = scattered or several
            return self._scattered(self._given_up(self._together) if lost else self._together)
        if scattered and reads != "each" and any(taken.by_position for taken in reads):
            return self._scattered(self._given_up(self._together))
        if scattered and (reads == "each" or self._read_whole(reads)):
            return self._scattered(self._together)
        numbers = self._each() if reads == "each" else self._taken(reads)
        if len(self._seen) > _MOST_SIGHTS:
            return self._scattered(self._together)
        return Channels(tuple(numbers), tuple(self._seen))

    def _scattered(self, seen: Seen) -> Channels:
        return Channels.alike(seen, self._y[0], scattered=True)

    def _given_up(self, seen: Seen) -> Seen:
        """Return it as unknown: channels that see different things become positions."""
        return unknown(seen, self._fields.give_up(_BY_POSITION))

    def _read_whole(self, reads: Sequence[Taken]) -> bool:
        """Return whether every channel of every input is read."""
        return all(
            set(range(part.x[0]))
            <= {c for taken in reads if taken.input == m for c in taken.channels}
            for m, part in self._parts.items()
        )

    def _each(self) -> list[int]:
        """Return the sights of channels that each read the same channel of every input.

        All of them read an input that has one channel.
        """
        columns = []
        for part in self._parts.values():
            of_channel = part.below.of_channel
            columns.append(of_channel if len(of_channel) == self._y[0] else of_channel * self._y[0])
        numbers = {key: self._number(zip(self._parts, key)) for key in dict.fromkeys(zip(*columns))}
        return [*map(numbers.__getitem__, zip(*columns))]

    def _taken(self, reads: Sequence[Taken]) -> list[int]:
        """Return the sights of channels that read only some channels of an input."""
        found: list[int] = []
        numbers: dict[tuple[int, frozenset[int]], int] = {}
        for taken in reads:
            m, below = taken.input, self._parts[taken.input].below
            if below.scattered and len(taken.channels) < len(below.of_channel):
                seen = unknown(self._through(m, 0), self._fields.give_up(SCATTERED))
                found += [self._number_of(seen)] * (taken.shared_by or len(taken.channels))
                continue
            sights = below.taken(taken.channels)
            if not taken.shared_by:
                own = {sight: self._number([(m, sight)]) for sight in set(sights)}
                found += map(own.__getitem__, sights)
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
        """Return the number of what is seen through several sights of inputs together."""
        sights = tuple(below)
        through = [self._through(*one) for one in sights]
        self._fields.readings = partial(self._readings, sights)
        seen = self._fields.union(through, self._y)
        return self._number_of(seen, () if _is_exact(seen) else tuple(map(id, through)))

    def _number_of(self, seen: Seen, parts: tuple[int, ...] = ()) -> int:
        """Return the number of a sight.

        Sights of different `parts` stay apart: they may look the same, and yet one of them has lost
        a border of the input.
        """
        known = self._numbers.get((id(seen), parts))
        if known is not None:
            return known[0]
        number = self._sights.setdefault((*seen.items(), *parts), len(self._seen))
        if number == len(self._seen):
            self._seen.append(seen)
        self._numbers[id(seen), parts] = number, seen
        return number

    def _readings(self, sights: Sequence[tuple[int, int]]) -> Sequence[Reading]:
        """Return the channels of the inputs that have these sights."""
        of_input: dict[int, set[int]] = {}
        for m, sight in sights:
            of_input.setdefault(m, set()).add(sight)
        return [(m, self._parts[m].below.with_sights(own)) for m, own in of_input.items()]

    def _through(self, m: int, sight: int) -> Seen:
        """Return what is seen through one sight of an input."""
        key = m, sight
        if key not in self._known:
            reaches, x, below = self._parts[m]
            self._fields.readings = partial(self._readings, ((m, sight),))
            self._known[key] = self._fields.through(reaches, below.sights[sight], x, self._y)
        return self._known[key]


def _is_exact(seen: Seen) -> bool:
    """Return whether no border of an input can be lost that the fields seem to see."""
    return all(
        axis is None or isinstance(axis, Unknown) or axis[1].corners
        for axes in seen.values()
        for axis in axes
    )
