"""The command sizes: shows which sizes of input a network takes."""

from __future__ import annotations

from typing import Annotated

import typer

from . import option_values as values
from . import options as o
from .output import finish_with_errors, present
from .spec_report import one_variant


def sizes(
    spec: o.Spec,
    variant: o.Variant = None,
    set: o.Set = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="LAYER",
            help="the layer whose output is shown (default: the last one that depends on the"
            " input's sizes)",
        ),
    ] = None,
    output_size: Annotated[
        str | None,
        typer.Option(
            "--output",
            metavar="SIZE",
            help="find the inputs that give this output, such as 388 or 388x260",
        ),
    ] = None,
    near: Annotated[
        str | None,
        typer.Option(
            "--near", metavar="SIZE", help="find the sizes next to this one, such as 300 or 300x400"
        ),
    ] = None,
    list: Annotated[
        str | None,
        typer.Option(
            "--list", metavar="FROM:TO", help="list the sizes of a range, such as 200:600"
        ),
    ] = None,
    format: o.MeasuredFormat = o.Screen.table,
    output: Annotated[
        str | None,
        typer.Option("-o", metavar="FILE", help="write to a file instead of the screen"),
    ] = None,
) -> None:
    """Show which sizes of input a network takes, and which of them leave no pixel unread.

    The sizes are solved for, not tried. Sizes in the spec may be left open: `input: [3, _, _]`.

    Examples:
        See which inputs a U-Net takes, and which give an output of 388:
        cnncalc sizes unet --output 388
        Find sizes near 300 on which no stride leaves a pixel:
        cnncalc sizes resnet50 --near 300
    """
    from ..analysis.sizes import sizes as solve
    from ..language.load import load

    loaded = load(spec)
    found = solve(
        loaded,
        one_variant(loaded, variant),
        set=values.settings(set),
        layer=at,
        output=values.sizes(output_size, "--output"),
        near=values.sizes(near, "--near"),
        listed=values.range_of(list, "--list"),
    )
    if found.found or format is o.Screen.json:
        present("sizes", format.value, output, found)
    finish_with_errors(found.diagnostics, {loaded.file: loaded.text})
