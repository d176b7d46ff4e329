"""A report as a Markdown table."""

from __future__ import annotations

from ..analysis.rows import Report, Row
from ..conventions import CONVENTIONS
from .columns import DASH, chosen, input_values, mebibytes, short, text, texts, totals


def render(report: Report, rows: list[Row], keys: tuple[str, ...] | None = None) -> str:
    """A heading, the inputs, the layers, the totals."""
    columns = chosen(report, keys)
    numeric = [column.numeric for column in columns]
    lines = [
        f"### {report.name}",
        "",
        _line([c.title for c in columns]),
        _line(["---:" if n else "---" for n in numeric]),
    ]
    for values in input_values(report, columns):
        lines.append(_line(["" if value is None else text(value) for value in values]))
    for row in rows:
        lines.append(
            _line(
                [
                    DASH if c.total and not c.value(row) else t
                    for c, t in zip(columns, texts(row, columns))
                ]
            )
        )
    if not report.complete:
        return "\n".join([*lines, "", "and no further: see the error"])
    lines.append(
        _line(["" if end is None else f"**{text(end)}**" for end in totals(report, columns)])
    )
    t = report.totals
    lines += [
        "",
        f"{t.params:,} parameters ({mebibytes(t.param_bytes)}), {t.macs:,} MACs ({short(t.macs)}), {t.activations:,} activations ({mebibytes(t.activation_bytes)})",
    ]
    if report.convention != "macs" and t.counted is not None:
        lines += ["", f"{report.convention}: {t.counted:,} = {report.rule}"]
    if t.counted_params != t.params:
        lines += [
            "",
            f"{report.convention}: {t.counted_params:,} parameters, {CONVENTIONS[report.convention].about_params}",
        ]
    return "\n".join(lines)


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
