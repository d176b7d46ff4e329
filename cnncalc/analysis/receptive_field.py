"""Receptive fields of all layers, composed along the graph."""

from __future__ import annotations

from typing import NamedTuple

from ..diagnostic import Diagnostic
from ..graph import Graph, Node
from ..ops.base import Op, Reach
from ..window import Field

START = Field()

Seen = tuple[int, Field] | None  # an axis of the input and what is seen of it; None: all of it
Reception = tuple[Seen, ...]  # per spatial axis of a layer; empty for a vector


class ReceptiveField(NamedTuple):
    """What a layer sees of an input, per spatial axis of the layer; None on an axis means all of it.

    `size`, `stride`, `padding` and `centre` are unclipped: positions may lie in the padding. `clipped` is on the input.
    """

    of: str
    fields: tuple[Field | None, ...]
    axes: tuple[int | None, ...]  # of the input, that each of them looks along
    input_sizes: tuple[int, ...]  # of those axes
    output_sizes: tuple[int, ...]

    @property
    def size(self) -> tuple[int | None, ...]:
        return tuple(f and f.size for f in self.fields)

    @property
    def stride(self) -> tuple:
        return tuple(f and f.stride for f in self.fields)

    @property
    def padding(self) -> tuple[int | None, ...]:
        return tuple(f.padding if f else None for f in self.fields)

    @property
    def centre(self) -> tuple:
        return tuple(f.centre if f else None for f in self.fields)

    @property
    def clipped(self) -> tuple[int, ...]:
        sizes = zip(self.fields, self.input_sizes, self.output_sizes)
        return tuple(f.clipped(n, m) if f else n for f, n, m in sizes)

    @property
    def whole(self) -> bool:
        """Whether the whole input is seen."""
        return all(f is None for f in self.fields)


def receptions(graph: Graph) -> tuple[list[dict[int, Reception]], list[Diagnostic]]:
    """For each node, what it sees of each network input; and a note wherever that is not one plain window."""
    seen: list[dict[int, Reception]] = []
    notes: list[Diagnostic] = []
    for n, node in enumerate(graph.nodes):
        if node.op is None:
            seen.append({n: tuple((axis, START) for axis in range(len(node.shape) - 1))})
            continue
        if len(node.inputs) == 1 and type(node.op).window is Op.window:
            seen.append(seen[node.inputs[0]])  # each position sees what the one below it sees
            continue
        merged: dict[int, Reception] = {}
        said: set[str] = set()
        for reaches, source in zip(
            node.op.window(*(graph.nodes[m].shape for m in node.inputs)), node.inputs
        ):
            if reaches is None:
                continue
            for origin, below in seen[source].items():
                new = tuple(through(reach, below, said) for reach in reaches)
                merged[origin] = (
                    tuple(joined(a, b, said) for a, b in zip(merged[origin], new))
                    if origin in merged
                    else new
                )
        seen.append(merged)
        notes += [
            Diagnostic(
                "CNN209",
                f"in `{node.path}` {text}",
                node.position,
                context=node.context,
                severity="note",
            )
            for text in sorted(said)
        ]
    return seen, notes


def through(reach: Reach, below: Reception, said: set[str]) -> Seen:
    """What an axis sees that reads one of the axes below."""
    if reach is None or reach[0] >= len(below):
        return None
    under = below[reach[0]]
    if under is None:
        return None
    field = under[1].through(reach[1])
    if field is None:
        said.add(
            "the receptive field differs from position to position too often to follow, and is shown as the whole"
        )
        return None
    return under[0], field


def joined(a: Seen, b: Seen, said: set[str]) -> Seen:
    """Two branches together on one axis. One that sees everything absorbs the other; misaligned ones are said aloud."""
    if a is None or b is None:
        return None
    (axis, f), (other, g) = a, b
    if axis != other:
        said.add(
            "branches meet that look along different axes of the input: the receptive field is shown as the whole"
        )
        return None
    both = f.union(g)
    if both is None:
        said.add(
            f"branches with strides {f.stride} and {g.stride} meet: the receptive field grows across the image and is shown as the whole"
        )
        return None
    if f.centre != g.centre:
        said.add(
            f"branches meet with centres at {float(f.centre):g} and {float(g.centre):g}: their receptive fields are misaligned"
        )
    return axis, both


def shown_fields(
    node: Node, seen: dict[int, Reception], graph: Graph
) -> tuple[ReceptiveField, ...]:
    """The receptive fields of a layer, one for each input of the network it sees; none for a vector, which has no axes."""
    shown = []
    for origin, reception in seen.items():
        sizes = graph.nodes[origin].shape[1:]
        if reception and sizes:
            axes, fields = zip(*(ALL_SEEN if axis is None else axis for axis in reception))
            along = tuple(
                sizes[min(n, len(sizes) - 1) if axis is None else axis]
                for n, axis in enumerate(axes)
            )
            shown.append(
                ReceptiveField(graph.nodes[origin].path, fields, axes, along, tuple(node.shape[1:]))
            )
    return tuple(shown)


ALL_SEEN = (None, None)  # the axis and field of what is seen whole
