"""The list of bundled networks in every format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..analysis.figures import FIELDS, field_of
from ..analysis.zoo import BundledNetwork
from ..wording import DASH, axes_text, shape_text, short, value_text
from .formats.csv import Csv
from .formats.json import Json, document
from .formats.markdown import Page
from .formats.table import grid

if TYPE_CHECKING:
    from rich.table import Table

HEADINGS = ("network", "year", "input", "params", "MACs", "activations", "field")
FULL = 120  # columns of a screen from which on numbers have all their digits
NEEDED = {"year": 90, "activations": 90, "field": 70, "input": 62}  # columns of a screen
SUMS = ("params", "trainable_params", "macs", "flops", "activations")
KEYS = ("name", "spec", "year", "input", *SUMS, *FIELDS)


def table(found: list[BundledNetwork], width: int) -> Table:
    """Write the list; where it does not fit, with fewer columns and shorter figures."""
    kept = [n for n, name in enumerate(HEADINGS) if width >= NEEDED.get(name, 0)]
    listed = grid(*(HEADINGS[n] for n in kept), left=("network", "input"))
    for network in found:
        values = _cells(network, width < FULL)
        listed.add_row(*(values[n] for n in kept))
    return listed


def json(found: list[BundledNetwork]) -> Json:
    """Write every network."""
    return document({"networks": [network_data(network) for network in found]})


def csv(found: list[BundledNetwork]) -> Csv:
    """Write a line for each network, under the keys of the JSON."""
    return Csv(KEYS, *(network_data(network).values() for network in found))


def markdown(found: list[BundledNetwork]) -> Page:
    """Write a line for each network."""
    lines = map(_cells, found)
    page = Page()
    page.table(HEADINGS, [False] * len(HEADINGS), lines, compact=True)
    return page


def network_data(network: BundledNetwork) -> dict[str, Any]:
    """Return a network as programs read it.

    The receptive fields are those of the last layers whose field moves with the position.
    """
    report = network.report
    fields = {name: field_of(report, name) for name in FIELDS}
    return {
        "name": network.name,
        "spec": network.target,
        "year": report.year,
        "input": next(iter(report.inputs.values())),
        **{key: getattr(report.totals, key) for key in SUMS},
        **{name: field and field.size for name, field in fields.items()},
    }


def _cells(network: BundledNetwork, narrow: bool = False) -> list[str]:
    """Return what the list shows of a network; `narrow`: four digits, the field's largest axis.

    The field is the one without gates: with them, some see everything after their first block.
    """
    report = network.report
    field = field_of(report, "receptive_field_without_gates")
    seen: tuple[Any, ...] = field.size if field else ()
    if narrow and seen:
        seen = (max(seen),)
    counts = (report.totals.params, report.totals.macs, report.totals.activations)
    return [
        network.name,
        str(report.year or DASH),
        shape_text(next(iter(report.inputs.values()))),
        *map(short if narrow else value_text, counts),
        axes_text(seen),
    ]
