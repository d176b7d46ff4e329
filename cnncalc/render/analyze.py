"""Writes the layers and totals of a network in every format.

Each format is imported where it is written; only that of tables is needed most of the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..analysis.receptive_field import ReceptiveField
from ..analysis.records import figures_of
from ..analysis.result import Comparison, Report, Row
from ..analysis.undeclared import undeclared
from ..conventions import CONVENTIONS
from ..wording import DASH, axes_text, bytes_text, figure_text, shape_text, short, value_text
from .columns import COLUMNS, OF_MEMORY, Column, chosen, input_values, telling, total, totals
from .formats.table import DIM, facts, no_room, noted, on_lines, stacked, text
from .layers import cell, laid_out

if TYPE_CHECKING:
    from rich.console import Group
    from rich.text import Text

    from .formats.csv import Csv
    from .formats.json import Json
    from .formats.markdown import Page

UNKNOWN_FIGURES = "not declared, so figures with them are unknown"
UNFINISHED = "The analysis stops here: see the error."
Keys = tuple[str, ...] | None
Facts = Iterator[tuple[str, "str | Text"]]


def table(
    report: Report, rows: list[Row], keys: Keys, folded: bool = False, *, width: int
) -> Group:
    """Write the layers, the totals, the budgets and the published figures for a screen.

    `folded` says that nobody asked to fold blocks, so that a line is due that says so.
    """
    columns = chosen(report, keys)
    layers = laid_out(report, rows, columns, width, as_tree=folded)
    remarks = []
    if folded:
        every = f"Blocks are folded: `--depth all` shows all {len(report.rows):,} layers."
        remarks.append(text((every, DIM)))
    left_out = [column.key for column in layers.left_out]
    remarks += no_room(left_out, ": `--columns` chooses what to show")
    if remarks:
        remarks.append(text())
    if not report.complete:  # the sums of a part of the network would be misleading
        remarks.append(text((UNFINISHED, DIM)))
        return stacked(heading(report), layers.table, *remarks)
    return stacked(heading(report), layers.table, *remarks, facts(summary(report)))


def json(report: Report, rows: list[Row], keys: Keys = None, folded: bool = False) -> Json:
    """Write every figure of every layer, whichever columns are chosen."""
    from .formats.json import diagnostic_data, document

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
            "totals": _totals_data(report),
            **_network_fields(report),
            "layers": [_row_data(row, report) for row in rows],
            "published": [figure._asdict() for figure in report.published],
            "budgets": [budget._asdict() for budget in report.budgets],
            "diagnostics": [diagnostic_data(d) for d in report.diagnostics],
        }
    )


def csv(report: Report, rows: list[Row], keys: Keys = None, folded: bool = False) -> Csv:
    """Write the keys of the columns, the inputs, and one line per layer."""
    from .formats.csv import Csv

    columns = [COLUMNS[key] for key in keys] if keys else telling(report)
    head = [column.key for column in columns]
    layers = ([column.value(row, report) for column in columns] for row in rows)
    return Csv(head, *input_values(report, columns), *layers)


def markdown(report: Report, rows: list[Row], keys: Keys = None, folded: bool = False) -> Page:
    """Write a heading, the inputs, the layers and the totals."""
    from .formats.markdown import Bold, Page

    columns = chosen(report, keys)
    lines = [list(map(cell, values)) for values in input_values(report, columns)]
    for row in rows:
        lines.append([_markdown_cell(column, row, report) for column in columns])
    if report.complete:
        lines.append([Bold(cell(value)) for value in totals(report, columns)])
    titles = [column.title for column in columns]
    numeric = [column.numeric for column in columns]
    page = Page()
    page.heading(report.name)
    page.table(titles, numeric, lines)
    for sentence in _sentences(report) if report.complete else [UNFINISHED]:
        page.paragraph(sentence)
    return page


def heading(report: Report, *more: str, dtype: bool = True) -> Text:
    """Return the network's name, input and source, and further lines."""
    shapes = {name: shape_text(shape) for name, shape in report.inputs.items()}
    for node in report.graph.inputs:
        if node.integers:
            shapes[node.path] += " integers"
    if len(shapes) > 1:
        shapes = {name: f"{name} {shape}" for name, shape in shapes.items()}
    line = text(
        (report.name, "bold"),
        f"  input {', '.join(shapes.values())}",
        f", batch {report.batch}" if report.batch > 1 else "",
        f", {report.dtype}" if dtype else "",
    )
    lines = [report.source] if report.source else []
    if report.declared and report.declared.paths:
        lines.append(f"of which declared, not computed: {report.declared}")
    if report.undeclared:
        lines.append(f"{UNKNOWN_FIGURES}: {report.undeclared}")
    return on_lines(line, *(text((words, DIM)) for words in (*lines, *more)))


