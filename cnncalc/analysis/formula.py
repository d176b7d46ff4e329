"""Writes the figures of a network as formulas in symbols: sizes, the batch, parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from ..at_least import AtLeast
from ..decisions import Decisions
from ..diagnostic import Diagnostic, Mistake, misspelled
from ..graph import Graph, conditions
from ..language.spec import Spec
from ..num import NoFormula, Num, Shape, total
from ..ops.base import Op
from .analyze import analyze
from .count import by_node
from .field_bounds import field_margins
from .formula_symbols import BATCH, chosen_values, read_steps, symbol_values, units
from .input_sizes import Condition, Requirements, fitting_sizes, solution
from .memory.storage import storages
from .receptive_field import ReceptiveField
from .result import Report
from .undeclared import Undeclared, undeclared

FIGURES = ("params", "macs", "flops", "activations")
_USUAL = 224  # the size of an input that the spec leaves open, if the network takes it
_Settings = Mapping[str, Any] | None


class LayerFormulas(NamedTuple):
    """A layer: its path, the shape of its output, and its figures by name.

    `undeclared` is what it does not declare: figures with that are at least what is here.
    """

    path: str
    shape: Shape
    figures: dict[str, Num]
    undeclared: Undeclared


class Formulas(NamedTuple):
    """The figures of a network, or of a layer or block of it, in symbols.

    Attributes:
        at: the path of the layer or block; None for the network.
        symbols: a value of each symbol, for which comparisons came out.
        units: for each symbol, 1, or 4 if its values are multiples of 1/4. Requirements and
            exceptions are on 4 times the symbol then.
        inputs: the shape of each input.
        shape: the shape of the output.
        figures: params, macs, flops and activations, by name.
        requirements: the values of the symbols for which the formulas hold.
        exceptions: conditions which must not hold.
        layers: each layer.
        field: the layer whose receptive field is shown, and its field; None if there is none.
        field_is_fixed: whether the field is proven to be the same for all sizes.
        shares_memory: whether some layers share memory as they do for the values in `symbols`.
        undeclared: what layers do not declare: figures with that are at least what is here.
    """

    at: str | None
    symbols: dict[str, Fraction | int]
    units: dict[str, int]
    inputs: dict[str, Shape]
    shape: Shape
    figures: dict[str, Num]
    requirements: Requirements
    exceptions: list[Condition]
    layers: list[LayerFormulas]
    field: tuple[str, ReceptiveField] | None
    field_is_fixed: bool
    shares_memory: bool
    undeclared: Undeclared


class Found(NamedTuple):
    """The formulas of a spec; None if the network has errors, which `diagnostics` describe."""

    name: str
    file: str
    variant: str | None
    formulas: Formulas | None
    diagnostics: list[Diagnostic]


def formula(
    spec: Spec,
    variant: str | None = None,
    *,
    set: _Settings = None,
    input: Any = None,
    symbols: Sequence[str] = (),
    layer: str | None = None,
) -> Found:
    """Write the figures of a network, or of a layer or block, in symbols.

    Accepts:
        spec: what `load` or `loads` returned.
        variant: a name in `spec.variants`; by default the one that the spec was loaded for.
        set: values that replace parameters of the spec, by name.
        input: a shape ``(C, *spatial)`` for the first input, or a mapping of names to such shapes;
            sizes that are symbols do not depend on it.
        symbols: sizes such as ``H``, the batch ``N``, and parameters that are numbers; by default
            all sizes of the input. A parameter may have a step, as in ``width:0.05``; otherwise
            one of 5/4 goes in steps of 1/4.
        layer: the path of a layer or block; by default the whole network.

    Errors:
        What is wrong with the network is in `diagnostics`. An unknown symbol or layer raises a
        Mistake (CNN111).
    """
    variant = variant or spec.variant
    title = spec.title(variant if variant is None or variant in spec.variants else None)
    try:
        made, diagnostics = _formulas(spec, variant, set, input, symbols, layer)
    except _Unfinished as unfinished:
        made, diagnostics = None, unfinished.diagnostics
    return Found(title, spec.file, variant, made, diagnostics)


class _Unfinished(Exception):
    """The network has errors."""

    def __init__(self, diagnostics: Sequence[Diagnostic]):
        super().__init__()
        self.diagnostics = list(diagnostics)


def _formulas(
    spec: Spec,
    variant: str | None,
    set: _Settings,
    input: Any,
    symbols: Sequence[str],
    layer: str | None,
) -> tuple[Formulas, list[Diagnostic]]:
    """Return the formulas, and notes.

    Errors: _Unfinished if the network has errors.
    """
    try:
        sizes = spec.symbolic_inputs(variant, set)
        parameters = spec.parameter_values(variant, set)
    except Mistake as mistake:
        raise _Unfinished([*spec.diagnostics, *mistake.diagnostics]) from None
    axes = [str(size) for shape in sizes.values() for size in shape[1:]]
    steps = read_steps(symbols or axes)
    symbols = list(steps)
    chosen = chosen_values(steps, axes, parameters)
    reference = _reference(spec, variant, set, input, symbols)
    for shape, named in zip(reference.inputs.values(), sizes.values()):
        known = {str(axis): n for axis, n in zip(named[1:], shape[1:])}
        chosen |= {axis: n for axis, n in known.items() if axis in symbols}
    divisors = units(steps, chosen)
    decisions = Decisions({name: int(value * divisors[name]) for name, value in chosen.items()})
    polys = symbol_values(divisors, decisions)
    given = {**(set or {}), **{n: p for n, p in polys.items() if n not in axes and n != BATCH}}
    graph = spec.symbolic_graph(variant, given, input, polys)
    if not graph.outputs:
        raise _Unfinished([*spec.diagnostics, *graph.diagnostics])
    requirements, exceptions = _requirements(graph, decisions)
    values = by_node(graph, FIGURES, storages(reference.graph))
    numbers = list(range(len(graph.nodes))) if layer is None else _numbers(graph, layer)
    batch = polys.get(BATCH, 1)
    field = _field(reference, layer)
    made = Formulas(
        at=layer,
        symbols=chosen,
        units=divisors,
        inputs={node.path: node.shape for node in graph.inputs},
        shape=graph.nodes[graph.outputs[0] if layer is None else _result(graph, layer)].shape,
        figures={name: _sum(name, values, numbers, batch) for name in FIGURES},
        requirements=requirements,
        exceptions=exceptions,
        layers=[
            LayerFormulas(
                path=node.path,
                shape=node.shape,
                figures={name: _sum(name, values, [n], batch) for name in FIGURES},
                undeclared=undeclared(graph, node.path),
            )
            for n, node in enumerate(graph.nodes)
            if node.op is not None and n in numbers
        ],
        field=field,
        field_is_fixed=field is not None and _is_fixed(graph, reference, field[0], decisions),
        shares_memory=any(node.op is not None and node.op.reorders for node in graph.nodes),
        undeclared=undeclared(graph, layer),
    )
    return made, [d for d in spec.diagnostics if d.severity == "error"]


def _reference(
    spec: Spec, variant: str | None, set: _Settings, input: Any, symbols: Sequence[str]
) -> Report:
    """Analyse the network with its own sizes; if it does not take them, with sizes that it takes.

    Errors: _Unfinished if it has other errors.
    """
    report = analyze(spec, variant, set=set, input=input)
    wrong = {d.code for d in report.diagnostics if d.severity == "error"}
    if report.complete:
        return report
    if "CNN111" in wrong:
        raise _Unfinished(report.diagnostics)
    graph = spec.symbolic_graph(variant, set)
    if not graph.outputs:
        raise _Unfinished([*spec.diagnostics, *graph.diagnostics])
    try:
        found = fitting_sizes(graph)
    except NoFormula:
        raise _Unfinished(report.diagnostics) from None
    shapes: dict[str, Shape] = {}
    for name, shape in found.inputs.items():
        sets = [found.axes[str(size)] for size in shape[1:]]
        near = [sizes.beyond(_USUAL) or sizes.smallest for sizes in sets]
        shapes[name] = (shape[0], *(n or 1 for n in near))
    other = analyze(spec, variant, set=set, input=shapes)
    if not other.complete:
        raise _Unfinished(report.diagnostics)
    return other


def _requirements(graph: Graph, decisions: Decisions) -> tuple[Requirements, list[Condition]]:
    """Return for which values the network is the same, and which ones are excepted."""
    needed = Requirements()
    for node, margin, equal in conditions(graph, [node.shape for node in graph.nodes]):
        needed.add(node.path, margin, equal)
    for node in graph.nodes:
        for margin in field_margins(node.op) if node.op else ():
            needed.add(node.path, margin, False)
    refused = []
    for (margin, equal), holds in decisions.made.items():
        if holds:
            needed.add("", margin, equal)
        elif not equal:
            needed.add("", -margin - 1, False)
        else:
            refused.append(Condition("", margin, True))
    return needed, [condition for condition in refused if _possible(condition, needed)]


def _possible(condition: Condition, needed: Requirements) -> bool:
    """Return whether an equality may hold for values that meet all requirements."""
    symbols = list(condition.margin.symbols)
    if len(symbols) != 1:
        return True
    try:
        return bool(solution(condition.margin, symbols[0], True) & needed.of(symbols[0]))
    except NoFormula:
        return True


def _numbers(graph: Graph, path: str) -> list[int]:
    """Return the nodes of a layer or block.

    Errors: a Mistake if there is none.
    """
    numbers = [n for n in graph.within(path) if graph.nodes[n].op is not None]
    if not numbers:
        fault = Diagnostic("CNN111", f"no layer or block is called `{path}`")
        paths = [*graph.groups, *(node.path for node in graph.nodes)]
        raise Mistake(misspelled(fault, path, paths, "`cnncalc analyze` lists them"))
    return numbers


def _result(graph: Graph, path: str) -> int:
    """Return the node whose output is that of a layer or block."""
    return graph.groups[path][2] if path in graph.groups else _numbers(graph, path)[-1]


def _sum(name: str, values: list[dict[str, Num]], numbers: Sequence[int], batch: Num) -> Num:
    """Return a figure of some nodes, for the batch; of an unknown one, what is known of it."""
    found = total([values[n][name] for n in numbers if name in values[n]])
    found = int(found) if isinstance(found, AtLeast) else found
    return found if name == "params" else found * batch


def _field(reference: Report, layer: str | None) -> tuple[str, ReceptiveField] | None:
    """Return the receptive field of a layer or block, or that which `analyze` shows."""
    if layer is None:
        return reference.receptive_field
    row = reference.result(layer)
    seen = row and row.receptive_field
    return (row.path, seen) if row and seen and seen.moves else None


def _is_fixed(graph: Graph, reference: Report, path: str, decisions: Decisions) -> bool:
    """Return whether every window on the way to a layer reads the same, whatever the sizes."""
    number = next(n for n, node in enumerate(graph.nodes) if node.path == path)
    before = len(decisions.made)
    for n in graph.before(number):
        node, same = graph.nodes[n], reference.graph.nodes[n]
        if node.op is None or same.op is None or type(node.op).window is Op.window:
            continue
        try:
            windows = node.op.window(*graph.shapes_into(node))
            if windows != same.op.window(*reference.graph.shapes_into(same)):
                return False
        except (NoFormula, TypeError, ValueError, ArithmeticError):
            return False
    return len(decisions.made) == before
