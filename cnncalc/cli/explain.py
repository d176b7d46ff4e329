"""The command explain: the arithmetic of one layer."""

from __future__ import annotations

from typing import Annotated

import typer

from ..diagnostic import Diagnostic, Mistake, misspelled
from . import options as o
from .output import finish_with_errors, put
from .spec_report import spec_report


def explain(
    spec: o.Spec,
    layer: Annotated[
        str, typer.Argument(metavar="LAYER", help="path of a layer or block, as `analyze` shows it")
    ],
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    batch: o.Batch = 1,
) -> None:
    """Show the arithmetic of one layer or block, with the numbers put in.

    Examples:
        Why the first layer of AlexNet is 55×55:
        cnncalc explain alexnet conv1
        The same layer at another input size:
        cnncalc explain alexnet conv1 --input 3x224x224
    """
    from ..analysis import explain as analysis
    from ..render.explain import text

    report, sources = spec_report(spec, variant, set, input, batch)
    lines = analysis.explain(report, layer) or analysis.explain_group(report, layer)
    if lines:
        put(text(report, layer, lines))
    elif report.ok:
        fault = Diagnostic("CNN111", f"no layer is called `{layer}`")
        listing = "`cnncalc analyze SPEC --format csv --columns path` lists the layers"
        raise Mistake(misspelled(fault, layer, [row.path for row in report.rows], listing))
    finish_with_errors(report.diagnostics, sources)
