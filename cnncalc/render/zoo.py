"""The list of bundled networks, in every format."""

from __future__ import annotations

import csv as csv_module
import io
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from ..analysis.zoo import Entry, Network
from .columns import DASH, axes_text, shape_text, short
from .json import SCHEMA_VERSION, dumps
from .table import heading, noted, summary

KEYS = (
    "name",
    "spec",
    "year",
    "input",
    "params",
    "trainable_params",
    "macs",
    "flops",
    "activations",
    "receptive_field",
)
Found = list[Network]


def data(found: Found) -> list[dict[str, Any]]:
    """One object per network; the receptive field is that of the last layer that does not see everything."""
    return [one(network) for network in found]


def one(network: Network) -> dict[str, Any]:
    """A network as programs read it."""
    report = network.report
    return {
        "name": network.name,
        "spec": network.target,
        "year": report.year,
        "input": next(list(shape) for shape in report.inputs.values()),
        **{
            key: getattr(report.totals, key)
            for key in ("params", "trainable_params", "macs", "flops", "activations")
        },
        "receptive_field": list(report.receptive_field[1].size) if report.receptive_field else None,
    }


def json(found: Found) -> str:
    return dumps({"schema_version": SCHEMA_VERSION, "networks": data(found)})


def cells(entry: dict[str, Any], narrow: bool = False) -> list[str]:
    """Name, year, input, parameters, MACs, activations and receptive field, as people read them."""
    numbers = [
        short(entry[key]) if narrow else f"{entry[key]:,}"
        for key in ("params", "macs", "activations")
    ]
    seen = tuple(entry["receptive_field"] or ())
    field = axes_text((max(seen),) if narrow and seen else seen)
    return [
        entry["name"],
        str(entry["year"] or DASH),
        shape_text(tuple(entry["input"])),
        *numbers,
        field,
    ]


HEADINGS = ("network", "year", "input", "params", "MACs", "activations", "field")


def table(found: Found, width: int) -> Table:
    """The list; where it would not fit, with numbers of four digits, the largest axis of fields, and fewer columns."""
    narrow = width < 120
    dropped = [
        heading
        for least, heading in ((90, "year"), (90, "activations"), (70, "field"), (62, "input"))
        if width < least
    ]
    kept = [n for n, heading in enumerate(HEADINGS) if heading not in dropped]
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for n in kept:
        grid.add_column(
            HEADINGS[n],
            justify="left" if HEADINGS[n] in ("network", "input") else "right",
            no_wrap=True,
        )
    for entry in data(found):
        values = cells(entry, narrow)
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
        writer.writerow(
            {
                key: "×".join(map(str, value)) if isinstance(value, list) else value
                for key, value in entry.items()
            }
        )
    return out.getvalue().removesuffix("\n")


def card(found: Entry) -> Group:
    """One network: what it is, its totals, its family, and how to start from it."""
    name, target, report = found.network
    grid = summary(report)
    if found.least:
        grid.add_row(
            "least input",
            noted(
                shape_text(found.least),
                "with sides as long as each other" if len(found.least) > 2 else "",
            ),
        )
    if len(found.family) > 1:
        grid.add_row("family", ", ".join(member for member in found.family if member != name))
    grid.add_row(
        "layers", f"{len(report.rows)}, in specs/{target}: `cnncalc analyze {name}` lists them"
    )
    grid.add_row("start here", f"cnncalc init mine.yaml --from {name}")
    return Group(heading(report), Text(), grid)


def card_json(found: Entry) -> str:
    least = list(found.least) if found.least else None
    return dumps(
        {
            "schema_version": SCHEMA_VERSION,
            **one(found.network),
            "least_input": least,
            "family": found.family,
        }
    )
