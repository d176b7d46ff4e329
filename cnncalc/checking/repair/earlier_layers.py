"""Proposes another earlier layer, of the right size, for a join that reads a wrong one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from ...graph import propagate
from ...language.yaml_tree import Marks
from ...num import Shape
from .case import Candidate, Case

_OFFERED = 2  # most earlier layers that are tried for a branch
_FAR_LARGER = 5040 * 2**6  # added to input sizes; every usual stride divides it


def same_scale(case: Case, branches: Sequence[int]) -> bool:
    """Return whether the maps of these branches grow equally with the network's input.

    If they do, they differ by a border or by rounding, which a crop may remove. If not, they
    differ by a stride.
    """
    nodes = [case.fault.inputs[n] for n in branches]
    if any(len(case.graph.nodes[node].shape) < 2 for node in nodes):
        return False
    growths = _growths(case)
    return len({growths[node] for node in nodes}) == 1


def _growths(case: Case) -> list[tuple[int, ...]]:
    """Return how much the sides of each node grow if the sides of the inputs grow a lot."""
    nodes = case.graph.nodes
    larger = [(x.shape[0], *(n + _FAR_LARGER for n in x.shape[1:])) for x in case.graph.inputs]
    grown = propagate(case.graph, larger)
    return [tuple(m - n for n, m in zip(a.shape[1:], b[1:])) for a, b in zip(nodes, grown)]


def earlier_layers(case: Case, n: int, wanted: Shape) -> Iterator[Candidate]:
    """Let branch n read another earlier layer, the nearest that give it the wanted size.

    Only a branch that names an earlier layer can read another one.
    """
    found = _source(case, n)
    if found is None:
        return
    name, marks = found
    scope, shape = case.fault.scope, case.shapes[n]
    now = scope.find(name)
    if now is None or shape[1:] == wanted[1:] and not _must_equal(case):
        return
    source = case.graph.nodes[now[2]].shape
    sides = _before(source, shape, wanted)
    fitting: dict[int, str] = {}  # by node; a name without a count is preferred
    for other in scope.visible():
        group = scope.find(other)
        if group is None or group[2] in case.fault.inputs or other == "input":
            continue
        x = case.graph.nodes[group[2]].shape
        right = x == wanted if shape == source and _must_equal(case) else x[1:] == sides
        if right and len(x) == len(source):
            fitting[group[2]] = min(fitting.get(group[2], other), other, key=_is_counted)
    nearest = sorted(fitting, key=lambda m: abs(m - now[2]))
    for m in nearest[:_OFFERED]:
        edits = (case.text.edit(*case.text.span(marks), fitting[m]),)
        yield Candidate(f"`{fitting[m]}` instead of `{name}`", edits)


def _is_counted(name: str) -> bool:
    """Return whether a name ends in a number, as automatic names do."""
    return name[-1:].isdigit()


def _must_equal(case: Case) -> bool:
    """Return whether the numbers of channels must agree too."""
    op = case.fault.op
    return op is not None and op.elementwise


def _source(case: Case, n: int) -> tuple[str, Marks] | None:
    """Return the earlier layer that branch n reads first, and where its name is written."""
    branches = case.fault.step.fixed_branches
    first = branches[n].begins_at if branches else None
    if first is None or not isinstance(first.source, str):
        return None
    return first.source, first.marks.find("from")


def _before(source: Shape, shape: Shape, wanted: Shape) -> tuple[Fraction, ...]:
    """Return the sides at the start of a branch that give the wanted sides at its end."""
    if len(source) != len(shape) or len(shape) != len(wanted):
        return ()
    return tuple(Fraction(m * o, n) for m, n, o in zip(source[1:], shape[1:], wanted[1:]))
