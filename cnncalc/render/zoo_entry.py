"""Writes one bundled network in every format, for `zoo show`."""

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
from .init import in_shell

if TYPE_CHECKING:
    from rich.console import Group


def table(entry: ZooEntry, width: int) -> Group:
    """Write what a network is, its totals, its family, and how to start from it."""
    report = entry.report
    return stacked(heading(report), text(), facts([*summary(report), *_about(entry)]))


def json(entry: ZooEntry) -> Json:
    """Write a network with its family and its smallest input."""
    data = zoo.network_data(entry.network)
    return document({**data, "least_input": entry.smallest_input, "family": entry.family})


def csv(entry: ZooEntry) -> Csv:
    """Write the network's line of the list."""
    return zoo.csv([entry.network])


def markdown(entry: ZooEntry) -> Page:
    """Write the network's line of the list."""
    return zoo.markdown([entry.network])


def _about(entry: ZooEntry) -> Facts:
    """Yield what follows the totals of a network."""
    name, target, report = entry.network.name, entry.network.target, entry.report
    if entry.smallest_input:
        note = "of those with equal sides" if len(entry.smallest_input) > 2 else ""
        yield "smallest input", noted(shape_text(entry.smallest_input), note)
    if len(entry.family) > 1:
        own = name if entry.bundled else report.variant or report.name
        yield "family", ", ".join(member for member in entry.family if member != own)
    listing = f"`cnncalc analyze {in_shell(name)}` lists them"
    where = f"in specs/{target.partition('#')[0]}: " if entry.bundled else ""
    yield "layers", f"{len(report.rows)}, {where}{listing}"
    if entry.bundled:
        yield "start here", f"cnncalc init mine.yaml --from {name}"
