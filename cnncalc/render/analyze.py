"""The layers and totals of a network in every format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..analysis.receptive_field import ReceptiveField
from ..analysis.result import Comparison, Report, Row
from ..conventions import CONVENTIONS
from ..wording import DASH, axes_text, bytes_text, shape_text, short, value_text
from .columns import BARRED, COLUMNS, Column, chosen, input_values, totals
from .formats.csv import Csv
from .formats.json import Json, diagnostic_data, document
from .formats.markdown import Bold, Page
from .formats.table import DIM, LayerTable, bar, facts, noted, on_lines, stacked, text

if TYPE_CHECKING:
    from rich.console import Group
    from rich.segment import Segments
    from rich.text import Text

WIDE = 110  # columns of a screen from which on bars are long
UNFINISHED = "and no further: see the error"
Keys = tuple[str, ...] | None
Facts = Iterator[tuple[str, "str | Text"]]


def table(report: Report, rows: list[Row], keys: Keys, width: int) -> Group:
    """Write the layers, the totals, the budgets and the published figures for a screen."""
    layers = _layers(report, rows, chosen(report, keys), width)
    if not report.complete:  # sums of a part of the network would mislead
        return stacked(heading(report), layers, text((UNFINISHED, DIM)))
    return stacked(heading(report), layers, facts(summary(report)))


def json(report: Report, rows: list[Row], keys: Keys = None) -> Json:
    """Write every figure of every layer, whatever columns are chosen."""
    return document(
        {
            "name": report.name,
            "variant": report.variant,
            "file": report.file,
            "input": report.inputs,
            "outputs": report.outputs,
            "batch": report.batch,
            "dtype": report.dtype,
            "convention": report.convention,
            "rule": report.rule,
            "totals": report.totals._asdict(),
            **_network_fields(report),
            "layers": [_row_data(row) for row in rows],
            "published": [figure._asdict() for figure in report.published],
            "budgets": [budget._asdict() for budget in report.budgets],
            "diagnostics": [diagnostic_data(d) for d in report.diagnostics],
        }
    )


def csv(report: Report, rows: list[Row], keys: Keys = None) -> Csv:
    """Write the keys of the columns, the inputs, and one line per layer."""
    columns = [COLUMNS[key] for key in keys or COLUMNS]
    head = [column.key for column in columns]
    layers = ([column.value(row) for column in columns] for row in rows)
    return Csv(head, *input_values(report, columns), *layers)


def markdown(report: Report, rows: list[Row], keys: Keys = None) -> Page:
    """Write a heading, the inputs, the layers and the totals."""
    columns = chosen(report, keys)
    lines = [list(map(_cell, values)) for values in input_values(report, columns)]
    for row in rows:
        lines.append([_markdown_cell(column, row) for column in columns])
    if report.complete:
        lines.append([Bold(_cell(total)) for total in totals(report, columns)])
    titles = [column.title for column in columns]
    numeric = [column.numeric for column in columns]
    page = Page()
    page.heading(report.name)
    page.table(titles, numeric, lines)
    for sentence in _sentences(report) if report.complete else [UNFINISHED]:
        page.paragraph(sentence)
    return page


def heading(report: Report, *more: str, dtype: bool = True) -> Text:
    """Return the network's name, input and source, and more lines."""
    shapes = {name: shape_text(shape) for name, shape in report.inputs.items()}
    if len(shapes) > 1:
        shapes = {name: f"{name} {shape}" for name, shape in shapes.items()}
    line = text(
        (report.name, "bold"),
        f"  input {', '.join(shapes.values())}",
        f", batch {report.batch}" if report.batch > 1 else "",
        f", {report.dtype}" if dtype else "",
    )
    sources = [report.source] if report.source else []
    return on_lines(line, *(text((words, DIM)) for words in (*sources, *more)))


