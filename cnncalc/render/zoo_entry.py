"""One bundled network with its totals in every format, for `zoo show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..analysis.zoo import ZooEntry
from ..wording import shape_text
from . import zoo
from .analyze import Facts, heading, summary
from .formats.csv import Csv
from .formats.json import Json, document
from .formats.markdown import Page
from .formats.table import facts, noted, stacked, text

if TYPE_CHECKING:
    from rich.console import Group


def table(entry: ZooEntry, width: int) -> Group:
    """Write what a network is, its totals, its family, and how to start from it."""
    report = entry.network.report
    return stacked(heading(report), text(), facts([*summary(report), *_about(entry)]))


def json(entry: ZooEntry) -> Json:
    """Write a network with its family and the smallest input that it takes."""
    data = zoo.network_data(entry.network)
    return document({**data, "least_input": entry.smallest_input, "family": entry.family})


def csv(entry: ZooEntry) -> Csv:
    """Write the network's line of the list."""
    return zoo.csv([entry.network])


def markdown(entry: ZooEntry) -> Page:
    """Write the network's line of the list."""
    return zoo.markdown([entry.network])


def _about(entry: ZooEntry) -> Facts:
    """Yield what is shown of a network after its totals."""
    name, target, report = entry.network
    if entry.smallest_input:
        note = "with sides as long as each other" if len(entry.smallest_input) > 2 else ""
        yield "least input", noted(shape_text(entry.smallest_input), note)
    if len(entry.family) > 1:
        yield "family", ", ".join(member for member in entry.family if member != name)
    where = f"in specs/{target}: `cnncalc analyze {name}` lists them"
    yield "layers", f"{len(report.rows)}, {where}"
    yield "start here", f"cnncalc init mine.yaml --from {name}"
