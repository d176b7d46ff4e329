"""The columns of a report's layers, for every format that has columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ..analysis.result import BYTES, Report, Row
from ..analysis.undeclared import declares
from ..num import product
from ..wording import DASH, axes_text, duration_text, percent_text, shape_text


class Column(NamedTuple):
    """One column: its key, its heading, and the function that reads its value from a row."""

    key: str
    title: str
    value: Callable[[Row, Report], Any]
    total: str | None = None  # the attribute of Totals with its sum
    over: Callable[[Iterable[int]], int] | None = None  # what makes the total where there is none

    @property
    def numeric(self) -> bool:
        """Return whether it is right-aligned."""
        counts = bool(self.total or self.over)
        return counts or self.key.startswith("rf") or self.key in _OF_WINDOWS


_OF_WINDOWS = ("kernel", "stride", "padding", "dilation", "groups")


def _figure(name: str) -> Callable[[Row, Report], Any]:
    return lambda row, _: getattr(row, name)


def _declared(row: Row, report: Report) -> str:
    """Return whether figures of a layer or block are declared; `no` is a layer without any."""
    node = report.node(row.path)
    if not row.declared:
        return DASH
    return "yes" if node is None or node.op is None or declares(node) else "no"


def _share(figure: str, title: str) -> Column:
    """Return the column of a figure in percent of the network's; a network with errors has none."""

    def value(row: Row, report: Report) -> str:
        if not report.complete:
            return DASH
        return percent_text(getattr(row, figure) or 0, getattr(report.totals, figure))

    return Column(f"{figure}_share", title, value, figure)


def _setting(name: str) -> Column:
    """Return the column of a field of the window, for each axis; blocks have none."""

    def value(row: Row, report: Report) -> str:
        node = report.node(row.path)
        if node is None or node.op is None or name not in node.op.fields():
            return DASH
        return _setting_text(node.op.settings(*report.graph.shapes_into(node))[name])

    return Column(name, name, value)


def _setting_text(value: Any) -> str:
    """Write one value if all axes are equal; a padding that is not equal on both sides is a sum."""
    axes = value if isinstance(value, tuple) else (value,)
    return axes_text(tuple(map(_sides_text, axes)))


def _sides_text(amount: Any) -> str:
    """Write ``1`` for (1, 1), and ``0+1`` for (0, 1), as the size rule does."""
    sides = amount if isinstance(amount, tuple) else (amount,)
    return "+".join(map(str, sides if len(set(sides)) > 1 else sides[:1]))


def _field(attribute: str, which: str = "receptive_field") -> Callable[[Row, Report], str]:
    """Return a function that reads an attribute of a receptive field from a row."""
    unknown = "?" if attribute in ("size", "clipped") else DASH

    def value(row: Row, _: Report) -> str:
        seen = getattr(row, which)
        return axes_text(getattr(seen, attribute), unknown) if seen else DASH

    return value


COLUMNS: dict[str, Column] = {
    column.key: column
    for column in (
        Column("path", "layer", lambda r, _: r.path),
        Column("op", "operator", lambda r, _: r.op),
        Column("inputs", "inputs", lambda r, _: " ".join(r.inputs)),
        Column("input", "input", lambda r, _: " ".join(map(shape_text, r.input_shapes))),
        Column("output", "output", lambda r, _: shape_text(r.output_shape)),
        *map(_setting, _OF_WINDOWS),
        Column("params", "params", lambda r, _: r.params, "params"),
        _share("params", "params %"),
        Column("weights", "weights", lambda r, _: r.weights, "weights"),
        Column("biases", "biases", lambda r, _: r.biases, "biases"),
        Column("affine", "affine", lambda r, _: r.affine, "affine"),
        Column(
            "trainable_params", "trainable", lambda r, _: r.trainable_params, "trainable_params"
        ),
        Column("frozen_params", "frozen", lambda r, _: r.frozen_params, "frozen_params"),
        Column("buffers", "buffers", lambda r, _: r.buffers, "buffers"),
        Column("macs", "MACs", lambda r, _: r.macs, "macs"),
        _share("macs", "MACs %"),
        Column("flops", "FLOPs", lambda r, _: r.flops, "flops"),
        _share("flops", "FLOPs %"),
        Column("backward_macs", "backward MACs", lambda r, _: r.backward_macs, over=sum),
        Column("backward_bytes", "backward bytes", lambda r, _: r.backward_bytes, over=sum),
        Column("counted", "counted", lambda r, _: r.counted or 0, "counted"),
        Column("activations", "activations", lambda r, _: r.activations, "activations"),
        _share("activations", "act. %"),
        Column("activation_bytes", "bytes", lambda r, _: r.activation_bytes, "activation_bytes"),
        Column("saved", "saved", lambda r, _: r.saved, over=sum),
        Column("peak", "peak", lambda r, _: r.peak, over=max),
        Column("latency", "latency", lambda r, _: duration_text(r.latency) if r.latency else DASH),
        Column("bound", "bound by", lambda r, _: r.bound or DASH),
        Column("rf", "field", _field("size")),
        Column("rf_stride", "jump", _field("stride")),
        Column("rf_padding", "field padding", _field("padding")),
        Column("rf_centre", "centre", _field("centre")),
        Column("rf_clipped", "on input", _field("clipped")),
        Column("rf_ungated", "ungated", _field("size", "receptive_field_without_gates")),
        Column("declared", "declared", _declared),
        Column("shared_with", "weights of", lambda r, _: r.shared_with or DASH),
        Column("line", "line", lambda r, _: r.position.line if r.position else DASH),
    )
}

