"""A report as JSON: the stable interface for programs."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from ..analysis.receptive_field import ReceptiveField
from ..analysis.rows import Report, Row
from ..diagnostic import Diagnostic

SCHEMA_VERSION = 1


def render(report: Report, rows: list[Row]) -> str:
    return dumps(data(report, rows))


def data(report: Report, rows: list[Row]) -> dict[str, Any]:
    """The object that `analyze --format json` prints."""
    field = report.receptive_field
    return {
        "schema_version": SCHEMA_VERSION,
        "name": report.name,
        "variant": report.variant,
        "file": report.file,
        "input": {name: list(shape) for name, shape in report.inputs.items()},
        "outputs": {name: list(shape) for name, shape in report.outputs.items()},
        "batch": report.batch,
        "dtype": report.dtype,
        "convention": report.convention,
        "rule": report.rule,
        "totals": report.totals._asdict(),
        "receptive_field": {"at": field[0], **field_data(field[1])} if field else None,
        "layers": [row_data(row) for row in rows],
        "published": [
            {**p._asdict(), "printed": number(p.printed), "ours": number(p.ours)}
            for p in report.published
        ],
        "budgets": [budget._asdict() for budget in report.budgets],
        "diagnostics": [diagnostic_data(d) for d in report.diagnostics],
    }


def row_data(row: Row) -> dict[str, Any]:
    return {
        "path": row.path,
        "op": row.op,
        "inputs": list(row.inputs),
        "input_shapes": [list(shape) for shape in row.input_shapes],
        "output_shape": list(row.output_shape),
        "params": row.params,
        "weights": row.weights,
        "biases": row.biases,
        "affine": row.affine,
        "buffers": row.buffers,
        "macs": row.macs,
        "flops": row.flops,
        "counted": row.counted,
        "activations": row.activations,
        "activation_bytes": row.activation_bytes,
        "receptive_field": field_data(row.receptive_field) if row.receptive_field else None,
        **(
            {"receptive_fields": list(map(field_data, row.receptive_fields))}
            if len(row.receptive_fields) > 1
            else {}
        ),
        "shared_with": row.shared_with,
        "file": row.position.file if row.position else None,
        "line": row.position.line if row.position else None,
        "column": row.position.column if row.position else None,
    }


def field_data(field: ReceptiveField) -> dict[str, Any]:
    """null on an axis that is seen whole; what is no whole number as "p/q"."""
    axes = {
        name: [number(v) for v in getattr(field, name)]
        for name in ("size", "stride", "padding", "centre", "clipped")
    }
    return {"of": field.of, **axes}


def number(value: Any) -> Any:
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    return list(value) if isinstance(value, tuple) else value


def diagnostic_data(diagnostic: Diagnostic) -> dict[str, Any]:
    place = diagnostic.position
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "file": place and place.file,
        "line": place and place.line,
        "column": place and place.column,
        "equation": diagnostic.equation,
        "help": diagnostic.help,
        "context": list(diagnostic.context),
    }


def dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)
