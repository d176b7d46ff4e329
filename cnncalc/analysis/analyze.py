"""The main question: all figures of a network, beside its budgets and what was published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..diagnostic import Diagnostic
from ..graph import Graph
from ..language.spec import Spec
from .budget import budgets
from .field_following import receptive_fields
from .published import compared_with_published
from .result import Report
from .rows import rows_and_totals


def analyze(
    spec: Spec,
    variant: str | None = None,
    *,
    set: Mapping[str, Any] | None = None,
    input: Any = None,
    batch: int = 1,
    dtype: str = "float32",
    convention: str = "macs",
) -> Report:
    """Computes every layer's shape, parameters, memory, cost and receptive field; runs nothing.

    Accepts:
        variant: a name in `spec.variants`; by default the one that the spec was loaded for.
        set: parameters of the spec by name, instead of their values there.
        input: a shape ``(C, *spatial)``, or a mapping of input names to such shapes.
        batch: images, a positive int; operations and activations are counted for all of them.
        dtype: float64, float32, float16, bfloat16 or int8, for the bytes.
        convention: a way to count, as `cnncalc compare` lists them: macs, flops, fvcore, thop, …
            Its figures are `counted` in the rows and totals.

    Returns:
        The report. Published figures are compared only for the network as written: with the
        spec's own parameters and input, one image and float32. Units: bytes, and plain numbers.

    Errors:
        What is wrong with the network is in the report's `diagnostics`, beside the rows before
        the wrong layer. A convention that does not exist is a Mistake; a dtype, a KeyError.
    """
    variant = variant or spec.variant
    declared = variant is None or variant in (spec.document.variants or ())
    graph = spec.graph(variant, set, input)
    fields = receptive_fields(graph)
    rows, totals = rows_and_totals(graph, fields, batch, dtype)
    faults = graph.diagnostics
    if input is not None and not graph.outputs:
        faults = _with_fitting_size(spec, variant, set, graph)
    report = Report(
        name=spec.title(variant if declared else None),
        file=spec.file,
        variant=variant,
        source=spec.source(variant) if declared else None,
        year=spec.year(variant) if declared else None,
        inputs={node.path: tuple(node.shape) for node in graph.inputs},
        outputs={graph.nodes[n].path: tuple(graph.nodes[n].shape) for n in graph.outputs},
        batch=batch,
        dtype=dtype,
        rows=rows,
        totals=totals,
        graph=graph,
        diagnostics=[*spec.diagnostics, *faults, *fields.notes],
        not_followed=fields.not_followed,
    )
    if declared and report.complete:
        as_written = not set and input is None and batch == 1 and dtype == "float32"
        report = _judged(report, spec, as_written)
    return report if convention == "macs" else _counted(report, convention)


def _judged(report: Report, spec: Spec, as_written: bool) -> Report:
    """The report with the network's budgets and published figures, and a warning for each fault."""
    figures = spec.figures(report.variant)
    judged, found = budgets(report, figures.budget, figures.budget_marks, spec.file)
    if not as_written:
        return replace(
            report,
            budgets=judged,
            not_compared=len(figures.published),
            diagnostics=report.diagnostics + found,
        )
    published, differing = compared_with_published(
        report, figures.published, figures.published_marks, spec.file
    )
    return replace(
        report,
        budgets=judged,
        published=published,
        diagnostics=report.diagnostics + found + differing,
    )


def _counted(report: Report, convention: str) -> Report:
    from .compare import under  # only for those who ask

    return under(report, convention)


def _with_fitting_size(
    spec: Spec, variant: str | None, set: Mapping[str, Any] | None, graph: Graph
) -> list[Diagnostic]:
    """What is wrong with a network under another input, and which sizes of input it takes.

    The sizes are named only if the network is right with the input that it was written for.
    """
    from .sizes import size_advice  # only on the way to an error

    given = graph.inputs[0].shape if len(graph.inputs) == 1 else ()
    advice = size_advice(spec.graph(variant, set), tuple(given)) if len(given) > 1 else None
    if advice is None:
        return graph.diagnostics
    found = []
    for d in graph.diagnostics:
        if d.code.startswith("CNN20") and d.severity == "error":
            d = d._replace(help=f"{advice}; or {d.help}" if d.help else advice)
        found.append(d)
    return found
