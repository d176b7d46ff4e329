"""The channels of a layer if they see different things, as after a slice or a concat."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from ..bits import first_bits
from ..window import Unknown
from .receptive_field import Seen

SomeChannels = int | None  # of a layer, as bits; None for all of them
SCATTERED = Unknown("it reads only some channels, and they hold different positions")


@dataclass(eq=False)
class Channels:
    """The channels of a layer: for each the number of its sight, and the sights themselves.

    A sight is what a channel sees. Channels are `scattered` if they hold different positions of
    what the layer sees; then only what all of them see together is known.
    """

    of_channel: tuple[int, ...]
    sights: tuple[Seen, ...]
    scattered: bool = False

    @staticmethod
    def alike(seen: Seen, count: int, scattered: bool = False) -> Channels:
        """Return channels that all have the same sight."""
        return Channels((0,) * count, (seen,), scattered)

    @property
    def uniform(self) -> bool:
        """Return whether all of them see the same, at the same positions."""
        return len(self.sights) == 1 and not self.scattered

    def taken(self, channels: Sequence[int]) -> tuple[int, ...]:
        """Return the numbers of the sights of some channels, in their order."""
        if isinstance(channels, range):
            return self.of_channel[channels.start : channels.stop : channels.step]
        return tuple([self.of_channel[channel] for channel in channels])

    @cached_property
    def _of_sight(self) -> list[int]:
        """The channels that have each sight, as bits."""
        found = [0] * len(self.sights)
        start = 0
        for sight, alike in groupby(self.of_channel):
            count = len([*alike])
            found[sight] |= first_bits(count) << start
            start += count
        return found

    def with_sights(self, sights: Iterable[int]) -> SomeChannels:
        """Return the channels that have one of these sights."""
        found = 0
        for sight in sights:
            found |= self._of_sight[sight]
        return None if found == first_bits(len(self.of_channel)) else found

    def split(self, channels: SomeChannels) -> Sequence[tuple[SomeChannels, Seen]]:
        """Split some of them into those that have the same sight, with the sight."""
        if len(self.sights) == 1:
            lost = self.scattered and channels is not None
            return ((channels, unknown(self.sights[0], SCATTERED) if lost else self.sights[0]),)
        parts = zip(self._of_sight, self.sights)
        if channels is None:
            return [*parts]
        return [(own & channels, seen) for own, seen in parts if own & channels]


def unknown(seen: Seen, why: Unknown) -> Seen:
    """Return the axes as not followed, even whole ones: a channel may see only a part."""
    return {origin: (why,) * len(axes) for origin, axes in seen.items()}
