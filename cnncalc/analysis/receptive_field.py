"""Receptive fields: what a layer sees of the network's inputs, axis by axis."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Literal, NamedTuple

from ..graph import Graph, Node
from ..num import Shape
from ..window import Field, Listed, Unknown

ALL: Literal["all"] = "all"  # every position sees the whole axis
Size = int | Literal["all"] | None  # None: not followed

# What is seen of one axis of the input: the layer's axis that moves along it (None: none does) and
# the field. None means the whole axis, and Unknown says why it is not followed.
AxisSeen = tuple[int | None, Field | Listed] | Unknown | None
AxesSeen = tuple[AxisSeen, ...]  # per spatial axis of the input
Seen = dict[int, AxesSeen]  # by the number of the network's input


class ReceptiveField(NamedTuple):
    """What a layer sees of an input, per spatial axis of that input.

    All lengths are in positions of the input. They are unclipped, and so may include padding; only
    `clipped` is what lies on the input itself. Along an axis they are None where the field is not
    followed, or where there is no such number.

    Attributes:
        of: the name of the input.
        axes: what is seen of each axis, from which the rest is computed.
        input_sizes: the sizes of the input's spatial axes.
        output_sizes: the sizes of the layer's spatial axes.
    """

    of: str
    axes: AxesSeen
    input_sizes: Shape
    output_sizes: Shape

    @property
    def fields(self) -> tuple[Field | Listed | None, ...]:
        """Return the field along each axis; None if it is the whole axis or is not followed."""
        return tuple([_field(axis) for axis in self.axes])

    @property
    def size(self) -> tuple[Size, ...]:
        """Positions seen: a number, ``"all"`` for a whole axis, or None if it is not followed."""
        sizes: list[Size] = []
        for axis in self.axes:
            field = _field(axis)
            known = ALL if axis is None else None
            sizes.append(field.size if field else known)
        return tuple(sizes)

    @property
    def sizes(self) -> tuple[int, ...] | None:
        """The same with the input's size for a whole axis; None if an axis is not followed."""
        pairs = zip(self.size, self.input_sizes)
        sizes = [n if size == ALL else size for size, n in pairs]
        return tuple([size for size in sizes if size is not None]) if None not in sizes else None

    @property
    def stride(self) -> tuple[Fraction | int | None, ...]:
        """The distance between the fields of neighbouring positions of the layer."""
        return tuple(field and field.stride for field in self.fields)

    @property
    def padding(self) -> tuple[int | None, ...]:
        """How far the field of the first position reaches before the start of the input."""
        return tuple(field.padding if field else None for field in self.fields)

    @property
    def centre(self) -> tuple[Fraction | int | None, ...]:
        """The middle of the first position's field; where fields take turns, the mean of a period.

        Fields take turns after `upsample` or `conv_transpose`: neighbouring positions see
        differently, in a pattern that repeats. Each middle of one period is then moved back to the
        first position, by the stride, and the mean of these is the centre.
        """
        return tuple(field.centre if field else None for field in self.fields)

    @property
    def clipped(self) -> tuple[int | None, ...]:
        """The positions seen that lie on the input, where the layer sees most of them."""
        found: list[int | None] = []
        for axis, n in zip(self.axes, self.input_sizes):
            if axis is None:
                found.append(n)
            elif isinstance(axis, Unknown):
                found.append(None)
            else:
                moving, field = axis
                found.append(field.clipped(n, 1 if moving is None else self.output_sizes[moving]))
        return tuple(found)

    @property
    def unknown(self) -> str | None:
        """Return why an axis is not followed; None if all are."""
        reasons = dict.fromkeys(axis.reason for axis in self.axes if isinstance(axis, Unknown))
        return "; ".join(reasons) or None

    @property
    def whole(self) -> bool:
        """Return whether every position is proven to see the whole input."""
        return not any(self.axes)

    @property
    def measured(self) -> bool:
        """Return whether there is a number for each axis."""
        return None not in self.fields

    @property
    def moves(self) -> bool:
        """Whether there is a number for each axis, and different positions see different parts."""
        return self.measured and 0 not in self.stride


def _field(axis: AxisSeen) -> Field | Listed | None:
    """Return the field along an axis; None if it is the whole axis or is not followed."""
    return None if axis is None or isinstance(axis, Unknown) else axis[1]


def receptive_fields_of(node: Node, seen: Seen, graph: Graph) -> tuple[ReceptiveField, ...]:
    """Return the receptive fields of a layer, one for each network input that it sees.

    `seen` has the axes by the number of the input. A vector has no field, because it has no axes.
    """
    sizes = tuple(node.shape[1:])
    if not sizes:
        return ()
    nodes = graph.nodes
    return tuple(
        [
            ReceptiveField(nodes[origin].path, axes, tuple(nodes[origin].shape[1:]), sizes)
            for origin, axes in seen.items()
            if axes
        ]
    )


def last_field(
    graph: Graph, seen_by: Callable[[int], ReceptiveField | None]
) -> tuple[str, ReceptiveField] | None:
    """Return the path of the last layer that has a number for each axis, and its field.

    `seen_by` returns what a node sees of the first input, by its number. Only layers on the way to
    the first output are considered. None if none is left.
    """
    nodes = graph.nodes
    leading = {*graph.outputs[:1]} or {*range(len(nodes))}
    for n in reversed(range(len(nodes))):
        node = nodes[n]
        if n not in leading or node.op is None:
            continue
        leading.update(node.inputs)
        seen = seen_by(n)
        if seen and seen.moves:
            return node.path, seen
    return None
