"""Receptive fields of all layers, composed along the graph."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from ..diagnostic import Diagnostic
from ..graph import Graph, Node
from ..ops.base import Op, Reach
from ..window import Field, Map

START = Field()

AxisSeen = tuple[int, Field] | None  # an axis of the input and what is seen of it; None: all of it
AxesSeen = tuple[AxisSeen, ...]  # per spatial axis of a layer; empty for a vector


class ReceptiveField(NamedTuple):
    """What a layer sees of an input, per spatial axis of the layer; None: the whole axis.

    `size`, `stride`, `padding` and `centre` are unclipped, so that they may include padding;
    `clipped` is the size on the input itself. All are in positions of the input.
    """

    of: str
    fields: tuple[Field | None, ...]
    axes: tuple[int | None, ...]  # the axis of the input that each of them looks along
    input_sizes: tuple[int, ...]  # of those axes
    output_sizes: tuple[int, ...]

    @property
    def size(self) -> tuple[int | None, ...]:
        """Positions seen."""
        return tuple(f and f.size for f in self.fields)

    @property
    def stride(self) -> tuple[Fraction | int | None, ...]:
        """Distance between what neighbouring positions of the layer see."""
        return tuple(f and f.stride for f in self.fields)

    @property
    def padding(self) -> tuple[int | None, ...]:
        """How far the first position sees past the start of the input."""
        return tuple(f.padding if f else None for f in self.fields)

    @property
    def centre(self) -> tuple[Fraction | int | None, ...]:
        """Middle of what the first position sees."""
        return tuple(f.centre if f else None for f in self.fields)

    @property
    def clipped(self) -> tuple[int, ...]:
        """Positions seen that lie on the input, for the position of the layer that sees most."""
        sizes = zip(self.fields, self.input_sizes, self.output_sizes)
        return tuple(f.clipped(n, m) if f else n for f, n, m in sizes)

    @property
    def whole(self) -> bool:
        """Whether the whole input is seen."""
        return all(f is None for f in self.fields)


class ReceptiveFields(NamedTuple):
    """The receptive fields of a graph: for each node, the axes seen of each network input."""

    seen: list[dict[int, AxesSeen]]  # per node: number of the input → its axes
    notes: list[Diagnostic]  # wherever branches or phases make a field more than one plain window
    not_followed: tuple[str, ...]  # paths of layers whose field is given up, and shown as the whole


class _Remark(NamedTuple):
    """Something to note about a layer's receptive field."""

    text: str
    given_up: bool = True


def receptive_fields(graph: Graph) -> ReceptiveFields:
    """Follows the receptive field of every node back to the network's inputs."""
    nodes = graph.nodes
    seen: list[dict[int, AxesSeen]] = []
    notes: list[Diagnostic] = []
    not_followed: list[str] = []
    for n, node in enumerate(nodes):
        op = node.op
        if op is None:
            seen.append({n: tuple((axis, START) for axis in range(len(node.shape) - 1))})
            continue
        if len(node.inputs) == 1 and type(op).window is Op.window:
            seen.append(seen[node.inputs[0]])  # each position sees what the one below it sees
            continue
        remarks: set[_Remark] = set()
        merged: dict[int, AxesSeen] = {}
        windows = op.window(*graph.shapes_into(node))
        for source, reaches in zip(node.inputs, windows):
            if reaches is None:
                continue
            for origin, below in seen[source].items():
                new = _through(reaches, below, remarks)
                if origin in merged:
                    pairs = zip(merged[origin], new)
                    new = tuple([_joined(a, b, remarks) for a, b in pairs])
                merged[origin] = new
        seen.append(merged)
        if remarks:
            notes += [_note(node, remark) for remark in sorted(remarks)]
            if any(remark.given_up for remark in remarks):
                not_followed.append(node.path)
    return ReceptiveFields(seen, notes, tuple(not_followed))


def _note(node: Node, remark: _Remark) -> Diagnostic:
    return Diagnostic(
        "CNN209",
        f"in `{node.path}` {remark.text}",
        node.position,
        context=node.context,
        severity="note",
    )


def _through(reaches: tuple[Reach, ...], below: AxesSeen, remarks: set[_Remark]) -> AxesSeen:
    """What the axes of a layer see, each of which reads one axis of the layer below, or all."""
    seen: list[AxisSeen] = []
    followed: tuple[Field, Map] | None = None  # axes that are alike are followed once
    for reach in reaches:
        under = None
        if reach is not None and reach[0] < len(below):
            under = below[reach[0]]
        if reach is None or under is None:
            seen.append(None)
            continue
        if followed is None or followed[0] is not under[1] or followed[1] is not reach[1]:
            followed = under[1], reach[1]
            field = under[1].through(reach[1])
        if field is None:
            seen.append(None)
            remarks.add(
                _Remark(
                    "the receptive field differs from position to position too often to follow,"
                    " and is shown as the whole"
                )
            )
        else:
            seen.append((under[0], field))
    return tuple(seen)


def _joined(a: AxisSeen, b: AxisSeen, remarks: set[_Remark]) -> AxisSeen:
    """What two branches see together of one axis; one that sees all of it absorbs the other."""
    if a is None or b is None:
        return None
    (axis, f), (other, g) = a, b
    if axis != other:
        remarks.add(
            _Remark(
                "branches meet that look along different axes of the input:"
                " the receptive field is shown as the whole"
            )
        )
        return None
    both = f.union(g)
    if both is None:
        remarks.add(
            _Remark(
                f"branches with strides {f.stride} and {g.stride} meet: the receptive field"
                " grows across the image and is shown as the whole"
            )
        )
        return None
    if f.centre != g.centre:
        remarks.add(
            _Remark(
                f"branches meet with centres at {float(f.centre):g} and {float(g.centre):g}:"
                " their receptive fields are misaligned",
                given_up=False,
            )
        )
    return axis, both


def receptive_fields_of(
    node: Node, seen: dict[int, AxesSeen], graph: Graph
) -> tuple[ReceptiveField, ...]:
    """The receptive fields of a layer, one for each network input that it sees.

    A vector has none, for it has no spatial axes.
    """
    found = []
    for origin, seen_axes in seen.items():
        source = graph.nodes[origin]
        sizes = source.shape[1:]
        if not (seen_axes and sizes):
            continue
        fields: list[Field | None] = []
        axes: list[int | None] = []
        input_sizes: list[int] = []
        for n, seen_axis in enumerate(seen_axes):
            axis, field = seen_axis or _ALL_SEEN
            fields.append(field)
            axes.append(axis)
            input_sizes.append(sizes[min(n, len(sizes) - 1) if axis is None else axis])
        found.append(
            ReceptiveField(
                of=source.path,
                fields=tuple(fields),
                axes=tuple(axes),
                input_sizes=tuple(input_sizes),
                output_sizes=tuple(node.shape[1:]),
            )
        )
    return tuple(found)


_ALL_SEEN = (None, None)  # axis and field of what is seen whole, which has an axis for each of ours
