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
    layer: Annotated[str, typer.Argument(help="path of the layer, as `analyze` shows it")],
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    batch: o.Batch = 1,
) -> None:
    """The arithmetic of one layer, with the numbers put in."""
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