def summary(report: Report) -> Facts:
    """Yield the totals, then the budgets and the published figures."""
    t = report.totals
    parts = [f"{value:,} {part}" for part in _PARTS if (value := getattr(t, part))]
    yield "parameters", noted(f"{t.params:,} = {bytes_text(t.param_bytes)}", " + ".join(parts))
    if t.frozen_params:
        yield "trainable", noted(f"{t.trainable_params:,}", f"{t.frozen_params:,} are frozen")
    yield from _cost(report)
    size = f"{t.activations:,} = {bytes_text(t.activation_bytes)}"
    yield "activations", noted(size, "the input and every output, each kept once")
    yield from _fields(report)
    if t.buffers:
        yield "buffers", noted(f"{t.buffers:,}", "saved, not trained")
    for budget in report.budgets:
        line = f"{budget.subject} {figure_text(budget.what, budget.ours)}, {budget.limit}: "
        style = "green" if budget.verdict == "kept" else "bold red"
        yield "budget", text(line, (budget.verdict, style))
    if report.budget_of_base:
        why = "the budget at the top level is for the base alone, and is not applied here"
        if not report.budgets:
            why += f"; write one into `{report.variant}` under `variants`"
        yield "budget", text((why, DIM))
    yield from _published(report)


def _fields(report: Report) -> Facts:
    """Yield the field of the last layer that has a number, and the one without gates."""
    strict, ungated = report.receptive_field, report.receptive_field_without_gates
    if strict:
        yield "field", noted(_field_text(*strict), _last_of(report, strict[0]))
    if ungated and ungated != strict:
        yield "ungated", noted(_field_text(*ungated), "the field without gates")


def _field_text(at: str, seen: ReceptiveField) -> str:
    """Return ``212 at pool5, stride 32, padding 90``."""
    stride, padding = axes_text(seen.stride, "varies"), axes_text(seen.padding)
    return f"{axes_text(seen.size)} at {at}, stride {stride}, padding {padding}"


def _last_of(report: Report, path: str) -> str:
    """Return why the layers after this one, on the way to the first output, do not follow it."""
    nodes, outputs = report.graph.nodes, report.graph.outputs
    leading = {nodes[n].path for n in report.graph.before(outputs[0])} if outputs else set()
    rows = [row for row in report.rows if not outputs or row.path in leading]
    first = [row.path for row in rows].index(path) + 1
    after = [row.receptive_fields for row in rows[first:] if row.receptive_fields]
    if any(seen.unknown for fields in after for seen in fields):
        return f"not followed from {report.not_followed[0]} on"
    if any(all(seen.whole for seen in fields) for fields in after):
        return "later layers see the whole input"
    if after:
        return "later fields do not move along each axis"
    return "the last layer with spatial axes"


_PARTS = ("weights", "biases", "affine")


def _markdown_cell(column: Column, row: Row, report: Report) -> str:
    value = column.value(row, report)
    return DASH if column.total and not value else value_text(value)