BARRED = frozenset(  # columns with a bar for each layer
    (
        "params",
        "trainable_params",
        "frozen_params",
        "weights",
        "macs",
        "flops",
        "counted",
        "activations",
        "activation_bytes",
        "saved",
    )
)
OF_LATENCY = ("latency", "bound")  # on a device that must be named
OF_BACKWARD = ("backward_macs", "backward_bytes")
OF_MEMORY = ("saved", "peak")  # these take a pass of their own
_FREEZING = ("trainable_params", "frozen_params")  # both say nothing where nothing is frozen
USUAL = ("path", "output", "params", "counted", "activations", "rf")
# What people want to see, the most important first: a narrow screen shows the first of them.
VIEWS = {
    "textbook": "path output kernel stride padding params counted activations",
    "shapes": "path output input kernel stride padding dilation groups op",
    "cost": "path output counted macs_share flops params params_share backward_macs backward_bytes",
    "memory": "path output activation_bytes saved peak activations params buffers",
    "field": "path output kernel stride rf rf_stride rf_padding rf_centre rf_clipped",
}


def chosen(report: Report, keys: tuple[str, ...] | None) -> list[Column]:
    """Return the chosen columns, or the default ones with the cost by the report's convention."""
    if not keys:
        keys = _usual(report)
    convention = report.convention
    title = COLUMNS[convention].title if convention in COLUMNS else convention
    columns = {**COLUMNS, "counted": COLUMNS["counted"]._replace(title=title)}
    return [columns[key] for key in keys]


def _usual(report: Report) -> tuple[str, ...]:
    """Return the keys of the columns that have something to say about this network."""
    keys: tuple[str, ...] = USUAL
    if report.totals.counted is None:
        keys = tuple(key for key in keys if key != "counted")
    if report.totals.frozen_params:
        keys = (*keys[:3], "frozen_params", *keys[3:])
    if any(row.declared for row in report.rows):
        keys = (*keys[:2], "declared", *keys[2:])
    if any(row.ungated_fields != row.receptive_fields for row in report.rows):
        keys = (*keys, "rf_ungated")
    return keys


def telling(report: Report) -> list[Column]:
    """Return all columns that may differ from others in this network, and are known."""
    left_out = {
        *OF_MEMORY,
        *OF_BACKWARD,
        *OF_LATENCY,
        *(() if report.totals.frozen_params else _FREEZING),
    }
    if not any(row.declared for row in report.rows):
        left_out.add("declared")
    return [column for key, column in COLUMNS.items() if key not in left_out]


def input_values(report: Report, columns: list[Column]) -> list[list[Any]]:
    """Return a line for each input, which counts as an activation too; None is an empty cell."""
    lines = []
    for node in report.graph.inputs:
        values = product(node.shape) * report.batch
        known = {
            "path": node.path,
            "op": "input",
            "output": shape_text(node.shape),
            "activations": values,
            "activations_share": percent_text(values, report.totals.activations),
            "activation_bytes": values * node.width(BYTES[report.dtype]),
        }
        lines.append([known.get(column.key) for column in columns])
    return lines


def totals(report: Report, columns: list[Column]) -> list[Any]:
    """Return the last line: the sum of each column that has one."""
    return ["total", *(total(report, column) for column in columns[1:])]


def total(report: Report, column: Column) -> int | str | None:
    """Return the sum of a column, or its largest value; None if it has none."""
    if column.over is not None:
        values = (column.value(row, report) for row in report.rows)
        known = [value for value in values if value is not None]
        return column.over(known) if known else None
    if column.total is None:
        return None
    found: int = getattr(report.totals, column.total)
    return percent_text(found, found) if column.key.endswith("_share") else found
