"""The command analyze: shows every layer and the totals."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from . import options as o
from . import timed_on as t
from .option_values import column_keys, depth_of, usage
from .output import finish, on_terminal, present, put, text_width
from .spec_report import spec_report

if TYPE_CHECKING:
    from ..analysis.result import Report


class View(str, Enum):
    """Columns that answer one question, or the blocks drawn as a graph."""

    textbook, shapes, cost, memory, field = "textbook", "shapes", "cost", "memory", "field"
    graph = "graph"


def analyze(
    spec: o.Spec,
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    batch: o.Batch = 1,
    dtype: Annotated[o.Dtype, o.choice("--dtype", o.Dtype, "type of the values")] = o.Dtype.float32,
    convention: o.Convention = "macs",
    fold_bn: o.FoldBn = False,
    device: t.Device = None,
    format: o.ReportFormat = o.Format.table,
    view: Annotated[
        View | None,
        o.choice("--view", View, "columns that answer one question; graph draws the blocks"),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            metavar="KEY,KEY…",
            help="columns to show, after those of --view if it is given: {columns}",
        ),
    ] = None,
    depth: Annotated[
        str | None,
        typer.Option(
            "--depth",
            metavar="N",
            help="show each block at this depth as one line; 1 is the outermost, and `all` shows"
            " every layer. On a terminal, long networks are folded unless this is given",
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
    from ..analysis.blocks import folded, readable_depth
    from ..render.columns import OF_BACKWARD, OF_LATENCY, OF_MEMORY

    if view is View.graph:
        if format is not o.Format.table or columns is not None:
            raise usage("--view graph is a drawing", "leave out --format and --columns")
        report, sources = spec_report(spec, variant, set, input, batch, dtype.value, convention)
        if report.graph.nodes:
            _draw(report, depth, output)
        finish(report.diagnostics, sources)
        return
    keys = column_keys(columns, view.value if view else None)
    timing = t.timed_on(device, dtype)
    if keys and any(key in OF_LATENCY for key in keys) and timing is None:
        raise usage("the columns latency and bound need a device", "--device rtx4090")
    memory = any(key in OF_MEMORY for key in keys or ())
    if keys and not memory and format is o.Format.json:
        which = "--columns" if columns else "--view"
        figures = "JSON has every figure but `saved` and `peak`"
        raise usage(f"{which} is for tables; {figures}", f"drop {which}")
    report, sources = spec_report(
        spec, variant, set, input, batch, dtype.value, convention, fold_bn=fold_bn
    )
    if memory:
        from ..analysis.memory.rows import with_memory  # only for those who ask

        report = with_memory(report)
    if keys and any(key in OF_BACKWARD for key in keys):
        from ..analysis.latency.backward import with_backward  # only for those who ask

        report = with_backward(report)
    if timing is not None:
        from ..analysis.latency.timing import with_latency

        report = with_latency(report, timing)
    given = depth_of(depth) if depth is not None else None
    by_itself = None
    if given is None and format is o.Format.table and output is None and on_terminal():
        by_itself = readable_depth(report)
    level = given or by_itself
    rows = folded(report, level) if level else report.rows
    if report.graph.nodes or format is o.Format.json:
        present("analyze", format.value, output, report, rows, keys, by_itself is not None)
    finish(report.diagnostics, sources)


def _draw(report: Report, depth: str | None, output: str | None) -> None:
    """Draw the blocks of a network as text."""
    from ..render.block_graph import block_graph

    level = depth_of(depth) if depth is not None else None
    put(block_graph(report, level, text_width(output)), output, output is None and on_terminal())
