"""Tensors in memory: how large they are, who holds them, when they are allocated and freed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Bytes(NamedTuple):
    """Bytes as a function of the batch: `fixed`, and some for each image."""

    fixed: int
    per_image: int = 0

    def plus(self, other: Bytes) -> Bytes:
        """The sum of both."""
        return Bytes(self.fixed + other.fixed, self.per_image + other.per_image)

    def less(self, other: Bytes) -> Bytes:
        """The difference of both."""
        return Bytes(self.fixed - other.fixed, self.per_image - other.per_image)

    def covers(self, other: Bytes) -> bool:
        """Whether this is at least the other, with any batch."""
        return self.fixed >= other.fixed and self.per_image >= other.per_image

    def at(self, batch: int) -> int:
        """The number of bytes with that batch."""
        return self.fixed + self.per_image * batch


class Step(NamedTuple):
    """A moment of a run: the phase, and the number of the layer that runs (None: none)."""

    phase: str  # start, forward, backward or optimizer
    layer: int | None = None


class Held(NamedTuple):
    """A tensor in memory: why it is there, and the number of the layer that it belongs to."""

    reason: str
    layer: int | None
    size: Bytes


class Event(NamedTuple):
    """A tensor that is allocated, or freed."""

    step: Step
    tensor: Held
    freed: bool = False


class Tensors:
    """The tensors that are in memory at a step, by number, and what happened since the last look.

    The numbers from 0 on are those of the layers, for their outputs.
    """

    def __init__(self, layers: int):
        self.step = Step("start")
        self._next = layers
        self._holders: dict[int, int] = {}
        self._held: dict[int, Held] = {}
        self._events: list[Event] = []

    def events(self) -> Iterator[Event]:
        """What happened since the last call."""
        found, self._events = self._events, []
        return iter(found)

    def held(self, key: int) -> Held:
        """A tensor by its number."""
        return self._held[key]

    def size(self, key: int) -> Bytes:
        """The bytes of a tensor."""
        return self._held[key].size

    def shared(self, key: int) -> bool:
        """Whether a tensor has more than one holder."""
        return self._holders[key] > 1

    def hold(self, key: int) -> int:
        """One holder more."""
        self._holders[key] += 1
        return key

    def allocate(self, key: int, reason: str, layer: int | None, size: Bytes) -> None:
        """A new tensor, with one holder."""
        tensor = Held(reason, layer, size)
        self._held[key], self._holders[key] = tensor, 1
        self._events.append(Event(self.step, tensor))

    def new(self, reason: str, layer: int | None, size: Bytes) -> int:
        """A new tensor that is no layer's output, with one holder."""
        key = self.number()
        self.allocate(key, reason, layer, size)
        return key

    def number(self) -> int:
        """A number that no tensor has."""
        self._next += 1
        return self._next

    def drop(self, *keys: int) -> None:
        """One holder less of each; the last one frees the tensor."""
        for key in keys:
            self._holders[key] -= 1
            if not self._holders[key]:
                del self._holders[key]
                self._events.append(Event(self.step, self._held.pop(key), freed=True))

    def pass_by(self, layer: int | None, size: Bytes, reason: str = "temporary") -> None:
        """A tensor that is held for a moment.

        A layer that meanwhile frees what it kept may need less than nothing more.
        """
        if max(size) > 0:
            self.drop(self.new(reason, layer, size))
