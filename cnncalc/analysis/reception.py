"""Receptive fields of all layers, composed along the graph."""

from __future__ import annotations

from typing import NamedTuple

from ..diagnostic import Diagnostic
from ..graph import Graph, Node
from ..ops.base import Op
from ..window import Field

START = Field()
Reception = tuple[Field | None, ...]  # per spatial axis; None: the whole input (or, in a vector, no axis at all)


class ReceptiveField(NamedTuple):
    """What a layer sees of an input, per spatial axis; None on an axis means all of it.

    `size`, `stride`, `padding` and `centre` are unclipped: positions may lie in the padding. `clipped` is on the input.
    """

    of: str
    fields: Reception
    input_sizes: tuple[int, ...]
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
            seen.append({n: (START,) * (len(node.shape) - 1)})
            continue
        if len(node.inputs) == 1 and type(node.op).window is Op.window:
            seen.append(seen[node.inputs[0]])  # each position sees what the one below it sees
            continue
        merged: dict[int, Reception] = {}
        for reach, source in zip(node.op.window(*(graph.nodes[m].shape for m in node.inputs)), node.inputs):
            if reach is None:
                continue
            for origin, fields in seen[source].items():
                new = tuple(fields[axis[0]].through(axis[1]) if axis is not None and axis[0] < len(fields) and fields[axis[0]] else None for axis in reach)  # type: ignore[union-attr]
                merged[origin] = joined(merged[origin], new, node, notes) if origin in merged else new
        seen.append(merged)
    return seen, notes


def joined(a: Reception, b: Reception, node: Node, notes: list[Diagnostic]) -> Reception:
    """Two branches together. A branch that sees the whole axis absorbs the other; misaligned ones are said aloud."""
    result, said = [], set()
    for f, g in zip(a, b):
        both = f.union(g) if f and g else None
        if f and g and both is None:
            said.add(f"branches with strides {f.stride} and {g.stride} meet in `{node.path}`: its receptive field grows across the image and is shown as the whole")
        elif f and g and f.centre != g.centre:
            said.add(f"branches meet in `{node.path}` with centres at {float(f.centre):g} and {float(g.centre):g}: their receptive fields are misaligned")
        result.append(both)
    notes += [Diagnostic("CNN209", text, node.position, context=node.context, severity="note") for text in sorted(said)]
    return tuple(result)
