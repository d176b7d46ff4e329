"""Makes a Row for each layer, and their Totals, in one pass over a graph of ints."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from ..cost import Cost
from ..graph import Graph
from ..num import Num, Shape, product
from ..ops.base import Op
from ..pausing import pause
from .field_following import ReceptiveFields
from .memory.storage import storages
from .receptive_field import ReceptiveField, receptive_fields_of
from .result import BYTES, Row, Totals


def rows_and_totals(
    graph: Graph, fields: ReceptiveFields, batch: int = 1, dtype: str = "float32"
) -> tuple[list[Row], Totals]:
    """Make a row for each layer, and their totals. `fields` are the graph's receptive fields."""
    nodes, width = graph.nodes, BYTES[dtype]
    homes = storages(graph, batch)
    rows: list[Row] = []
    input_values = input_bytes = conv_values = 0
    known: dict[tuple[int, int, Shape], _Fields] = {}
    ungated = fields.ungated or fields.seen
    for n, node in enumerate(nodes):
        pause()
        op, y = node.op, node.shape
        values = product(y)
        if op is None:
            input_values += values
            input_bytes += values * node.width(width)
            continue
        xs = graph.shapes_into(node)
        if op.multiplies:
            conv_values += values
        weights, biases, affine, buffers = own_values(op, xs) if node.shares is None else _NO_VALUES
        activations = values * batch if homes[n] == n else 0
        seen, without = fields.seen[n], ungated[n]
        key = (id(seen), id(without), y)  # layers that only pass on what they read share fields
        if key not in known:
            of_layer = receptive_fields_of(node, seen, graph)
            same = seen is without or seen == without
            known[key] = of_layer, of_layer if same else receptive_fields_of(node, without, graph)
        cost = op.cost(*xs, y=y)
        rows.append(
            Row(
                path=node.path,
                op=op.key,
                inputs=tuple([nodes[m].path for m in node.inputs]),
                input_shapes=tuple(xs),
                output_shape=y,
                weights=weights,
                biases=biases,
                affine=affine,
                buffers=buffers,
                cost=cost,
                batch=batch,
                activations=activations,
                activation_bytes=activations * width,
                receptive_fields=known[key][0],
                ungated_fields=known[key][1],
                shared_with=None if node.shares is None else nodes[node.shares].path,
                position=node.position,
                counted=cost.mac * batch,
                frozen_params=weights + biases + affine if node.frozen else 0,
                declared=op.declared,
            )
        )
    inputs = _Inputs(input_values * batch, input_bytes * batch)
    return rows, _totals(rows, inputs, conv_values * batch, batch, width)


class _Inputs(NamedTuple):
    """What the inputs of a network are together, for the batch."""

    values: int
    bytes: int


def _totals(rows: list[Row], inputs: _Inputs, conv_values: int, batch: int, width: int) -> Totals:
    """Return the sums of the rows; `width` is the bytes of one value."""

    def total(what: str) -> int:
        return sum(map(attrgetter(what), rows))

    cost = Cost(*map(sum, zip(*[row.cost for row in rows])))
    weights, biases, affine = total("weights"), total("biases"), total("affine")
    params, macs = weights + biases + affine, batch * cost.mac
    frozen = total("frozen_params")
    activations = inputs.values + total("activations")
    return Totals(
        params=params,
        weights=weights,
        biases=biases,
        affine=affine,
        trainable_params=params - frozen,
        frozen_params=frozen,
        buffers=total("buffers"),
        macs=macs,
        flops=batch * cost.flops,
        activations=activations,
        conv_activations=conv_values,
        activation_bytes=inputs.bytes + total("activation_bytes"),
        param_bytes=params * width,
        counted=macs,
        counted_params=params,
    )


_NO_VALUES = (0, 0, 0, 0)
_Fields = tuple[tuple[ReceptiveField, ...], tuple[ReceptiveField, ...]]  # with gates, without


def own_values(op: Op, xs: Sequence[Shape]) -> tuple[Num, Num, Num, Num]:
    """Return how many weights, biases, per-channel scales and shifts, and buffers a layer has."""
    parameters, buffers = op.weights(*xs), op.buffers(*xs)
    kept = sum(map(product, buffers.values())) if buffers else 0
    if not parameters:
        return 0, 0, 0, kept
    total = sum(map(product, parameters.values()))
    if op.affine_weights:
        return 0, 0, total, kept
    biases = product(parameters["bias"]) if "bias" in parameters else 0
    return total - biases, biases, 0, kept
