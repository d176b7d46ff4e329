"""What an analysis returns: a Row per layer, their Totals, and the Report that holds both."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any, Literal, NamedTuple

from ..cost import Cost
from ..diagnostic import Diagnostic, Mistake, Position
from ..graph import Graph
from ..num import Shape
from .receptive_field import ReceptiveField

BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}  # of one value

# Of a network or layer; None: it has no such figure, or it is not known.
Figure = int | Shape | Literal["all"] | None


class Row(NamedTuple):
    """One layer.

    Counts (`cost` apart, which is for one image) are for the batch. Shapes are ``(C, *spatial)``
    without the batch; parameters and receptive fields do not depend on it.
    """

    path: str
    op: str  # the operator's key, as written in a spec
    inputs: tuple[str, ...]  # paths
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    weights: int
    biases: int
    affine: int  # scales and shifts of norms
    buffers: int
    cost: Cost
    batch: int
    activations: int  # 0 for views and layers that run in place
    activation_bytes: int
    receptive_fields: tuple[ReceptiveField, ...]  # one per network input seen; none for a vector
    ungated_fields: tuple[ReceptiveField, ...]  # the same without gates
    shared_with: str | None  # path of the layer that owns the weights
    position: Position | None
    counted: int | None  # by the report's convention; None if that counts parameters alone

    @property
    def receptive_field(self) -> ReceptiveField | None:
        """The receptive field on the first network input that the layer sees."""
        return self.receptive_fields[0] if self.receptive_fields else None

    @property
    def receptive_field_without_gates(self) -> ReceptiveField | None:
        """The same without inputs that joins stretch over the map, as squeeze-and-excite has."""
        return self.ungated_fields[0] if self.ungated_fields else None

    @property
    def params(self) -> int:
        """Trained values; 0 if they belong to another layer."""
        return self.weights + self.biases + self.affine

    @property
    def macs(self) -> int:
        """Multiply–accumulates of convolutions and linear layers."""
        macs: int = self.cost.mac * self.batch
        return macs

    @property
    def flops(self) -> int:
        """2·MACs and every other arithmetic operation."""
        flops: int = self.cost.flops * self.batch
        return flops


class Totals(NamedTuple):
    """Sums over the layers. `activations` includes the inputs; bytes are for the dtype."""

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


class Comparison(NamedTuple):
    """A published figure beside ours."""

    what: str
    at: str | None  # a layer or block; None: the whole network
    printed: Any  # as published: a number, a text such as 138M, a list
    ours: Figure
    agrees: bool
    source: str | None
    erratum: str | None


class Budget(NamedTuple):
    """A limit beside our figure."""

    what: str
    limit: str
    ours: int | str  # a number, or a shape in words
    verdict: Literal["kept", "exceeded", "missed", "differs"]  # too much, too little, a shape
    at: str | None = None


@dataclass(eq=False, repr=False)
class Report:
    """Everything known of a network; of a faulty one, everything up to the first wrong layer."""

    name: str
    file: str
    variant: str | None
    source: str | None
    year: int | None
    inputs: dict[str, Shape]
    outputs: dict[str, Shape]
    batch: int
    dtype: str
    rows: list[Row]
    totals: Totals
    graph: Graph
    published: list[Comparison] = field(default_factory=list)
    convention: str = "macs"
    rule: str = "mac"  # of the convention, as far as this network needs it
    not_compared: int = 0  # published figures that hold for other settings than the given ones
    budgets: list[Budget] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    not_followed: tuple[str, ...] = ()  # layers from which on a receptive field is not followed

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not any(d.severity == "error" for d in self.diagnostics)

    @property
    def complete(self) -> bool:
        """Whether every layer could be analysed."""
        return bool(self.graph.outputs)

    def or_mistake(self) -> Report:
        """The report itself if it is right.

        Errors: a Mistake that carries the report's errors.
        """
        if not self.ok:
            raise Mistake(*(d for d in self.diagnostics if d.severity == "error"))
        return self

    @property
    def receptive_field(self) -> tuple[str, ReceptiveField] | None:
        """Path and receptive field of the last layer that has a number for each axis.

        A layer that sees all of an axis has none, nor one from which on it is not followed. Only
        layers on the way to the first output are considered.
        """
        return self._last_field("receptive_field")

    @property
    def receptive_field_without_gates(self) -> tuple[str, ReceptiveField] | None:
        """The same without gates."""
        return self._last_field("receptive_field_without_gates")

    def _last_field(self, which: str) -> tuple[str, ReceptiveField] | None:
        nodes, outputs = self.graph.nodes, self.graph.outputs
        leading = self.graph.before(outputs[0]) if outputs else range(len(nodes))
        on_the_way = {nodes[n].path for n in leading}
        for row in reversed(self.rows):
            seen: ReceptiveField | None = getattr(row, which)
            if seen and row.path in on_the_way and seen.moves:
                return row.path, seen
        return None

    def row(self, path: str) -> Row | None:
        """The row of a layer; None if there is no such layer."""
        return self._row_at.get(path)

    def group(self, path: str) -> list[Row]:
        """The rows of a layer, block or chain."""
        written = self.graph.groups.get(path)
        if written is None:  # one copy of a layer, or one branch
            return self._rows_in.get(path, [])
        first = len(self.inputs)  # a node's row comes after as many nodes, the inputs
        return self.rows[written[0] - first : written[1] - first]

    def result(self, path: str) -> Row | None:
        """The row whose output is that of a layer, block or chain."""
        written = self.graph.groups.get(path)
        if written is None:
            return next(iter(reversed(self.group(path))), None)
        number = written[2] - len(self.inputs)
        return self.rows[number] if number >= 0 else None

    @cached_property
    def _row_at(self) -> dict[str, Row]:
        return {row.path: row for row in reversed(self.rows)}

    @cached_property
    def _rows_in(self) -> dict[str, list[Row]]:
        """The rows below each path: ``a.b.conv1`` is in ``a``, in ``a.b`` and in itself."""
        rows_in: dict[str, list[Row]] = {}
        for row in self.rows:
            path = row.path
            while path:
                rows_in.setdefault(path, []).append(row)
                path = path.rpartition(".")[0]
        return rows_in


def folded(report: Report, depth: int) -> list[Row]:
    """The rows of a report, those deeper than `depth` path parts summed up in their block."""
    result = []
    for path, group in groupby(report.rows, key=lambda row: ".".join(row.path.split(".")[:depth])):
        rows = list(group)
        if len(rows) == 1 and rows[0].path == path:
            result.append(rows[0])
        else:
            result.append(_summed(path, rows, report.result(path) or rows[-1]))
    return result


def _summed(path: str, rows: list[Row], last: Row) -> Row:
    """One row for several: summed counts, the input of the first and the output of the last."""
    first, cost = rows[0], rows[0].cost
    for row in rows[1:]:
        cost = cost.plus(row.cost)
    sums = {
        name: sum(getattr(row, name) for row in rows)
        for name in ("weights", "biases", "affine", "buffers", "activations", "activation_bytes")
    }
    counted = None if first.counted is None else sum(row.counted or 0 for row in rows)
    return last._replace(
        path=path,
        op=f"{len(rows)} layers",
        inputs=first.inputs,
        input_shapes=first.input_shapes,
        cost=cost,
        shared_with=None,
        counted=counted,
        **sums,
    )
