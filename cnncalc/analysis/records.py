"""Writes a layer as a flat record, for tables of other tools."""

from __future__ import annotations

from typing import Any

from ..at_least import AtLeast
from .figures import one_size
from .result import Report, Row


def records(report: Report) -> list[dict[str, Any]]:
    """Return a record for each layer, with None for what it does not declare."""
    found = [_record(row) for row in report.rows]
    return [{name: _known(value) for name, value in record.items()} for record in found]


def _known(value: Any) -> Any:
    return None if isinstance(value, AtLeast) else value


def figures_of(row: Row) -> dict[str, Any]:
    """Return what every table for programs has of a layer, by name.

    Shapes are tuples ``(C, *spatial)``, without the batch; memory is in bytes.
    """
    return {
        "path": row.path,
        "op": row.op,
        "inputs": row.inputs,
        "input_shapes": row.input_shapes,
        "output_shape": row.output_shape,
        "params": row.params,
        "weights": row.weights,
        "biases": row.biases,
        "affine": row.affine,
        "buffers": row.buffers,
        "macs": row.macs,
        "flops": row.flops,
        "activations": row.activations,
        "activation_bytes": row.activation_bytes,
    }


def _record(row: Row) -> dict[str, Any]:
    """Return the figures of a layer by name, with one number for a square receptive field."""
    field, ungated = row.receptive_field, row.receptive_field_without_gates
    return {
        **figures_of(row),
        "trainable_params": row.trainable_params,
        "frozen_params": row.frozen_params,
        "receptive_field": field and one_size(field),
        "receptive_field_without_gates": ungated and one_size(ungated),
        "stride": field and _one(field.stride),
        "padding": field and _one(field.padding),
        "declared": row.declared,
        "shared_with": row.shared_with,
        "line": row.position and row.position.line,
    }


def _one(values: tuple[Any, ...]) -> Any:
    """Return one value if all axes agree, otherwise one per axis."""
    return values[0] if len(set(values)) == 1 else values
