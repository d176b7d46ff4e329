"""Counts a network by a convention: every layer, and what the convention leaves out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from ..conventions import CONVENTIONS, Convention, Term, worth
from ..diagnostic import Diagnostic, Mistake, misspelled
from ..num import product
from ..ops.base import Op
from ..ops.shapes import per_axis
from .result import Report, Row


class LayerFacts(NamedTuple):
    """What a convention needs to know of a layer: operator, marks, and figures per image."""

    op: str
    marks: frozenset[str]
    figures: dict[str, int]


class Count(NamedTuple):
    """A network counted by a convention, for the whole batch.

    `terms` are the terms that count something here, with the operators that they count. `silent`
    lists, by reason, what computes something but counts as zero: an operator, or the path of a
    layer if other layers of the same operator count.
    """

    convention: Convention
    layers: list[int]
    params: int
    by_operator: dict[str, int]
    terms: dict[Term, list[str]]
    silent: dict[str, list[str]]

    @property
    def total(self) -> int:
        """Return the cost of the network."""
        return sum(self.layers)

    @property
    def rule(self) -> str:
        """Return how the network is counted: ``mac for conv, linear; 2·x for batchnorm``."""
        formulas: dict[str, list[str]] = {}
        times: Counter[str] = Counter()
        for keys in self.terms.values():
            times.update(keys)
        for term, keys in self.terms.items():
            named = formulas.setdefault(term.formula, [])
            for key in keys:
                named.append(f"{key} ({term.marks})" if times[key] > 1 and term.marks else key)
        if [term.operators for term in self.convention.terms] == ["*"]:
            parts = [formula_text(formula) for formula in formulas]
        else:
            parts = [
                f"{formula_text(formula)} for {', '.join(named)}"
                for formula, named in formulas.items()
            ]
        return "; ".join(parts) or "nothing"


def formula_text(formula: str) -> str:
    """Return a formula as people write it."""
    return formula.replace("*", "·")


def layer_facts(report: Report) -> list[LayerFacts]:
    """Return the facts of a report's layers, in the order of its rows."""
    nodes = report.graph.nodes
    undone = {node.inputs[1] for node in nodes if node.op is not None and node.op.reads_places}
    layers = [(n, node.op) for n, node in enumerate(nodes) if node.op is not None]
    return [_facts(row, op, n in undone) for row, (n, op) in zip(report.rows, layers)]


def _facts(row: Row, op: Op, undone: bool) -> LayerFacts:
    """Return the facts of one layer: its operations by class, values, positions and parameters.

    A pool that is `undone` returns the places of its maxima, too.
    """
    xs = row.input_shapes
    statistics = 0
    if row.shared_with is None:
        buffers = op.buffers(*xs).items()
        running = [shape for name, shape in buffers if name.startswith("running_")]
        statistics = sum(map(product, running))
    weights = {name: product(shape) for name, shape in op.weights(*xs).items()}
    filters = op.filters(*xs)
    places = product(row.output_shape[1:])
    figures = {
        **row.cost._asdict(),
        "products": row.cost.mac - op.fused(*xs),
        "x": product(xs[0]),
        "y": product(row.output_shape),
        "places": places,
        "rows": xs[0][0],
        "weights": sum(weights.values()),
        "filters": product(filters) if filters else 0,
        "params": row.params,
        "trained": row.trainable_params,
        "statistics": statistics,
        "read": op.reads(*xs),
        "magnified": product(xs[0]) * product([*map(int, _scales(op, len(xs[0]) - 1))]),
    }
    marks = op.marks(*xs) | ({"undone"} if undone else set())
    return LayerFacts(op.key, marks, figures)


def _scales(op: Op, axes: int) -> Iterable[Any]:
    """Return by what a layer multiplies each spatial size."""
    scale = getattr(op, "scale", None) if op.key == "upsample" else None
    return per_axis(scale, axes) if scale is not None else ()


def term_of(terms: Iterable[Term], layer: LayerFacts) -> Term | None:
    """Return the term that counts a layer; None if none does."""
    return next((term for term in terms if term.fits(layer.op, layer.marks)), None)


def count(report: Report, convention: Convention, known: list[LayerFacts] | None = None) -> Count:
    """Count a report by a convention. `known` are its `layer_facts`, if they are known already."""
    each: list[int] = []
    params = 0
    by_operator: Counter[str] = Counter()
    used: dict[Term, list[str]] = {}
    nothing: list[tuple[Row, str]] = []
    for row, layer in zip(report.rows, known or layer_facts(report)):
        term, owned = term_of(convention.terms, layer), term_of(convention.params, layer)
        found = worth(term.formula, layer.figures) * row.batch if term else 0
        params += worth(owned.formula, layer.figures) if owned else 0
        each.append(found)
        by_operator[layer.op] += found
        if term and found and layer.op not in used.setdefault(term, []):
            used[term].append(layer.op)
        if not found and row.flops:
            nothing.append((row, term.why if term and term.why else convention.silent))
    silent: dict[str, list[str]] = {}
    for row, why in nothing:
        name = row.path if by_operator[row.op] else row.op
        if name not in silent.setdefault(why, []):
            silent[why].append(name)
    return Count(
        convention=convention,
        layers=each,
        params=params,
        by_operator=dict(by_operator),
        terms=used,
        silent=silent,
    )


def under(report: Report, name: str) -> Report:
    """Return the report with `counted` by a convention; None if that counts only parameters.

    Errors: a Mistake for an unknown name.
    """
    if not isinstance(name, str) or name not in CONVENTIONS:
        fault = Diagnostic("CNN111", f"unknown convention `{name}`")
        advice = f"the conventions are {', '.join(CONVENTIONS)}"
        raise Mistake(misspelled(fault, name, CONVENTIONS, advice))
    found = count(report, CONVENTIONS[name])
    total: int | None = None
    rows = [row._replace(counted=None) for row in report.rows]
    if found.convention.terms:
        total = found.total
        rows = [row._replace(counted=n) for row, n in zip(report.rows, found.layers)]
    return replace(
        report,
        rows=rows,
        totals=report.totals._replace(counted=total, counted_params=found.params),
        convention=name,
        rule=found.rule,
    )


def counts(report: Report) -> list[Count]:
    """Count a report by every convention, MACs first."""
    known = layer_facts(report)
    return [count(report, convention, known) for convention in CONVENTIONS.values()]
