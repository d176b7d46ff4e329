"""What a chunk of a sweep finds: variants that are kept, and why others are no networks."""

from __future__ import annotations

from typing import NamedTuple

from .best import Rows


class Failed(NamedTuple):
    """Variants that are no network, for one reason.

    Attributes:
        place: the path of the layer that does not fit, or what is wrong with the spec.
        variants: how many they are.
        example: the number of one of them.
    """

    place: str
    variants: int
    example: int


class Found(NamedTuple):
    """What a chunk, or a whole sweep, has found."""

    rows: Rows
    total: int
    fitting: int
    matching: int
    failed: tuple[Failed, ...] = ()
