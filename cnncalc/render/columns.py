"""The columns of a report's layers, for every format that has columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..analysis.result import BYTES, Report, Row
from ..num import product
from ..wording import DASH, axes_text, shape_text


class Column(NamedTuple):
    """One column: its key, its heading, and the value it takes from a row."""

    key: str
    title: str
    value: Callable[[Row], Any]
    total: str | None = None  # the attribute of Totals that sums it

    @property
    def numeric(self) -> bool:
        """Whether it is right-aligned."""
        return self.total is not None or self.key.startswith("rf")


def _field(attribute: str, which: str = "receptive_field") -> Callable[[Row], str]:
    """Return what takes an attribute of a receptive field from a row."""
    unknown = "?" if attribute in ("size", "clipped") else DASH

    def value(row: Row) -> str:
        seen = getattr(row, which)
        return axes_text(getattr(seen, attribute), unknown) if seen else DASH

    return value


COLUMNS: dict[str, Column] = {
    column.key: column
    for column in (
        Column("path", "layer", lambda r: r.path),
        Column("op", "operator", lambda r: r.op),
        Column("inputs", "inputs", lambda r: " ".join(r.inputs)),
        Column("input", "input", lambda r: " ".join(map(shape_text, r.input_shapes))),
        Column("output", "output", lambda r: shape_text(r.output_shape)),
        Column("params", "params", lambda r: r.params, "params"),
        Column("weights", "weights", lambda r: r.weights, "weights"),
        Column("biases", "biases", lambda r: r.biases, "biases"),
        Column("affine", "affine", lambda r: r.affine, "affine"),
        Column("buffers", "buffers", lambda r: r.buffers, "buffers"),
        Column("macs", "MACs", lambda r: r.macs, "macs"),
        Column("flops", "FLOPs", lambda r: r.flops, "flops"),
        Column("counted", "counted", lambda r: r.counted or 0, "counted"),
        Column("activations", "activations", lambda r: r.activations, "activations"),
        Column("activation_bytes", "bytes", lambda r: r.activation_bytes, "activation_bytes"),
        Column("rf", "field", _field("size")),
        Column("rf_stride", "stride", _field("stride")),
        Column("rf_padding", "padding", _field("padding")),
        Column("rf_centre", "centre", _field("centre")),
        Column("rf_clipped", "on input", _field("clipped")),
        Column("rf_ungated", "ungated", _field("size", "receptive_field_without_gates")),
        Column("shared_with", "weights of", lambda r: r.shared_with or DASH),
        Column("line", "line", lambda r: r.position.line if r.position else DASH),
    )
}

BARRED = frozenset(  # columns with a bar for each layer's share
    ("params", "weights", "macs", "flops", "counted", "activations", "activation_bytes")
)
USUAL = ("path", "output", "params", "activations", "rf")


def chosen(report: Report, keys: tuple[str, ...] | None) -> list[Column]:
    """Return the columns asked for, or the usual ones with the cost by the report's convention."""
    if not keys:
        keys = USUAL
        if report.totals.counted is not None:
            cost = report.convention if report.convention in COLUMNS else "counted"
            keys = (*USUAL[:3], cost, *USUAL[3:])
        if any(row.ungated_fields != row.receptive_fields for row in report.rows):
            keys = (*keys, "rf_ungated")
    columns = {**COLUMNS, "counted": COLUMNS["counted"]._replace(title=report.convention)}
    return [columns[key] for key in keys]


def input_values(report: Report, columns: list[Column]) -> list[list[Any]]:
    """Return a line for each input, which is kept as an activation too; None is an empty cell."""
    lines = []
    for name, shape in report.inputs.items():
        values = product(shape) * report.batch
        known = {
            "path": name,
            "op": "input",
            "output": shape_text(shape),
            "activations": values,
            "activation_bytes": values * BYTES[report.dtype],
        }
        lines.append([known.get(column.key) for column in columns])
    return lines


def totals(report: Report, columns: list[Column]) -> list[Any]:
    """Return the last line: the sum of each column that has one."""
    return ["total", *(_total(report, column) for column in columns[1:])]


def _total(report: Report, column: Column) -> int | None:
    return getattr(report.totals, column.total) if column.total else None
