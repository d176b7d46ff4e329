"""One pass over the graph: a Row per layer, and their totals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from ..cost import Cost
from ..diagnostic import Diagnostic, Mistake, Position
from ..graph import Graph
from ..num import product
from ..ops.base import Op
from .memory.storage import storages
from .receptive_field import ReceptiveField, receptions, shown_fields

BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}


class Row(NamedTuple):
    """One layer. Counts are for the batch; shapes, parameters and receptive fields do not depend on it."""

    path: str
    op: str
    inputs: tuple[str, ...]
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]
    weights: int
    biases: int
    affine: int
    buffers: int
    cost: Cost
    batch: int
    activations: int
    activation_bytes: int
    receptive_fields: tuple[
        ReceptiveField, ...
    ]  # one for each input of the network that is seen; none for a vector
    shared_with: str | None
    position: Position | None
    counted: int | None  # by the report's convention; None where that counts parameters alone

    @property
    def receptive_field(self) -> ReceptiveField | None:
        """That on the first input."""
        return self.receptive_fields[0] if self.receptive_fields else None

    @property
    def params(self) -> int:
        """Trained values; 0 where they belong to another layer."""
        return self.weights + self.biases + self.affine

    @property
    def macs(self) -> int:
        return self.cost.mac * self.batch

    @property
    def flops(self) -> int:
        return self.cost.flops * self.batch


class Totals(NamedTuple):
    """Sums over the layers; `activations` counts the inputs too. Bytes are for the dtype."""

    params: int = 0
    weights: int = 0
    biases: int = 0
    affine: int = 0
    trainable_params: int = 0
    buffers: int = 0
    macs: int = 0
    flops: int = 0
    activations: int = 0
    conv_activations: int = 0
    activation_bytes: int = 0
    param_bytes: int = 0
    counted: int | None = 0  # by the report's convention
    counted_params: int = 0


@dataclass(eq=False, repr=False)
class Report:
    """Everything that is known of a network, as far as it is right."""

    name: str
    file: str
    variant: str | None
    source: str | None
    year: int | None
    inputs: dict[str, tuple[int, ...]]
    outputs: dict[str, tuple[int, ...]]
    batch: int
    dtype: str
    rows: list[Row]
    totals: Totals
    graph: Graph
    published: list = field(default_factory=list)
    convention: str = "macs"
    rule: str = "mac"  # of the convention, as far as this network has use for it
    not_compared: int = (
        0  # published figures left aside under other parameters, input, batch or type
    )
    budgets: list = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not any(d.severity == "error" for d in self.diagnostics)

    @property
    def receptive_field(self) -> tuple[str, ReceptiveField] | None:
        """The last layer before the first output that does not see the whole input on any axis, and what it sees."""
        leading = (
            self.graph.before(self.graph.outputs[0])
            if self.graph.outputs
            else range(len(self.graph.nodes))
        )
        on_the_way = {self.graph.nodes[n].path for n in leading}
        for row in reversed(self.rows):
            if (
                row.path in on_the_way
                and row.receptive_field
                and None not in row.receptive_field.fields
            ):
                return row.path, row.receptive_field
        return None

    def or_mistake(self) -> Report:
        """The report where it is right; else its errors, as a Mistake."""
        if not self.ok:
            raise Mistake(*(d for d in self.diagnostics if d.severity == "error"))
        return self

    def result(self, path: str) -> Row | None:
        """The row whose output is that of a layer, block or chain."""
        group = self.graph.groups.get(path)
        if group is not None:
            return self.row(self.graph.nodes[group[2]].path)
        return next(iter(reversed(self.group(path))), None)

    @property
    def complete(self) -> bool:
        """Whether every layer could be analysed."""
        return bool(self.graph.outputs)

    def row(self, path: str) -> Row | None:
        return next((row for row in self.rows if row.path == path), None)

    def group(self, path: str) -> list[Row]:
        """The rows of a layer, block or chain."""
        return [row for row in self.rows if row.path == path or row.path.startswith(path + ".")]


def fold(
    graph: Graph, batch: int = 1, dtype: str = "float32"
) -> tuple[list[Row], Totals, list[Diagnostic]]:
    """Rows and totals of a graph, and what its receptive fields have to say."""
    width, nodes = BYTES[dtype], graph.nodes
    storage = storages(graph)
    seen, notes = receptions(graph)
    rows, input_values, conv_values = [], 0, 0
    shown: dict[
        tuple[int, tuple], tuple[ReceptiveField, ...]
    ] = {}  # layers that only pass on what is below share it
    for n, node in enumerate(nodes):
        op = node.op
        if op is None:
            input_values += product(node.shape)
            continue
        xs = [nodes[m].shape for m in node.inputs]
        y = node.shape
        weights, biases, affine = split_params(op, xs) if node.shares is None else NONE
        values = product(y)
        fresh = values * batch if storage[n] == n else 0
        if op.multiplies:
            conv_values += values
        key = (id(seen[n]), node.shape)
        if key not in shown:
            shown[key] = shown_fields(node, seen[n], graph)
        buffers = sum(map(product, op.buffers(*xs).values())) if node.shares is None else 0
        cost = op.cost(*xs, y=y)
        rows.append(
            Row(
                node.path,
                op.key,
                tuple(nodes[m].path for m in node.inputs),
                tuple(tuple(x) for x in xs),
                tuple(y),
                weights,
                biases,
                affine,
                buffers,
                cost,
                batch,
                fresh,
                fresh * width,
                shown[key],
                None if node.shares is None else nodes[node.shares].path,
                node.position,
                cost.mac * batch,
            )
        )
    return rows, total(rows, input_values * batch, conv_values * batch, width), notes


def total(rows: list[Row], input_values: int, conv_values: int, width: int) -> Totals:
    """The sums of the rows."""
    weights, biases, affine = (
        sum(getattr(row, part) for row in rows) for part in ("weights", "biases", "affine")
    )
    params, macs = weights + biases + affine, sum(row.macs for row in rows)
    activations = input_values + sum(row.activations for row in rows)
    return Totals(
        params,
        weights,
        biases,
        affine,
        params,
        sum(row.buffers for row in rows),
        macs,
        sum(row.flops for row in rows),
        activations,
        conv_values,
        activations * width,
        params * width,
        macs,
        params,
    )


NONE = (0, 0, 0)


def split_params(op: Op, xs: list) -> tuple[int, int, int]:
    """Weights, biases, and per-channel scales and shifts of a layer."""
    table = op.weights(*xs)
    if not table:
        return NONE
    if op.affine_weights:
        return 0, 0, sum(map(product, table.values()))
    biases = product(table["bias"]) if "bias" in table else 0
    return sum(map(product, table.values())) - biases, biases, 0
