"""Writes the list of bundled networks in every format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..analysis.figures import RECEPTIVE_FIELDS
from ..analysis.zoo import BundledNetwork
from ..wording import DASH, axes_text, shape_text, short, value_text
from .formats.csv import Csv
from .formats.json import Json, document
from .formats.markdown import Page
from .formats.table import LayerTable, no_room, stacked

if TYPE_CHECKING:
    from rich.console import Group

HEADINGS = ("network", "year", "input", "params", "MACs", "activations", "field", "ungated")
FULL = 120  # columns of a screen that has room for all digits
# columns of a screen
NEEDED = {"year": 97, "activations": 97, "field": 80, "ungated": 74, "input": 62}
SUMS = ("params", "trainable_params", "macs", "flops", "activations")
KEYS = ("name", "spec", "year", "input", *SUMS, *RECEPTIVE_FIELDS)


def table(found: list[BundledNetwork], width: int) -> Group:
    """Write the list, with fewer columns and shorter figures on a narrow screen."""
    left_out = [name for name in HEADINGS if width < NEEDED.get(name, 0)]
    kept = [n for n, name in enumerate(HEADINGS) if width >= NEEDED.get(name, 0)]
    lines = [_cells(network, width < FULL) for network in found]
    listed = LayerTable(
        titles=[HEADINGS[n] for n in kept],
        body=[[line[n] for n in kept] for line in lines],
        ends=[""] * len(kept),
        numeric=[HEADINGS[n] not in ("network", "input") for n in kept],
        barred=[False] * len(kept),
        gap=2,
    )
    room = width - listed.width(0) + listed.widths[0]
    return stacked(listed.render(room), *no_room(left_out))


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
    """Return a network for JSON.

    The receptive fields are those of the last layer that does not see the whole input.
    """
    return {
        "name": network.name,
        "spec": network.target,
        "year": network.year,
        "input": network.input,
        **{key: network.totals[key] for key in SUMS},
        **{name: field and field.size for name, field in network.fields.items()},
    }


def _cells(network: BundledNetwork, narrow: bool = False) -> list[str]:
    """Return what the list shows of a network; if `narrow`, four digits and the longest axis.

    Both receptive fields are shown, as in the columns of `analyze`. With gates, some networks see
    the whole input after their first block.
    """
    sizes = [field.size if field else () for field in network.fields.values()]
    counts = [network.totals[name] for name in ("params", "macs", "activations")]
    return [
        network.name,
        str(network.year or DASH),
        shape_text(network.input),
        *map(short if narrow else value_text, counts),
        *(axes_text(_longest(size) if narrow else size) for size in sizes),
    ]


def _longest(sizes: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the longest axis alone; nothing for a network without a field."""
    return (max(sizes),) if sizes else ()
