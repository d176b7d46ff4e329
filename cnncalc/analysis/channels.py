"""The channels of a layer if they see different things, as after a slice or a concat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..window import Unknown
from .receptive_field import Seen

SomeChannels = frozenset[int] | None  # of a layer; None for all of them
SCATTERED = Unknown("it reads only some channels, and they hold different positions")


class Channels(NamedTuple):
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

    def with_sights(self, sights: set[int]) -> SomeChannels:
        """Return the channels that have one of these sights."""
        if len(sights) == len(self.sights):
            return None
        return frozenset(c for c, sight in enumerate(self.of_channel) if sight in sights)

    def split(self, channels: SomeChannels) -> Sequence[tuple[SomeChannels, Seen]]:
        """Split some of them into those that have the same sight, with the sight."""
        if len(self.sights) == 1:
            lost = self.scattered and channels is not None
            return ((channels, unknown(self.sights[0], SCATTERED) if lost else self.sights[0]),)
        asked = range(len(self.of_channel)) if channels is None else channels
        found: dict[int, set[int]] = {}
        for channel in asked:
            found.setdefault(self.of_channel[channel], set()).add(channel)
        return [(frozenset(own), self.sights[sight]) for sight, own in found.items()]


def unknown(seen: Seen, why: Unknown) -> Seen:
    """Return the axes as not followed, even whole ones: a channel may see only a part."""
    return {origin: (why,) * len(axes) for origin, axes in seen.items()}
