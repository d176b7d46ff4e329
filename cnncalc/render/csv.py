"""Rows as comma-separated values, numbers plain."""

from __future__ import annotations

import csv
import io

from ..analysis.rows import Report, Row
from .columns import COLUMNS, DASH, input_values


def render(report: Report, rows: list[Row], columns: tuple[str, ...] | None = None) -> str:
    """A heading of keys, the inputs, and one line per layer; what has no meaning is empty."""
    chosen = [COLUMNS[key] for key in columns or COLUMNS]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.key for column in chosen])
    for line in input_values(report, chosen):
        writer.writerow(["" if value is None else value for value in line])
    for row in rows:
        values = [column.value(row) for column in chosen]
        writer.writerow(["" if value == DASH else value for value in values])
    return out.getvalue().removesuffix("\n")
