"""The command expand: a network without blocks."""

from __future__ import annotations

from . import options as o
from .output import finish_with_errors, put
from .spec_report import spec_report


def expand(
    spec: o.Spec,
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    output: o.Output = None,
) -> None:
    """Write a network out layer by layer, without blocks, repeats or parameters.

    Examples:
        All layers of GoogLeNet:
        cnncalc expand googlenet
        Into a spec of its own:
        cnncalc expand resnet50 -o resnet50.cnn.yaml
    """
    from ..language.write import flat_spec
    from ..render.formats.lines import Lines

    report, sources = spec_report(spec, variant, set, input)
    if report.graph.nodes:
        put(Lines.of(flat_spec(report.graph, report.name)), output)
    finish_with_errors(report.diagnostics, sources)