def summary(report: Report) -> Facts:
    """Yield the totals in words, then the budgets and the published figures."""
    t = report.totals
    parts = [f"{value:,} {part}" for part in _PARTS if (value := getattr(t, part))]
    yield "parameters", noted(f"{t.params:,} = {bytes_text(t.param_bytes)}", " + ".join(parts))
    yield from _cost(report)
    size = f"{t.activations:,} = {bytes_text(t.activation_bytes)}"
    yield "activations", noted(size, "the input and every output, each kept once")
    yield from _fields(report)
    if t.buffers:
        yield "buffers", noted(f"{t.buffers:,}", "saved, not trained")
    for budget in report.budgets:
        subject = f"{budget.what} at {budget.at}" if budget.at else budget.what
        line = f"{subject} {value_text(budget.ours)}, {budget.limit}: "
        style = "green" if budget.verdict == "kept" else "bold red"
        yield "budget", text(line, (budget.verdict, style))
    yield from _published(report)


def _fields(report: Report) -> Facts:
    """Yield the receptive field of the last layer that has a number, and the one without gates."""
    strict, ungated = report.receptive_field, report.receptive_field_without_gates
    if strict:
        yield "field", noted(_field_text(*strict), _last_of(report, strict[0]))
    if ungated and ungated != strict:
        yield "ungated", noted(_field_text(*ungated), "the field without gates")


def _field_text(at: str, seen: ReceptiveField) -> str:
    """Write ``212 at pool5, stride 32, padding 90``."""
    stride, padding = axes_text(seen.stride, "varies"), axes_text(seen.padding)
    return f"{axes_text(seen.size)} at {at}, stride {stride}, padding {padding}"


def _last_of(report: Report, path: str) -> str:
    """Say why the layers after this one have no number."""
    rows = [row.path for row in report.rows]
    after = report.rows[rows.index(path) + 1 :]
    if any(row.receptive_field and row.receptive_field.unknown for row in after):
        return f"the last layer that is followed; not followed from {report.not_followed[0]} on"
    if any(row.receptive_field and row.receptive_field.whole for row in after):
        return "the last layer before a global one"
    return "the last layer with positions"


_PARTS = ("weights", "biases", "affine")


def _cell(value: Any) -> str:
    return "" if value is None else value_text(value)


def _markdown_cell(column: Column, row: Row) -> str:
    value = column.value(row)
    return DASH if column.total and not value else value_text(value)


def _layers(report: Report, rows: list[Row], columns: list[Column], width: int) -> Segments:
    """Lay out a line per layer with the inputs above and the sums below; counts have bars."""
    values = [[column.value(row) for column in columns] for row in rows]
    barred = [column.key in BARRED for column in columns]
    cells = 6 if width >= WIDE else 1
    lines = LayerTable(
        titles=[column.title for column in columns],
        above=[list(map(_cell, line)) for line in input_values(report, columns)],
        body=[[_layer_cell(*pair) for pair in zip(line, barred)] for line in values],
        ends=list(map(_cell, totals(report, columns))) if report.complete else [""] * len(columns),
        numeric=[column.numeric for column in columns],
        barred=barred,
        bar=cells,
        bars=_bars(values, barred, cells),
    )
    if columns[0].key != "path":
        return lines.render()
    others = sum(lines.widths[1:]) + sum(barred) * (cells + 1) + len(columns) + 1
    return lines.render(max(width - others, 12))


def _layer_cell(value: Any, barred: bool) -> str:
    return DASH if barred and value == 0 else value_text(value)


def _bars(values: list[list[Any]], barred: list[bool], cells: int) -> list[list[str]]:
    """Return the bars of each layer, in proportion to the largest value of each column."""
    counts = [[value for value, drawn in zip(line, barred) if drawn] for line in values]
    peaks = list(map(max, zip(*counts)))
    return [[bar(count, peak, cells) for count, peak in zip(line, peaks)] for line in counts]


