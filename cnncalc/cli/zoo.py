"""The command zoo: the bundled networks."""

from __future__ import annotations

from typing import Annotated

import typer

from ..diagnostic import Diagnostic, Mistake
from . import options as o
from .output import complain, deliver, present


def zoo(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            help="parts of names, such as resnet; or `show NAME` for one network",
            metavar="[show] [NAME]…",
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="CONDITION",
            help="only those that hold, such as 'params < 10M'; may be repeated",
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            "--sort",
            metavar="FIGURE",
            help="by name, year, params, macs, flops, activations, field, …",
        ),
    ] = None,
    reverse: Annotated[
        bool, typer.Option("--reverse", help="the other way round: the largest first")
    ] = False,
    format: Annotated[o.Format, typer.Option("--format", help="how to print it")] = o.Format.table,
    output: o.Output = None,
) -> None:
    """The bundled networks, with their totals; `zoo show NAME` tells of one."""
    from ..analysis import zoo as bundled
    from ..render import zoo as rendering

    if words and words[0] == "show":
        if len(words) != 2 or where or sort or reverse:
            raise Mistake(
                Diagnostic(
                    "CNN111",
                    "`zoo show` takes the name of one network, and no --where, --sort or --reverse",
                    help="cnncalc zoo show resnet50",
                )
            )
        found = bundled.entry(words[1])
        if format in (o.Format.csv, o.Format.markdown):  # a line of the list
            present(rendering, format.value, output, [found.network])
        else:
            deliver(
                format is o.Format.json,
                lambda: rendering.card_json(found),
                lambda _: rendering.card(found),
                output,
            )
        return
    chosen = bundled.ordered(
        bundled.filtered(bundled.networks(words or ()), where or ()), sort, reverse
    )
    if not chosen:
        among = (
            f"of those with {' or '.join(f'`{word}`' for word in words)} in their name "
            if words
            else ""
        )
        complain(
            [
                Diagnostic(
                    "CNN111",
                    f"no bundled network {among}has {' and '.join(where or ())}",
                    severity="note",
                )
            ]
        )
    present(rendering, format.value, output, chosen)
