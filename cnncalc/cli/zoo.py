"""The command zoo: the bundled networks."""

from __future__ import annotations

from typing import Annotated

import typer

from ..diagnostic import Diagnostic
from . import options as o
from .option_values import usage
from .output import complain, present


def zoo(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            help="a part of a name, such as resnet; or the word show, then the name of one network",
            metavar="NAME",
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="CONDITION",
            help="list only networks for which this holds, such as 'params<10M'; may be repeated",
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            "--sort",
            metavar="FIGURE",
            help="order by one of: {figures}",
        ),
    ] = None,
    reverse: Annotated[
        bool, typer.Option("--reverse", help="reverse the order: the largest first")
    ] = False,
    format: o.ReportFormat = o.Format.table,
    output: o.Output = None,
) -> None:
    """List the bundled networks with their totals, or describe one.

    Examples:
        Networks with fewer than 5 million parameters, by their cost:
        cnncalc zoo --where "params < 5M" --sort macs
        What is known of ResNet-50:
        cnncalc zoo show resnet50
    """
    from ..analysis.zoo import filtered, networks, ordered, zoo_entry

    if words and words[0] == "show":
        if len(words) != 2 or where or sort or reverse:
            only = "`zoo show` takes the name of one network, and no --where, --sort or --reverse"
            raise usage(only, "cnncalc zoo show resnet50")
        present("zoo_entry", format.value, output, zoo_entry(words[1]))
        return
    found = ordered(filtered(networks(words or ()), where or ()), sort, reverse)
    if not found:
        complain([_nothing(words or [], where or [])])
    present("zoo", format.value, output, found)


def _nothing(words: list[str], where: list[str]) -> Diagnostic:
    """Return a note that no network has what was asked for."""
    listed = " or ".join(f"`{word}`" for word in words)
    among = f"of those with {listed} in their name " if words else ""
    message = f"no bundled network {among}has {' and '.join(where)}"
    return Diagnostic("CNN111", message, severity="note")
