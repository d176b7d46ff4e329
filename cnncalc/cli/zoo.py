"""The command zoo: lists and describes the bundled networks."""

from __future__ import annotations

from typing import Annotated

import typer

from ..diagnostic import Diagnostic
from . import options as o
from .option_values import usage
from .output import complain, present, say, text_width


def zoo(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            help="part of a name, such as resnet; or `show` and then a network or a file",
            metavar="NAME",
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="CONDITION",
            help="list only networks that meet this, such as 'params<10M'; may be repeated",
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            "--sort",
            metavar="FIGURE",
            help="sort by one of: {figures}",
        ),
    ] = None,
    reverse: Annotated[
        bool, typer.Option("--reverse", help="reverse the order: largest first")
    ] = False,
    format: o.ReportFormat = o.Format.table,
    output: o.Output = None,
) -> None:
    """List the bundled networks with their totals, or describe one of them or of a file.

    The column field is the receptive field of the last layer that does not see the whole input;
    ungated is the same without gates, such as squeeze-and-excite.

    Examples:
        List networks with fewer than 5 million parameters, sorted by cost:
        cnncalc zoo --where "params < 5M" --sort macs
        Describe ResNet-50:
        cnncalc zoo show resnet50
    """
    from ..analysis.zoo import filtered, networks, ordered, zoo_entry
    from ..processes import processors
    from ..render.formats.entries import block

    if words and words[0] == "show":
        if len(words) != 2 or where or sort or reverse:
            only = "`zoo show` takes the name of one network, without --where, --sort or --reverse"
            raise usage(only, "cnncalc zoo show resnet50")
        present("zoo_entry", format.value, output, zoo_entry(words[1]))
        return
    found = ordered(filtered(networks(words or (), processors()), where or ()), sort, reverse)
    if not found:
        complain([_nothing(words or [], where or [])])
    present("zoo", format.value, output, found)
    named = [network.name for network in found if network.name in (words or ())]
    if words and len(words) == 1 and format is o.Format.table and output is None and found:
        name = named[0] if named else found[0].name
        about = f"listed: names with `{words[0]}`. `cnncalc zoo show {name}` describes one network"
        say(*block(about, text_width(), 0))


def _nothing(words: list[str], where: list[str]) -> Diagnostic:
    """Return a note that no network meets the conditions."""
    listed = " or ".join(f"`{word}`" for word in words)
    among = f"with {listed} in its name " if words else ""
    message = f"no bundled network {among}has {' and '.join(where)}"
    return Diagnostic("CNN111", message, severity="note")
