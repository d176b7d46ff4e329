"""The main question: all figures of a network, beside its budgets and what was published."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ..diagnostic import Diagnostic, Mistake
from ..graph import Graph
from ..language.inputs import MAX_SIZE
from ..language.load import spec_of
from ..language.spec import Spec
from ..language.validation import shown
from ..wording import either
from .field_following import receptive_fields
from .freezing import freeze_parts
from .published import compared_with_published
from .result import BYTES, Budget, Report
from .rows import rows_and_totals


def analyze(
    spec: Spec | str | os.PathLike[str],
    variant: str | None = None,
    *,
    set: Mapping[str, Any] | None = None,
    input: Any = None,
    batch: int = 1,
    dtype: str = "float32",
    convention: str = "macs",
    freeze: Collection[str] = (),
    train_only: Collection[str] = (),
    fold_bn: bool = False,
) -> Report:
    """Compute every layer's shape, parameters, memory, cost and receptive field; run nothing.

    Accepts:
        spec: the name of a bundled network, a path, the text of a spec, or what `load` or `loads`
            returned.
        variant: a name in `spec.variants`; by default the one that the spec was loaded for.
        set: values that replace parameters of the spec, by name, such as ``{"width": 48}``. Floats
            count as the decimals that Python prints: 0.1 is 1/10.
        input: a shape ``(C, *spatial)`` for the first input, or a mapping of names to such shapes.
        batch: the number of images, a positive int; operations and activations are counted for
            all of them.
        dtype: float64, float32, float16, bfloat16 or int8. Only bytes depend on it.
        convention: a way to count, as `cnncalc compare` lists them: macs, flops, fvcore, thop, …
            Its figures are `counted` in the rows and totals.
        freeze: paths of layers, blocks, branches and chains whose parameters are not trained,
            beside those that the spec freezes.
        train_only: paths whose parameters alone are trained, whatever the spec freezes.
        fold_bn: count the network with its batch normalizations folded into the filters before
            them, as for inference.

    Returns:
        A Report. Shapes are ``(C, *spatial)``, without the batch. Counts are exact ints, memory is
        in bytes, and receptive fields are in pixels of the input. Published figures are compared
        only for the network as written: with the spec's own parameters and input, one image and
        float32.

    Errors:
        What is wrong with the network raises nothing: it is in the report's `diagnostics`, and
        `rows` ends before the first wrong layer. A Mistake is raised, as by `load`, for a file that
        cannot be read (CNN002), an unknown name (CNN111) or a text that is not a spec; also for a
        batch that is not a positive int, an unknown dtype, an unknown convention, and a path to
        freeze or to train that is unknown or has no parameters (CNN111).

    Example:
        >>> import cnncalc
        >>> report = cnncalc.analyze("alexnet", batch=2)
        >>> report.totals.params, report.totals.macs, report.totals.activation_bytes
        (62378344, 2270512192, 8396568)
        >>> small = cnncalc.analyze("alexnet", input=(3, 32, 32))
        >>> small.ok, small.rows[-1].path, [found.code for found in small.diagnostics]
        (False, 'relu2', ['CNN204'])
    """
    spec = spec_of(spec)
    refuse_settings(batch, dtype)
    variant = variant or spec.variant
    graph = spec.graph(variant, set, input)
    settings = Settings(set, input, batch, dtype, convention, freeze, train_only, fold_bn)
    return report_of(spec, variant, graph, settings)


class Settings(NamedTuple):
    """What `analyze` takes beside a spec and a variant."""

    set: Mapping[str, Any] | None = None
    input: Any = None
    batch: int = 1
    dtype: str = "float32"
    convention: str = "macs"
    freeze: Collection[str] = ()
    train_only: Collection[str] = ()
    fold_bn: bool = False


def report_of(spec: Spec, variant: str | None, graph: Graph, settings: Settings) -> Report:
    """Return the report about a network that is already written out, as `analyze` does."""
    set, input, batch, dtype, convention, freeze, train_only, fold_bn = settings
    declared = variant is None or variant in (spec.document.variants or ())
    if graph.outputs:
        freeze_parts(graph, freeze, train_only)
        if fold_bn:
            graph = _folded(graph)
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
        parameters=spec.parameters(variant, set) if declared and graph.nodes else {},
    )
    if declared and report.complete:
        as_written = not set and input is None and batch == 1 and dtype == "float32"
        as_written = as_written and not freeze and not train_only and not fold_bn
        report = _judged(report, spec, as_written)
    return report if convention == "macs" else _counted(report, convention)


def _folded(graph: Graph) -> Graph:
    from .folding import folded  # only for those who ask

    return folded(graph, norms_only=True)


def refuse_settings(batch: Any, dtype: Any) -> None:
    """Raise a Mistake for a batch or a dtype that is not accepted."""
    if not isinstance(batch, int) or isinstance(batch, bool) or not 1 <= batch <= MAX_SIZE:
        message = f"batch is a whole number from 1 to {MAX_SIZE:,}, not {shown(batch)}"
        raise Mistake(Diagnostic("CNN111", message))
    if not isinstance(dtype, str) or dtype not in BYTES:
        message = f"dtype is {either(list(BYTES))}, not {shown(dtype)}"
        raise Mistake(Diagnostic("CNN111", message))


def _judged(report: Report, spec: Spec, as_written: bool) -> Report:
    """Return the report with budgets and published figures, plus a warning for each fault."""
    figures = spec.figures(report.variant)
    of_base = report.variant is not None and bool(spec.document.budget)
    report = replace(report, budget_of_base=of_base)
    judged: list[Budget] = []
    found: list[Diagnostic] = []
    if figures.budget:
        from .budget import budgets  # few specs have one

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

    The sizes are named only if the network is right with the input that it was written for, or if
    its spec leaves the sizes open.
    """
    from .smallest_input import size_advice  # only on the way to an error

    given = graph.inputs[0].shape if len(graph.inputs) == 1 else ()
    own = spec.graph(variant, set)
    if any(d.code == "CNN117" for d in own.diagnostics):
        own = spec.symbolic_graph(variant, set)
    advice = size_advice(own, tuple(given)) if len(given) > 1 else None
    if advice is None:
        return graph.diagnostics
    found = []
    for d in graph.diagnostics:
        if d.code.startswith("CNN20") and d.severity == "error":
            d = d._replace(help=f"{advice}; or {d.help}" if d.help else advice)
        found.append(d)
    return found
