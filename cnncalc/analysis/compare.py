"""A network counted by a convention: every layer, and what the convention leaves out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from ..conventions import CONVENTIONS, Convention, Term, worth
from ..diagnostic import Diagnostic, Mistake, misspelled
from ..graph import Node
from ..num import product
from ..ops.base import Op
from .rows import Report, Row


class Layer(NamedTuple):
    """What the rules ask of a layer: its operator, its marks, and its figures per image."""

    op: str
    marks: frozenset[str]
    figures: dict[str, int]


class Count(NamedTuple):
    """A network by a convention, for the batch."""

    convention: Convention
    layers: list[int]
    params: int
    by_operator: dict[str, int]
    terms: dict[
        Term, list[str]
    ]  # those that count something here, and the operators that they count
    silent: dict[
        str, list[str]
    ]  # what does arithmetic and counts nothing, by the reason: operators, or layers if others of the operator count

    @property
    def total(self) -> int:
        return sum(self.layers)

    @property
    def rule(self) -> str:
        """``mac for conv, linear; 2·x for batchnorm``, of what the network has."""
        formulas: dict[str, list[str]] = {}
        times = Counter(key for keys in self.terms.values() for key in keys)
        for term, keys in self.terms.items():
            formulas.setdefault(term.formula, []).extend(
                f"{key} ({term.marks})" if times[key] > 1 and term.marks else key for key in keys
            )
        alone = [term.operators for term in self.convention.terms] == ["*"]
        return (
            "; ".join(
                shown(formula) + ("" if alone else f" for {', '.join(keys)}")
                for formula, keys in formulas.items()
            )
            or "nothing"
        )


def shown(formula: str) -> str:
    """A formula as people write it."""
    return formula.replace("*", "·")


def layers(report: Report) -> list[Layer]:
    """The layers of a report, in the order of its rows."""
    nodes = [node for node in report.graph.nodes if node.op is not None]
    return [layer(row, node) for row, node in zip(report.rows, nodes)]


def layer(row: Row, node: Node) -> Layer:
    """One layer; the ledger's classes, its values, positions and parameters."""
    op: Op = node.op  # type: ignore[assignment]
    xs, own = row.input_shapes, row.shared_with is None
    statistics = (
        sum(
            product(shape) for name, shape in op.buffers(*xs).items() if name.startswith("running_")
        )
        if own
        else 0
    )
    weights = {name: product(shape) for name, shape in op.weights(*xs).items()}
    places = product(row.output_shape[1:])
    figures = {
        **row.cost._asdict(),
        "x": product(xs[0]),
        "y": product(row.output_shape),
        "places": places,
        "weights": sum(weights.values()),
        "filters": weights.get("weight", 0),
        "params": row.params,
        "statistics": statistics,
        "read": op.reads(*xs),
    }
    return Layer(op.key, op.marks(*xs), figures)


def term_of(terms: Iterable[Term], layer: Layer) -> Term | None:
    """The term that a layer counts by."""
    return next((term for term in terms if term.fits(layer.op, layer.marks)), None)


def count(report: Report, convention: Convention, known: list[Layer] | None = None) -> Count:
    """A report counted by a convention."""
    each, by_operator, used, params = [], Counter[str](), dict[Term, list[str]](), 0
    nothing: list[tuple[Row, str]] = []
    for row, layer in zip(report.rows, known or layers(report)):
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
    return Count(convention, each, params, dict(by_operator), used, silent)


def under(report: Report, name: str) -> Report:
    """The report with every layer counted by a convention; None where that counts parameters alone.

    Errors: a Mistake for an unknown name.
    """
    if name not in CONVENTIONS:
        raise Mistake(
            misspelled(
                Diagnostic("CNN111", f"no convention is called `{name}`"),
                name,
                CONVENTIONS,
                f"conventions are {', '.join(CONVENTIONS)}",
            )
        )
    found = count(report, CONVENTIONS[name])
    each, total = (
        (found.layers, found.total) if found.convention.terms else ([None] * len(report.rows), None)
    )
    rows = [row._replace(counted=n) for row, n in zip(report.rows, each)]
    return replace(
        report,
        rows=rows,
        totals=report.totals._replace(counted=total, counted_params=found.params),
        convention=name,
        rule=found.rule,
    )


def counts(report: Report) -> list[Count]:
    """A report by every convention, MACs first."""
    known = layers(report)
    return [count(report, convention, known) for convention in CONVENTIONS.values()]
