"""The main question: all figures of a network, held against its budgets and what was published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..diagnostic import Diagnostic
from ..graph import Graph
from ..language.spec import Spec
from .budget import budgets
from .published import compare
from .rows import Report, Totals, fold


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
    """The report of a network, without running anything.

    `set` replaces parameters, `input` the shape ``(C, *spatial)`` or a mapping of names to shapes. Where a layer is
    wrong, the report holds the rows before it and says so in `diagnostics`; nothing is raised for a user's mistake.
    Published figures and budgets are compared only for the network as written. `convention` names another way to
    count, whose figures are `counted` in the rows and totals.
    """
    variant = variant or spec.variant
    graph = spec.graph(variant, set, input)
    rows, totals, notes = fold(graph, batch, dtype) if graph.nodes else ([], Totals(), [])
    inputs = {node.path: tuple(node.shape) for node in graph.inputs}
    outputs = {graph.nodes[n].path: tuple(graph.nodes[n].shape) for n in graph.outputs}
    report = Report(
        spec.title(variant if variant in spec.variants else None),
        spec.file,
        variant,
        None,
        None,
        inputs,
        outputs,
        batch,
        dtype,
        rows,
        totals,
        graph,
    )
    report.diagnostics = [
        *spec.diagnostics,
        *(
            graph.diagnostics
            if input is None or graph.outputs
            else _too_small(spec, variant, set, graph)
        ),
        *notes,
    ]
    if variant is None or variant in spec.variants:
        report.source, report.year = spec.source(variant), spec.year(variant)
        if report.complete:
            _held_against(
                report,
                spec,
                variant,
                as_written=not set and input is None and batch == 1 and dtype == "float32",
            )
    return report if convention == "macs" else _counted(report, convention)


def _counted(report: Report, convention: str) -> Report:
    from .compare import under  # only for those who ask

    return under(report, convention)


def _too_small(
    spec: Spec, variant: str | None, set: Mapping[str, Any] | None, graph: Graph
) -> list[Diagnostic]:
    """What is wrong with a network under another input, and the least input if the one it is written for suits it."""
    from .sizes import instead_of  # only on the way to an error

    given = graph.inputs[0].shape if len(graph.inputs) == 1 else ()
    told = instead_of(spec.graph(variant, set), tuple(given)) if len(given) > 1 else None
    if told is None:
        return graph.diagnostics
    return [
        d._replace(help=f"{told}{f'; or {d.help}' if d.help else ''}")
        if d.code.startswith("CNN20") and d.severity == "error"
        else d
        for d in graph.diagnostics
    ]


def _held_against(report: Report, spec: Spec, variant: str | None, as_written: bool) -> None:
    figures = spec.figures(variant)
    found: list[Diagnostic]
    report.budgets, found = budgets(report, figures.budget, figures.budget_marks, spec.file)
    report.diagnostics += found
    if not as_written:
        report.not_compared = len(figures.published)
    else:
        report.published, found = compare(
            report, figures.published, figures.published_marks, spec.file
        )
        report.diagnostics += found