def _cost(report: Report) -> Facts:
    """Yield the cost by the report's convention, and its parameters if they differ."""
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
    """Yield how many published figures agree, and those that differ, grouped by reason."""
    if report.not_compared:
        why = "figures are not compared: they are for the settings in the spec"
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
            differing.setdefault(figure.erratum or "No erratum explains it", []).append(figure)
    for reason, figures in differing.items():
        listed = ", ".join(map(_difference, figures))
        yield "", text(("differs: ", "magenta"), listed, (f". {reason}", DIM))


def _difference(figure: Comparison) -> str:
    """Return ``activations at conv1 (published 253440, computed 290,400)``."""
    printed = figure.printed
    printed_text = shape_text(printed) if isinstance(printed, list) else str(printed)
    subject = f"{figure.what} at {figure.at}" if figure.at else figure.what
    return f"{subject} (published {printed_text}, computed {value_text(figure.ours)})"


def _sentences(report: Report) -> Iterator[str]:
    """Yield the sentences under the table in Markdown: the totals."""
    t = report.totals
    frozen = f", {t.frozen_params:,} of them frozen" if t.frozen_params else ""
    declared = report.declared
    yield ", ".join(
        (
            f"{t.params:,} parameters ({bytes_text(t.param_bytes)}){frozen}",
            f"{t.macs:,} MACs ({short(t.macs)})",
            f"{t.activations:,} activations ({bytes_text(t.activation_bytes)})",
        )
    )
    if declared and declared.paths:
        yield f"Of which declared, not computed: {declared}"
    if report.undeclared:
        yield f"{UNKNOWN_FIGURES.capitalize()}: {report.undeclared}"
    if report.convention != "macs" and t.counted is not None:
        yield f"{report.convention}: {t.counted:,} = {report.rule}"
    if t.counted_params != t.params:
        about = CONVENTIONS[report.convention].about_params
        yield f"{report.convention}: {t.counted_params:,} parameters, {about}"


def _network_fields(report: Report) -> dict[str, Any]:
    """Return the network's receptive fields for JSON."""
    strict, ungated = report.receptive_field, report.receptive_field_without_gates
    data: dict[str, Any] = {
        "receptive_field": {"at": strict[0], **_field_data(strict[1])} if strict else None
    }
    if ungated and ungated != strict:
        data["receptive_field_without_gates"] = {"at": ungated[0], **_field_data(ungated[1])}
    return data


def _totals_data(report: Report) -> dict[str, Any]:
    """Return the totals for JSON; frozen parameters and memory only if there are any."""
    from .formats.json import with_unknown

    data = report.totals._asdict()
    if report.declared:
        data["declared"] = {"params": report.declared.params, "macs": report.declared.macs}
    if any(row.peak is not None for row in report.rows):
        data |= {key: total(report, COLUMNS[key]) for key in OF_MEMORY}
    if not report.totals.frozen_params:
        del data["frozen_params"]
    return with_unknown(data, report.undeclared)


def _row_data(row: Row, report: Report) -> dict[str, Any]:
    """Return a layer for JSON."""
    from .formats.json import with_unknown

    data: dict[str, Any] = {
        **figures_of(row),
        "counted": row.counted,
        "receptive_field": row.receptive_field and _field_data(row.receptive_field),
    }
    if report.declared:
        data["declared"] = row.declared
    if row.peak is not None:
        data |= {"saved": row.saved, "peak": row.peak}
    ungated = row.receptive_field_without_gates
    if ungated and ungated != row.receptive_field:
        data["receptive_field_without_gates"] = _field_data(ungated)
    if report.totals.frozen_params:
        data["trainable_params"] = row.trainable_params
        data["frozen_params"] = row.frozen_params
    if len(row.receptive_fields) > 1:
        data["receptive_fields"] = list(map(_field_data, row.receptive_fields))
    if report.undeclared:
        data = with_unknown(data, undeclared(report.graph, row.path))
    place = row.position
    return {
        **data,
        "shared_with": row.shared_with,
        "file": place and place.file,
        "line": place and place.line,
        "column": place and place.column,
    }


def _field_data(field: ReceptiveField) -> dict[str, Any]:
    """Return a receptive field for JSON.

    A size is a number, "all" for the whole axis, or null if it is not followed.
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
