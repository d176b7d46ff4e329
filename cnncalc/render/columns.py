"""The columns of a report, for every format that has columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..analysis.rows import BYTES, Report, Row
from ..num import product

DASH = "–"


class Column(NamedTuple):
    """One column: its key, its heading, and the value it takes from a row."""

    key: str
    title: str
    value: Callable[[Row], Any]
    total: str | None = None  # the field of Totals that sums it

    @property
    def numeric(self) -> bool:
        return self.total is not None or self.key.startswith("rf")


def shape_text(shape: tuple | None) -> str:
    return "×".join(map(str, shape)) if shape else DASH


def axes_text(values: tuple | None) -> str:
    """``11`` for a square, ``3×7`` otherwise; `all` on an axis that is seen whole; a dash where there is none."""
    if not values:
        return DASH
    texts = ["all" if v is None else str(v) for v in values]
    return texts[0] if len(set(texts)) == 1 else "×".join(texts)


def _field(attribute: str) -> Callable[[Row], Any]:
    return lambda row: getattr(row.receptive_field, attribute) if row.receptive_field else None


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
        Column("rf", "field", lambda r: axes_text(_field("size")(r))),
        Column("rf_stride", "stride", lambda r: axes_text(_field("stride")(r))),
        Column("rf_padding", "padding", lambda r: axes_text(_field("padding")(r))),
        Column("rf_centre", "centre", lambda r: axes_text(_field("centre")(r))),
        Column("rf_clipped", "on input", lambda r: axes_text(_field("clipped")(r))),
        Column("shared_with", "weights of", lambda r: r.shared_with or DASH),
        Column("line", "line", lambda r: r.position.line if r.position else DASH),
    )
}

BARRED = {
    "params",
    "weights",
    "macs",
    "flops",
    "counted",
    "activations",
    "activation_bytes",
}  # columns whose shares are drawn


def chosen(report: Report, keys: tuple[str, ...] | None) -> list[Column]:
    """The columns asked for; else the usual ones, with the cost by the report's convention, which heads its column."""
    cost = (
        ()
        if report.totals.counted is None
        else (report.convention if report.convention in COLUMNS else "counted",)
    )
    columns = [
        COLUMNS[key] for key in keys or ("path", "output", "params", *cost, "activations", "rf")
    ]
    return [
        column._replace(title=report.convention) if column.key == "counted" else column
        for column in columns
    ]


def texts(row: Row, columns: list[Column]) -> list[str]:
    return [text(column.value(row)) for column in columns]


def text(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def input_values(report: Report, columns: list[Column]) -> list[list[Any]]:
    """A line for each input, which is kept as an activation too; None where a column has nothing to say of it."""
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
    """The last line: sums where a column has one."""
    first = ["total"]
    return first + [getattr(report.totals, c.total) if c.total else None for c in columns[1:]]


def mebibytes(count: int) -> str:
    """``58.1 MiB``."""
    return (
        f"{count / 2**20:,.1f} MiB"
        if count >= 2**20
        else f"{count / 1024:,.1f} KiB"
        if count >= 1024
        else f"{count} bytes"
    )


def short(count: int) -> str:
    """Four digits and a unit: ``15.47 G``, ``102.8 M``; small numbers whole."""
    scaled = float(count)
    for unit in ("K", "M", "G", "T", "P", "E"):
        scaled /= 1000
        if count < 10_000 or scaled >= 1_000_000:
            continue
        for places in (3, 2, 1):
            if len(text := f"{scaled:.{places}f}") <= 5:
                return f"{text} {unit}"
    return f"{count:,}" if count < 10_000 else f"{count:.1e}"
