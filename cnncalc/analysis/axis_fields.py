"""Composes what is seen along each axis of the network's inputs: through a layer, at a join."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..num import Shape
from ..ops.base import Reach
from ..window import (
    IDENTITY,
    MAX_POSITIONS,
    TOO_MANY,
    Field,
    Listed,
    Map,
    Unknown,
    all_seen,
    listed,
    listed_union,
)
from .receptive_field import AxesSeen, AxisSeen, Seen

_WORK = 3 * 10**5  # positions and phases looked at one by one, of a whole graph
_OTHER_AXIS = Unknown("branches meet that look along different axes of the input")


class Remark(NamedTuple):
    """Something to note about a layer's receptive field."""

    text: str
    given_up: bool = False


class AxisFields:
    """Fields along the axes of a network's inputs, and remarks about what happens to them.

    `inputs` are the shapes of the inputs by number. What is looked at position by position, where
    no pattern repeats, is limited for the whole network.
    """

    def __init__(self, inputs: dict[int, Shape]):
        self.remarks: set[Remark] = set()
        self._inputs = inputs
        self._work = _WORK

    def give_up(self, why: Unknown) -> Unknown:
        """Note that a field is not followed from here on."""
        self.remarks.add(Remark(f"the receptive field is not followed: {why.reason}", True))
        return why

    def through(self, reaches: tuple[Reach, ...], below: Seen, x: Shape, y: Shape) -> Seen:
        """What an operator sees that reads an input of shape x, by the map on each of its axes.

        `below` itself, if it sees the same.
        """
        found: Seen = {}
        same = True
        for origin, axes in below.items():
            found[origin] = seen = self._axes(reaches, axes, x, y, self._inputs[origin])
            same = same and seen is axes
        return below if same else found

    def union(self, layers: Sequence[Seen], y: Shape) -> Seen:
        """What a layer of shape y sees of all these together."""
        if len(layers) == 1:
            return layers[0]
        together: Seen = {}
        for seen in layers:
            for origin, axes in seen.items():
                other = together.get(origin)
                if other is None:
                    together[origin] = axes
                elif other is not axes:
                    sizes = self._inputs[origin][1:]
                    triples = zip(other, axes, sizes)
                    together[origin] = tuple([self._both(a, b, y, n) for a, b, n in triples])
        return together

    def _axes(
        self, reaches: tuple[Reach, ...], below: AxesSeen, x: Shape, y: Shape, origin: Shape
    ) -> AxesSeen:
        """What an operator sees along the axes of one input of the network."""
        found: list[AxisSeen] = []
        changed = False
        done: tuple[Field | Listed, Map, Field] | None = None  # axes alike are followed once
        for number, seen in enumerate(below):
            if seen is None or isinstance(seen, Unknown):
                found.append(seen)
                continue
            moving, field = seen
            if moving is None:
                found.append(seen)
                continue
            reach = reaches[moving]
            if reach is not None and reach[0] == moving and reach[-1] is IDENTITY:
                found.append(seen)
                continue
            changed = True
            if reach is None:
                found.append(_settled(None, _at_once(field, x[1 + moving]), origin[1 + number]))
            elif isinstance(reach, Unknown):
                found.append(self.give_up(reach))
            elif done is not None and done[0] is field and done[1] is reach[1]:
                found.append((reach[0], done[2]))
            else:
                axis, reads = reach
                new = field.through(reads) if isinstance(field, Field) else None
                if new is None:
                    found.append(self._listed(field, reads, axis, y, origin[1 + number]))
                    continue
                if len(new.spans) > 1 and not self._affordable(len(new.spans), _most(reads)):
                    found.append(self.give_up(TOO_MANY))
                    continue
                found.append((axis, new))
                done = field, reads, new
        return tuple(found) if changed else below

    def _listed(self, field: Field | Listed, reads: Map, axis: int, y: Shape, n: int) -> AxisSeen:
        """What each position sees, where no pattern repeats."""
        positions = y[1 + axis]
        if not self._affordable(positions, _most(reads)):
            return self.give_up(TOO_MANY)
        return _settled(axis, listed(field, reads, positions), n)

    def _affordable(self, positions: int, taps: int) -> bool:
        """Whether so many positions can be looked at, which is then done."""
        self._work -= positions * taps
        return positions <= MAX_POSITIONS and self._work >= 0

    def _both(self, a: AxisSeen, b: AxisSeen, y: Shape, n: int) -> AxisSeen:
        """What two branches see together of one axis; one that sees all of it absorbs the other."""
        if a is None or b is None:
            return None
        if isinstance(a, Unknown):
            return a
        if isinstance(b, Unknown):
            return b
        (axis, f), (other, g) = a, b
        if axis is None or other is None:
            axis = other if axis is None else axis
        elif axis != other:
            return self.give_up(_OTHER_AXIS)
        both = f.union(g) if isinstance(f, Field) and isinstance(g, Field) else None
        if both is not None and len(both.spans) > 1 and not self._affordable(len(both.spans), 2):
            return self.give_up(TOO_MANY)
        if both is not None:
            if f.centre != g.centre:
                self._remark_centres(f, g)
            return axis, both
        if f.stride and g.stride:
            text = f"branches with strides {f.stride} and {g.stride} meet: what is seen differs"
            self.remarks.add(Remark(f"{text} from position to position, and the most is shown"))
        positions = 1 if axis is None else y[1 + axis]
        if not self._affordable(positions, 2):
            return self.give_up(TOO_MANY)
        return _settled(axis, listed_union(f, g, positions), n)

    def _remark_centres(self, f: Field | Listed, g: Field | Listed) -> None:
        text = f"branches meet with centres at {float(f.centre):g} and {float(g.centre):g}"
        self.remarks.add(Remark(f"{text}: their receptive fields are misaligned"))


def _most(reads: Map) -> int:
    """The most taps of a phase."""
    return max(map(len, reads.taps), default=1)


def _at_once(field: Field | Listed, n: int) -> Field:
    """What a position sees that reads all n positions of a field."""
    return Field(0, (all_seen(field, n),))


def _settled(axis: int | None, field: Field | Listed, n: int) -> AxisSeen:
    """The field along an axis; None if every position sees all n positions of the input."""
    span = field.at(0)
    same = isinstance(field, Field) and not field.advance and len(field.spans) == 1
    if same and span is not None and span[0] <= 0 and span[1] >= n - 1:
        return None
    return axis, field
