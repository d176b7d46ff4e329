"""The command analyze: every layer and the totals."""

from __future__ import annotations

from typing import Annotated

import typer

from . import options as o
from .option_values import column_keys, positive, usage
from .output import finish, present
from .spec_report import spec_report


def analyze(
    spec: o.Spec,
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    batch: o.Batch = 1,
    dtype: Annotated[o.Dtype, typer.Option("--dtype", help="type of the values")] = o.Dtype.float32,
    convention: o.Convention = "macs",
    format: o.ReportFormat = o.Format.table,
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="KEY,…", help="which columns")
    ] = None,
    depth: Annotated[
        int | None, typer.Option("--depth", help="fold blocks below this depth")
    ] = None,
    output: o.Output = None,
) -> None:
    """Every layer's size, parameters, cost, memory and receptive field, and the totals."""
    from ..analysis.result import folded

    keys = column_keys(columns)
    if keys and format is o.Format.json:
        raise usage("--columns is for tables; JSON has every figure", "drop --columns")
    report, sources = spec_report(spec, variant, set, input, batch, dtype.value, convention)
    rows = report.rows
    if depth is not None:
        rows = folded(report, positive(depth, "--depth"))
    if report.graph.nodes or format is o.Format.json:
        present("analyze", format.value, output, report, rows, keys)
    finish(report.diagnostics, sources)
