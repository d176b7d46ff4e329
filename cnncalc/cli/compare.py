"""The command compare: one network by every counting convention."""

from __future__ import annotations

from typing import Annotated

import typer

from . import options as o
from .output import finish, present
from .reports import report_of


def compare(
    spec: o.Spec,
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    batch: o.Batch = 1,
    format: Annotated[o.Format, typer.Option("--format", help="how to print it")] = o.Format.table,
    output: o.Output = None,
) -> None:
    """What fvcore, torchinfo, thop, ptflops, torch, papers and Keras make of a network, and why they differ."""
    from ..analysis.compare import counts
    from ..render import compare as rendering

    report, sources = report_of(spec, variant, set, input, batch)
    if report.complete or format is o.Format.json:
        present(rendering, format.value, output, report, counts(report) if report.complete else [])
    finish((d for d in report.diagnostics if d.severity == "error"), sources)
