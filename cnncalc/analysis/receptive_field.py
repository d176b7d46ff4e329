"""What a layer sees of the network's inputs, axis by axis."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, NamedTuple

from ..graph import Graph, Node
from ..num import Shape
from ..window import Field, Listed, Unknown

ALL: Literal["all"] = "all"  # every position sees the whole axis
Size = int | Literal["all"] | None  # None: not followed

# What is seen of one axis of the input: the axis of the layer that moves along it (None: it does
# not move) and the field; None for the whole axis; or why it is not followed.
AxisSeen = tuple[int | None, Field | Listed] | Unknown | None
AxesSeen = tuple[AxisSeen, ...]  # per spatial axis of the input
Seen = dict[int, AxesSeen]  # by the number of the network's input


class ReceptiveField(NamedTuple):
    """What a layer sees of an input, per spatial axis of that input.

    `size`, `stride`, `padding` and `centre` are unclipped, so that they may include padding;
    `clipped` is the size on the input itself. All are in positions of the input. They are None
    where they are not followed, or have no value.
    """

    of: str
    axes: AxesSeen
    input_sizes: Shape  # of the input's axes
    output_sizes: Shape  # of the layer's axes

    @property
    def fields(self) -> tuple[Field | Listed | None, ...]:
        """The field along each axis; None where it is the whole axis or not followed."""
        return tuple([_field(axis) for axis in self.axes])

    @property
    def size(self) -> tuple[Size, ...]:
        """Positions seen: a number, `ALL`, or None where that is not followed."""
        sizes: list[Size] = []
        for axis in self.axes:
            field = _field(axis)
            known = ALL if axis is None else None
            sizes.append(field.size if field else known)
        return tuple(sizes)

    @property
    def sizes(self) -> tuple[int, ...] | None:
        """The size in numbers, of a whole axis the input's; None if an axis is not followed."""
        pairs = zip(self.size, self.input_sizes)
        sizes = [n if size == ALL else size for size, n in pairs]
        return tuple([size for size in sizes if size is not None]) if None not in sizes else None

    @property
    def stride(self) -> tuple[Fraction | int | None, ...]:
        """Distance between what neighbouring positions of the layer see."""
        return tuple(field and field.stride for field in self.fields)

    @property
    def padding(self) -> tuple[int | None, ...]:
        """How far the first position sees past the start of the input."""
        return tuple(field.padding if field else None for field in self.fields)

    @property
    def centre(self) -> tuple[Fraction | int | None, ...]:
        """Middle of what the first position sees."""
        return tuple(field.centre if field else None for field in self.fields)

    @property
    def clipped(self) -> tuple[int | None, ...]:
        """Positions seen that lie on the input, for the position of the layer that sees most."""
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
        """Why an axis is not followed; None if all are."""
        reasons = dict.fromkeys(axis.reason for axis in self.axes if isinstance(axis, Unknown))
        return "; ".join(reasons) or None

    @property
    def whole(self) -> bool:
        """Whether every position is proven to see the whole input."""
        return not any(self.axes)

    @property
    def measured(self) -> bool:
        """Whether there is a number for each axis."""
        return None not in self.fields

    @property
    def moves(self) -> bool:
        """Whether there is a number for each axis, and positions see other parts of the input."""
        return self.measured and 0 not in self.stride


def _field(axis: AxisSeen) -> Field | Listed | None:
    """The field along an axis; None where it is the whole axis or not followed."""
    return None if axis is None or isinstance(axis, Unknown) else axis[1]


def receptive_fields_of(node: Node, seen: Seen, graph: Graph) -> tuple[ReceptiveField, ...]:
    """The receptive fields of a layer, one for each network input that it sees.

    `seen` has the axes by the number of the input. A vector has no field, for it has no position.
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
