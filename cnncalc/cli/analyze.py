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
    dtype: Annotated[o.Dtype, o.choice("--dtype", o.Dtype, "type of the values")] = o.Dtype.float32,
    convention: o.Convention = "macs",
    format: o.ReportFormat = o.Format.table,
    columns: Annotated[
        str | None,
        typer.Option("--columns", metavar="KEY,KEY…", help="columns to show: {columns}"),
    ] = None,
    depth: Annotated[
        int | None,
        typer.Option(
            "--depth", metavar="N", help="show blocks below this depth as one line each, from 1"
        ),
    ] = None,
    output: o.Output = None,
) -> None:
    """Show every layer's size, parameters, cost, memory and receptive field, and the totals.

    Examples:
        VGG-16 with larger images:
        cnncalc analyze vgg16 --input 3x320x320
        The blocks of ResNet-50, with columns of your choice:
        cnncalc analyze resnet50 --depth 1 --columns path,output,macs
    """
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
