"""The list of bundled networks, in every format."""

from __future__ import annotations

import csv as csv_module
import io
from typing import Any

from rich import box
from rich.table import Table

from ..analysis.fold import Report
from .columns import DASH, axes_text, shape_text
from .json import SCHEMA_VERSION, dumps

KEYS = ("name", "spec", "year", "input", "params", "trainable_params", "macs", "flops", "activations", "receptive_field")
Found = list[tuple[str, str, Report]]


def data(found: Found) -> list[dict[str, Any]]:
    """One object per network; the receptive field is that of the last layer that does not see everything."""
    return [{
        "name": name, "spec": target, "year": report.year, "input": next(list(shape) for shape in report.inputs.values()),
        **{key: getattr(report.totals, key) for key in ("params", "trainable_params", "macs", "flops", "activations")},
        "receptive_field": list(report.receptive_field[1].size) if report.receptive_field else None,
    } for name, target, report in found]  # fmt: skip


def json(found: Found) -> str:
    return dumps({"schema_version": SCHEMA_VERSION, "networks": data(found)})


def cells(entry: dict[str, Any]) -> list[str]:
    """Name, year, input, parameters, MACs, activations and receptive field, as people read them."""
    numbers = [f"{entry[key]:,}" for key in ("params", "macs", "activations")]
    field = axes_text(tuple(entry["receptive_field"])) if entry["receptive_field"] else DASH
    return [entry["name"], str(entry["year"] or DASH), shape_text(tuple(entry["input"])), *numbers, field]


HEADINGS = ("network", "year", "input", "params", "MACs", "activations", "field")


def table(found: Found, width: int) -> Table:
    """The list, without the years where it would not fit."""
    kept = [n for n, heading in enumerate(HEADINGS) if width >= 90 or heading != "year"]
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0) if width >= 90 else 0)
    for n in kept:
        grid.add_column(HEADINGS[n], justify="left" if HEADINGS[n] in ("network", "input") else "right", no_wrap=True)
    for entry in data(found):
        values = cells(entry)
        grid.add_row(*(values[n] for n in kept))
    return grid


def markdown(found: Found) -> str:
    lines = ["| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS)]
    return "\n".join(lines + ["| " + " | ".join(cells(entry)) + " |" for entry in data(found)])


def csv(found: Found) -> str:
    out = io.StringIO()
    writer = csv_module.DictWriter(out, KEYS, lineterminator="\n")
    writer.writeheader()
    for entry in data(found):
        writer.writerow({key: "×".join(map(str, value)) if isinstance(value, list) else value for key, value in entry.items()})
    return out.getvalue().removesuffix("\n")
