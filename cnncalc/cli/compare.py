"""The command compare: counts one network by every convention."""

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
    """Show what fvcore, torchinfo, thop, ptflops, torch, Keras and papers count, and why.

    Examples:
        Count MobileNetV2 by every convention:
        cnncalc compare mobilenet_v2
        Count ResNet-50 with a batch of 8, in a format for programs:
        cnncalc compare resnet50 --batch 8 --format json
    """
    from ..analysis.compare import counts

    report, sources = spec_report(spec, variant, set, input, batch)
    if report.complete or format is o.Format.json:
        found = counts(report) if report.complete else []
        present("compare", format.value, output, report, found)
    finish_with_errors(report.diagnostics, sources)
