"""Composes receptive fields along each axis of the network's inputs, through layers and joins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..num import Shape
from ..ops.reads import Reach, in_place
from ..window import (
    IDENTITY,
    MAX_POSITIONS,
    TOO_MANY,
    Field,
    InARow,
    Listed,
    Map,
    Span,
    Unknown,
    all_seen,
    hull,
    listed,
    listed_union,
    steady,
)
from .borders import Borders, Reading, only_input
from .receptive_field import AxesSeen, AxisSeen, Seen

_WORK = 3 * 10**5  # positions and phases that may be looked at one by one in a graph
_OTHER_AXIS = Unknown("branches meet that move along different axes of the input")
_SIDE_BY_SIDE = Unknown("branches that lie side by side see different things")


class Remark(NamedTuple):
    """A remark about the receptive field of a layer."""

    text: str
    given_up: bool = False


class AxisFields:
    """Composes fields along the axes of a network's inputs, and collects remarks about them.

    If windows cover a whole axis of an input, `borders` says what the layer really sees of it.
    Where no pattern repeats, positions are looked at one by one, up to a limit for the network.
    """

    def __init__(self, borders: Borders):
        self.remarks: set[Remark] = set()
        self.layer = 0  # the number of the layer that is being followed
        # What is being followed of that layer.
        self.readings: Callable[[], Sequence[Reading]] = only_input
        self.apart: int | None = None  # the axis along which its inputs lie side by side
        self._borders = borders
        self._work = _WORK
        # What two fields see together, and whether their centres agree. Few pairs differ.
        self._unions: dict[tuple[Field, Field], tuple[Field | None, bool]] = {}

    def give_up(self, why: Unknown) -> Unknown:
        """Add the remark that a field is not followed from here on."""
        self.remarks.add(Remark(f"the receptive field is not followed: {why.reason}", True))
        return why

    def through(self, reaches: tuple[Reach, ...], below: Seen, x: Shape, y: Shape) -> Seen:
        """Return what an operator sees that reads an input of shape x by these maps.

        Returns `below` itself if nothing changes.
        """
        if reaches is in_place(len(reaches)) and x[1:] == y[1:]:
            return below
        found: Seen = {}
        same = True
        for origin, axes in below.items():
            found[origin] = seen = self._axes(reaches, axes, x, y, origin)
            same = same and seen is axes
        return below if same else found

    def union(self, layers: Sequence[Seen], y: Shape) -> Seen:
        """Return what a layer of shape y sees that joins these layers."""
        if len(layers) == 1:
            return layers[0]
        join = self._both if self.apart is None else self._either
        together: Seen = {}
        for seen in layers:
            for origin, axes in seen.items():
                other = together.get(origin)
                if other is None:
                    together[origin] = axes
                elif other is not axes:
                    pairs = enumerate(zip(other, axes))
                    together[origin] = tuple([join(a, b, y, origin, n) for n, (a, b) in pairs])
        if self.apart is not None:
            for origin, axes in together.items():
                if any(origin not in seen for seen in layers):
                    together[origin] = tuple(map(self._only_along, axes))
        return together

    def _axes(
        self, reaches: tuple[Reach, ...], below: AxesSeen, x: Shape, y: Shape, origin: int
    ) -> AxesSeen:
        """Return what an operator sees along the axes of one input of the network."""
        found: list[AxisSeen] = []
        changed = False
        done: tuple[Field | Listed, Map, Field] | None = None  # equal axes are followed once
        for number, seen in enumerate(below):
            if seen is None or isinstance(seen, Unknown):
                found.append(seen)
                continue
            moving, field = seen
            if moving is None:
                found.append(seen)
                continue
            reach = reaches[moving]
            in_a_row = isinstance(reach, InARow)
            if isinstance(reach, InARow):
                few = self._affordable(reach.size, len(reach.parts))
                reach = reach.along(field) if few else TOO_MANY
            in_place = reach is not None and reach[0] == moving and reach[-1] is IDENTITY
            if in_place and x[1 + moving] == y[1 + moving]:
                found.append(seen)
                continue
            changed = True
            if reach is None:
                span, corners = all_seen(field, x[1 + moving]), field.corners
                found.append(self._at_rest(span, corners, origin, number))
            elif isinstance(reach, Unknown):
                found.append(self.give_up(reach))
            elif done is not None and done[0] is field and done[1] is reach[1]:
                found.append((reach[0], done[2]))
            else:
                axis, reads = reach
                corners = field.corners and reads.reads_corners(x[1 + moving], y[1 + axis])
                new = field.through(reads, corners) if isinstance(field, Field) else None
                if new is None:
                    by_position = self._listed(field, reads, axis, y)
                    if in_a_row and not isinstance(by_position, Unknown):
                        by_position = axis, steady(by_position[1], corners)
                    found.append(by_position)
                    continue
                if len(new.spans) > 1 and not self._affordable(len(new.spans), _most(reads)):
                    found.append(self.give_up(TOO_MANY))
                    continue
                found.append((axis, new))
                done = field, reads, new
        return tuple(found) if changed else below

    def _listed(
        self, field: Field | Listed, reads: Map, axis: int, y: Shape
    ) -> tuple[int, Field | Listed] | Unknown:
        """Return what each position sees if no pattern repeats."""
        positions = y[1 + axis]
        if not self._affordable(positions, _most(reads)):
            return self.give_up(TOO_MANY)
        return axis, listed(field, reads, positions)

    def _affordable(self, positions: int, taps: int) -> bool:
        """Return whether so many positions can be looked at, and count them as done."""
        self._work -= positions * taps
        return positions <= MAX_POSITIONS and self._work >= 0

    def _both(self, a: AxisSeen, b: AxisSeen, y: Shape, origin: int, number: int) -> AxisSeen:
        """Return what two branches see together of one axis; the whole axis absorbs the rest."""
        if a is None or b is None:
            return None
        if isinstance(a, Unknown):
            return a
        if isinstance(b, Unknown):
            return b
        (axis, f), (other, g) = a, b
        if axis is None and other is None:
            return self._at_rest(hull([f.at(0), g.at(0)]), False, origin, number)
        if axis is None or other is None:
            axis = other if axis is None else axis
        elif axis != other:
            return self.give_up(_OTHER_AXIS)
        both = self._united(f, g) if isinstance(f, Field) and isinstance(g, Field) else None
        if both is not None and len(both.spans) > 1 and not self._affordable(len(both.spans), 2):
            return self.give_up(TOO_MANY)
        if both is not None:
            return axis, both
        if f.stride and g.stride:
            text = f"branches with strides {f.stride} and {g.stride} meet: the receptive field"
            self.remarks.add(Remark(f"{text} differs between positions, and the largest is shown"))
        assert axis is not None
        positions = y[1 + axis]
        if not self._affordable(positions, 2):
            return self.give_up(TOO_MANY)
        return axis, listed_union(f, g, positions)

    def _either(self, a: AxisSeen, b: AxisSeen, y: Shape, origin: int, number: int) -> AxisSeen:
        """Return what positions see of one axis if some are in one branch, and some in another.

        Along the axis where branches lie side by side, each position has its own. Along others, all
        must see the same: the same again, or from border to border.
        """
        if isinstance(a, Unknown):
            return a
        if isinstance(b, Unknown):
            return b
        if a is b:
            return a
        if a is not None and b is not None:
            if a[0] == b[0] == self.apart:
                return self._both(a, b, y, origin, number)
            if a == b and a[1].corners:
                return a
        return self.give_up(_SIDE_BY_SIDE)

    def _only_along(self, seen: AxisSeen) -> AxisSeen:
        """Return what is seen of an axis of an input that only some of the branches see."""
        if isinstance(seen, Unknown) or seen is not None and seen[0] == self.apart:
            return seen
        return self.give_up(_SIDE_BY_SIDE)

    def _united(self, f: Field, g: Field) -> Field | None:
        """Return what either field sees, or None if no short pattern repeats."""
        known = self._unions.get((f, g))
        if known is None:
            known = self._unions[f, g] = f.union(g), f.centre == g.centre
        both, aligned = known
        if both is not None and not aligned:
            self._remark_centres(f, g)
        return both

    def _at_rest(self, span: Span, corners: bool, origin: int, number: int) -> AxisSeen:
        """Return what all positions see if they see the same; None for the whole axis."""
        if span is None or not self._borders.covers(span, origin, number):
            return None, Field(0, (span,), False)
        if corners:
            return None
        ends = self._borders.ends(self.layer, self.readings(), origin, number)
        if isinstance(ends, Unknown):
            return self.give_up(ends)
        whole = ends is not None and self._borders.covers(ends, origin, number)
        return None if whole else (None, Field(0, (ends,), False))

    def _remark_centres(self, f: Field | Listed, g: Field | Listed) -> None:
        text = f"branches meet with centres at {float(f.centre):g} and {float(g.centre):g}"
        self.remarks.add(Remark(f"{text}: their receptive fields are misaligned"))


def _most(reads: Map) -> int:
    """Return the largest number of taps of a phase."""
    return max(map(len, reads.taps), default=1)
