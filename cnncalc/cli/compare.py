"""The command compare: one network by every counting convention."""

from __future__ import annotations

from . import options as o
from .output import finish_with_errors, present
from .spec_report import spec_report


def compare(
    spec: o.Spec,
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    batch: o.Batch = 1,
    format: o.ReportFormat = o.Format.table,
    output: o.Output = None,
) -> None:
    """What fvcore, torchinfo, thop, ptflops, torch, papers and Keras make of a network, and why
    they differ.
    """
    from ..analysis.compare import counts

    report, sources = spec_report(spec, variant, set, input, batch)
    if report.complete or format is o.Format.json:
        found = counts(report) if report.complete else []
        present("compare", format.value, output, report, found)
    finish_with_errors(report.diagnostics, sources)