def _cost(report: Report) -> Facts:
    """Yield the cost by the report's convention, and its parameters where it counts others."""
    t, convention = report.totals, CONVENTIONS[report.convention]
    if t.counted is not None:
        name = convention.unit if convention.name in ("macs", "flops") else convention.name
        rule = report.rule
        if rule == "mac":
            note = convention.notes[0].text
            rule = note[:1].lower() + note[1:].rstrip(".")
        yield name, noted(f"{t.counted:,} = {short(t.counted)}", rule)
    if t.counted_params != t.params:
        count = f"{t.counted_params:,} parameters"
        yield f"by {convention.name}", noted(count, convention.about_params)


def _published(report: Report) -> Facts:
    """Yield how many published figures agree, and those that differ, once for each reason."""
    if report.not_compared:
        why = "figures not compared: they are of the network as written"
        yield "published", text((f"{report.not_compared} {why}", DIM))
    if not report.published:
        return
    agree = [figure for figure in report.published if figure.agrees]
    names = ((figure.source or "").partition(",")[0].partition(":")[0] for figure in agree)
    count = f"{len(agree)} of {len(report.published)} figures agree"
    yield "published", noted(count, ", ".join(dict.fromkeys(names)))
    differing: dict[str, list[Comparison]] = {}
    for figure in report.published:
        if not figure.agrees:
            differing.setdefault(figure.erratum or "no erratum", []).append(figure)
    for reason, figures in differing.items():
        listed = ", ".join(map(_difference, figures))
        yield "", text(("differs: ", "yellow"), listed, (f". {reason}", DIM))


def _difference(figure: Comparison) -> str:
    """Write ``activations at conv1 253440 (290,400)``: as printed, and ours."""
    printed = figure.printed
    printed_text = shape_text(printed) if isinstance(printed, list) else str(printed)
    subject = f"{figure.what} at {figure.at}" if figure.at else figure.what
    return f"{subject} {printed_text} ({value_text(figure.ours)})"


def _sentences(report: Report) -> Iterator[str]:
    """Yield the totals as Markdown has them under its table."""
    t = report.totals
    yield ", ".join(
        (
            f"{t.params:,} parameters ({bytes_text(t.param_bytes)})",
            f"{t.macs:,} MACs ({short(t.macs)})",
            f"{t.activations:,} activations ({bytes_text(t.activation_bytes)})",
        )
    )
    if report.convention != "macs" and t.counted is not None:
        yield f"{report.convention}: {t.counted:,} = {report.rule}"
    if t.counted_params != t.params:
        about = CONVENTIONS[report.convention].about_params
        yield f"{report.convention}: {t.counted_params:,} parameters, {about}"


def _network_fields(report: Report) -> dict[str, Any]:
    """Return the network's receptive fields as programs read them."""
    strict, ungated = report.receptive_field, report.receptive_field_without_gates
    data: dict[str, Any] = {
        "receptive_field": {"at": strict[0], **_field_data(strict[1])} if strict else None
    }
    if ungated and ungated != strict:
        data["receptive_field_without_gates"] = {"at": ungated[0], **_field_data(ungated[1])}
    return data


def _row_data(row: Row) -> dict[str, Any]:
    """Return a layer as programs read it."""
    data = {
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
        "counted": row.counted,
        "activations": row.activations,
        "activation_bytes": row.activation_bytes,
        "receptive_field": row.receptive_field and _field_data(row.receptive_field),
    }
    ungated = row.receptive_field_without_gates
    if ungated and ungated != row.receptive_field:
        data["receptive_field_without_gates"] = _field_data(ungated)
    if len(row.receptive_fields) > 1:
        data["receptive_fields"] = list(map(_field_data, row.receptive_fields))
    place = row.position
    return {
        **data,
        "shared_with": row.shared_with,
        "file": place and place.file,
        "line": place and place.line,
        "column": place and place.column,
    }


def _field_data(field: ReceptiveField) -> dict[str, Any]:
    """Return a receptive field as programs read it.

    A size is a number, "all" for the whole axis, or null where it is not followed.
    """
    return {
        "of": field.of,
        "size": field.size,
        "unknown": field.unknown,
        "stride": field.stride,
        "padding": field.padding,
        "centre": field.centre,
        "clipped": field.clipped,
    }
