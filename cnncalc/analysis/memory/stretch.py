"""Says what a stretch of layers adds to the memory, with a checkpoint and without one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from typing import NamedTuple

from .checkpoints import GENERATOR
from .cuts import Cut
from .passes import Passes

Keys = frozenset[int]  # tensors, by number


class Stretch(NamedTuple):
    """What a stretch of layers between two cuts needs.

    Attributes:
        layers: their numbers.
        again: whether it is a checkpoint.
        kept: bytes that it keeps of its own.
        keys: the tensors at both cuts that it keeps.
        read: those of them that are alive at its start.
        forward: its most in forward, above what is alive at its start, kept or not.
        backward: its most in backward, above what is kept at its start.
        macs: MACs of its second run.
    """

    layers: range
    again: bool
    kept: int
    keys: Keys
    read: Keys
    forward: int
    backward: int
    macs: int


class Stretches:
    """Makes the stretches of a network."""

    def __init__(self, passes: Passes):
        self.passes = passes
        self._noise = GENERATOR if passes.device == "cpu" else 0

    def plain(self, layers: range, start: Cut, end: Cut) -> Stretch:
        """Layers that keep what they need for backward."""
        passes = self.passes
        keys = {key for n in layers for key in passes.keeps.get(n, ())}
        new = self.bytes((keys & start.alive) - self._kept_keys(start))
        backward = max(passes.backward[layers.start : layers.stop])
        return Stretch(
            layers=layers,
            again=False,
            kept=self.bytes(keys - start.alive),
            keys=frozenset(keys & (start.alive | end.alive)),
            read=frozenset(keys & start.alive),
            forward=max(passes.forward[layers.start : layers.stop]) - self.alive(start),
            backward=backward - passes.kept[layers.start] - new,
            macs=0,
        )

    def again(self, layers: range, start: Cut, last: int) -> Stretch:
        """A checkpoint, whose layers run again up to the last one that keeps something.

        It holds what it reads from its first run to the end of backward. Without it, that may be
        free earlier, or kept by a later layer only.
        """
        passes = self.passes
        read = {key: _last(passes.readers.get(key, ()), layers) for key in start.alive}
        ends = {key: n for key, n in read.items() if n is not None}
        freed, unheld, late, new = [], [], [], 0
        for key, end in ends.items():
            size, holder = passes.sizes[key], _first(passes.holders.get(key, ()), layers)
            freed.append((end + 1, size))
            if key not in self._kept_keys(start):
                unheld += [(end + 1, size)] if holder is None else []
                late += [] if holder is None else [(layers.start, size), (holder, -size)]
                new += 0 if holder is None else size
        run = range(layers.start, last + passes.keeps_result(last))
        rerun = _highest(passes.forward, run, unheld)
        made_too = [key for key in passes.keeps.get(last, ()) if key >= len(passes.graph.nodes)]
        rerun = max(rerun, passes.begun[last] + self.bytes(made_too))
        rerun -= self.alive(start) + passes.base
        backward = _highest(passes.backward, layers, late) - passes.kept[layers.start] - new
        running = _highest(passes.inference, layers, freed) - self.bytes(start.alive)
        apart = layers.start in passes.moved and passes.keeps_result(layers.start)
        own = passes.sizes[passes.homes[layers.start]] if apart else 0  # no longer in place
        noise = self._noise  # once to the end of its backward, and once while its layers run again
        return Stretch(
            layers=layers,
            again=True,
            kept=noise,
            keys=frozenset(ends),
            read=frozenset(ends),
            forward=passes.base + running + noise,
            backward=max(passes.after[layers.stop] + rerun + noise, backward) + own + noise,
            macs=passes.macs[last + 1] - passes.macs[layers.start],
        )

    def bytes(self, keys: Collection[int]) -> int:
        """The bytes of tensors together."""
        return sum(map(self.passes.sizes.__getitem__, keys))

    def _kept_keys(self, at: Cut) -> Keys:
        """Without checkpoints, what is kept of the values that are alive at a cut."""
        before = range(at.at)
        return frozenset(
            k for k in at.alive if _first(self.passes.holders.get(k, ()), before) is not None
        )

    def alive(self, at: Cut) -> int:
        """Without checkpoints, what is alive or kept at a cut."""
        return self.passes.kept[at.at] + self.bytes(at.alive - self._kept_keys(at))


def _first(numbers: Sequence[int], layers: range) -> int | None:
    """The first of some layers, in order, that is in a range."""
    k = bisect_left(numbers, layers.start)
    return numbers[k] if k < len(numbers) and numbers[k] < layers.stop else None


def _last(numbers: Sequence[int], layers: range) -> int | None:
    """The last of some layers, in order, that is in a range."""
    k = bisect_left(numbers, layers.stop)
    return numbers[k - 1] if k and numbers[k - 1] >= layers.start else None


def _highest(bytes: Sequence[int], layers: range, changes: Sequence[tuple[int, int]]) -> int:
    """The most bytes over some layers, where each change adds some from a layer on."""
    most = more = 0
    start = layers.start
    for at, change in sorted(changes):
        if start < min(at, layers.stop):
            most = max(most, max(bytes[start : min(at, layers.stop)]) + more)
        start, more = max(at, start), more + change
    if start < layers.stop:
        most = max(most, max(bytes[start : layers.stop]) + more)
    return most
