"""The command expand: writes a network without blocks, or with its blocks found again."""

from __future__ import annotations

from typing import Annotated

import typer

from . import options as o
from .output import finish_with_errors, put
from .spec_report import spec_report


def expand(
    spec: o.Spec,
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    output: o.Output = None,
    roll: Annotated[
        bool, typer.Option("--roll", help="find blocks, parameters and repeats, and write these")
    ] = False,
) -> None:
    """Write a network layer by layer, without blocks, repeats or parameters.

    With --roll, do the opposite: find what repeats, and write it as blocks with parameters. The
    result is checked: it has the same layers in the same order.

    Examples:
        Show all layers of GoogLeNet:
        cnncalc expand googlenet
        Tidy a long spec:
        cnncalc expand net.cnn.yaml --roll -o tidy.cnn.yaml
    """
    from ..render.formats.lines import Lines

    report, sources = spec_report(spec, variant, set, input)
    if report.graph.nodes:
        if roll and report.ok:
            from ..convert.roll import rolled_spec

            text = rolled_spec(report.graph, report.name).text.removesuffix("\n")
        else:
            from ..language.write import flat_spec

            text = flat_spec(report.graph, report.name)
        put(Lines.of(text), output)
    finish_with_errors(report.diagnostics, sources)
