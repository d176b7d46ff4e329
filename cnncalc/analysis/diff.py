"""Compares two networks: layers added, removed or changed, and how the figures changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from ..graph import Node
from ..ops import BY_KEY
from .bound import is_maximum, verdict_by
from .figures import (
    COMPARED,
    LATENCY,
    MAX_BATCH,
    OF_A_LAYER,
    OF_A_RUN,
    RECEPTIVE_FIELDS,
    figure,
    one_size,
)
from .result import Budget, Figure, Report, Row

TOTALS = (*(name for name in COMPARED if name != "buffers"), "buffers")  # few networks have any
MOST = 400_000  # pairs of layers to compare; if there are more, layers are paired by path


class Unit(NamedTuple):
    """A layer and those after it that only write over its output, such as a convolution and ReLU.

    `settings` are the fields of the layer, with windows as numbers. `riders` are the layers after
    it: path, operator and fields of each.
    """

    row: Row
    node: Node
    settings: dict[str, Any]
    riders: tuple[tuple[str, str, dict[str, Any]], ...] = ()


class Change(NamedTuple):
    """A layer of one or both networks; `figures` are those that differ, with old and new value.

    Kind `field` means: the layer is the same, but a change before it changed what it sees.
    """

    kind: Literal["added", "removed", "changed", "field", "renamed"]
    old: Unit | None
    new: Unit | None
    figures: dict[str, tuple[Any, Any]]


class BudgetChange(NamedTuple):
    """A budget of the new network, and how its figure, limit and verdict changed.

    The old figure is judged by the old limit, or by the new one if the old network had none. The
    old verdict is None if the old network has no such figure.
    """

    what: str
    old_limit: str | None
    limit: str
    old: Any
    new: Any
    verdict: str
    old_verdict: str | None


class Diff(NamedTuple):
    """What differs between two networks."""

    old: Report
    new: Report
    changes: list[Change]
    alike: int  # number of layers that are the same, with any path
    totals: dict[str, tuple[Any, Any]]
    budgets: list[BudgetChange]
    parameters: dict[str, tuple[Any, Any]]  # of the spec: those that both have, and that differ
    labels: tuple[str, str] = ("", "")  # they distinguish two networks with the same name


def diff(old: Report, new: Report) -> Diff:
    """Compare the second network with the first."""
    changes: list[Change] = []
    alike = 0
    pairs = list(_aligned(_units(old), _units(new)))
    paths = dict(_same_paths(old, new, pairs))
    for a, b in pairs:
        if a is None or b is None:
            changes.append(Change("added" if a is None else "removed", a, b, {}))
            continue
        figures = dict(_differences(a, b))
        if _reads_others(a.row, b.row, paths):
            figures["from"] = (a.row.inputs, b.row.inputs)
        only_field = list(figures) == ["field"]
        alike += only_field or not figures
        if figures:
            changes.append(Change("field" if only_field else "changed", a, b, figures))
        elif a.row.path != b.row.path:
            changes.append(Change("renamed", a, b, {}))
    return Diff(
        old=old,
        new=new,
        changes=changes,
        alike=alike,
        totals=_totals_beside(old, new),
        budgets=list(_budgets_beside(old, new)),
        parameters={
            name: (value, new.parameters[name])
            for name, value in old.parameters.items()
            if new.parameters.get(name, value) != value
        },
    )


def _totals_beside(old: Report, new: Report) -> dict[str, tuple[Any, Any]]:
    """Return the totals of both networks, with their receptive fields and output shapes."""
    from .memory.rows import memory_figures  # only for those who compare

    totals: dict[str, tuple[Any, Any]] = {}
    for name in TOTALS:
        totals[name] = getattr(old.totals, name), getattr(new.totals, name)
    runs = memory_figures(old), memory_figures(new)
    totals |= {name: (runs[0][name], runs[1][name]) for name in runs[0]}
    with_gates, without = RECEPTIVE_FIELDS
    for name in (without, with_gates):  # the one that tells more first
        totals[name] = figure(old, name), figure(new, name)
    if totals[without] == totals[with_gates]:  # there are no gates
        del totals[without]
    if totals["frozen_params"] == (0, 0):
        del totals["frozen_params"]
    totals["input"] = list(old.inputs.values()), list(new.inputs.values())
    totals["outputs"] = list(old.outputs.values()), list(new.outputs.values())
    return totals


def _reads_others(old: Row, new: Row, paths: dict[str, str]) -> bool:
    """Return whether a layer reads other layers than before, all of which are in both networks.

    `paths` maps each path in the old network to its path in the new one.
    """
    if tuple(paths.get(path, path) for path in old.inputs) == new.inputs:
        return False
    return all(path in paths for path in old.inputs) and set(new.inputs) <= set(paths.values())


def _same_paths(
    old: Report, new: Report, pairs: list[tuple[Unit | None, Unit | None]]
) -> Iterator[tuple[str, str]]:
    """Yield old and new path of every layer that has a counterpart."""
    yield from zip(old.inputs, new.inputs)
    for a, b in pairs:
        if a is not None and b is not None:
            yield a.row.path, b.row.path
            yield from ((before[0], after[0]) for before, after in zip(a.riders, b.riders))


def _units(report: Report) -> list[Unit]:
    """Return the layers in order; those without parameters, MACs and memory join the one before."""
    found: list[Unit] = []
    nodes = (node for node in report.graph.nodes if node.op)
    for row, node in zip(report.rows, nodes):
        assert node.op is not None
        settings = node.op.settings(*row.input_shapes)
        free = not (row.params or row.macs or row.activations)
        if free and (row.output_shape,) == row.input_shapes and _follows(row, found):
            unit = found[-1]
            rider = (row.path, row.op, settings)
            found[-1] = unit._replace(riders=(*unit.riders, rider))
        else:
            found.append(Unit(row, node, settings))
    return found


def _follows(row: Row, units: list[Unit]) -> bool:
    """Return whether a layer reads only the last of the units."""
    if not units:
        return False
    last = units[-1]
    return row.inputs == (last.riders[-1][0] if last.riders else last.row.path,)


def _aligned(old: list[Unit], new: list[Unit]) -> Iterator[tuple[Unit | None, Unit | None]]:
    """Yield pairs of corresponding layers, in order, by the alignment with the highest score.

    A layer without a counterpart is paired with None.
    """
    start = _count_alike(old, new, 5)
    yield from zip(old[:start], new[:start])
    old, new = old[start:], new[start:]
    end = _count_alike(old[::-1], new[::-1], 6)
    yield from _between(old[: len(old) - end], new[: len(new) - end])
    yield from zip(old[len(old) - end :], new[len(new) - end :])


def _count_alike(old: list[Unit], new: list[Unit], score: int) -> int:
    """Return how many layers from the first on have at least this score."""
    for n, (a, b) in enumerate(zip(old, new)):
        if _score(a, b) < score:
            return n
    return min(len(old), len(new))


def _between(old: list[Unit], new: list[Unit]) -> Iterator[tuple[Unit | None, Unit | None]]:
    """Yield the pairs between equal beginnings and ends."""
    if len(old) * len(new) > MOST:
        yield from _by_path(old, new)
        return
    best = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]  # the score from i, j on
    for i in range(len(old) - 1, -1, -1):
        for j in range(len(new) - 1, -1, -1):
            paired = _score(old[i], new[j]) + best[i + 1][j + 1]
            best[i][j] = max(best[i + 1][j], best[i][j + 1], paired)
    i = j = 0
    while i < len(old) and j < len(new):
        score = _score(old[i], new[j])
        if score and best[i][j] == score + best[i + 1][j + 1]:
            yield old[i], new[j]
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            yield old[i], None
            i += 1
        else:
            yield None, new[j]
            j += 1
    yield from ((unit, None) for unit in old[i:])
    yield from ((None, unit) for unit in new[j:])


def _score(a: Unit, b: Unit) -> int:
    """Return how well two layers correspond: by operator, settings, shapes, riders and path."""
    if a.row.op != b.row.op:
        return 0
    same = (
        a.settings == b.settings
        and a.row.output_shape == b.row.output_shape
        and a.row.input_shapes == b.row.input_shapes
        and _followers(a) == _followers(b)
    )
    return 4 * same + 2 * (a.row.path == b.row.path) or 1


def _by_path(old: list[Unit], new: list[Unit]) -> Iterator[tuple[Unit | None, Unit | None]]:
    """Yield pairs of layers with the same path, for networks that are too long to align."""
    left = {unit.row.path: unit for unit in old}
    for unit in new:
        yield left.pop(unit.row.path, None), unit
    yield from ((unit, None) for unit in left.values())


def _differences(a: Unit, b: Unit) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Yield how two corresponding layers differ: in settings, shape, figures, field and riders."""
    assert a.node.op is not None and b.node.op is not None
    for field in a.settings:
        if a.settings[field] != b.settings[field]:
            yield field, (getattr(a.node.op, field), getattr(b.node.op, field))
    frozen = [bool(unit.row.frozen_params) for unit in (a, b)]
    if frozen[0] != frozen[1]:
        yield "freeze", (frozen[0], frozen[1])
    if a.row.output_shape != b.row.output_shape:
        yield "output", (a.row.output_shape, b.row.output_shape)
    for name in OF_A_LAYER:
        before, after = getattr(a.row, name), getattr(b.row, name)
        if before != after:
            yield name, (before, after)
    fields = [unit.row.receptive_field and one_size(unit.row.receptive_field) for unit in (a, b)]
    if fields[0] != fields[1]:
        yield "field", (fields[0], fields[1])
    if _followers(a) != _followers(b):
        yield "then", (tuple(map(_rider_text, a.riders)), tuple(map(_rider_text, b.riders)))


def _followers(unit: Unit) -> list[tuple[str, dict[str, Any]]]:
    """Return the operators and fields of the riders, without their names."""
    return [(op, fields) for _, op, fields in unit.riders]


def _rider_text(rider: tuple[str, str, dict[str, Any]]) -> str:
    """Return ``relu`` or ``dropout 0.5``."""
    _, op, fields = rider
    main = BY_KEY[op].main
    return f"{op} {fields[main]}" if main in fields else op


def _budgets_beside(old: Report, new: Report) -> Iterator[BudgetChange]:
    """Yield the budgets of the new network, with the figure and limit of the old one."""
    before = {_bound(budget): budget for budget in old.budgets}
    for budget in new.budgets:
        known = before.get(_bound(budget))
        figure_before = _figure_under(old, budget)
        yield BudgetChange(
            what=budget.subject,
            old_limit=known and known.limit,
            limit=budget.limit,
            old=known.ours if known else figure_before,
            new=budget.ours,
            verdict=budget.verdict,
            old_verdict=known.verdict if known else verdict_by(budget.limit, figure_before),
        )


def _figure_under(report: Report, budget: Budget) -> Figure:
    """Return the figure that a budget limits, of another network."""
    if budget.what == LATENCY:
        from .latency.budget import computed as timed  # only for those who ask

        return timed(report, budget.settings).value
    if budget.what not in (*OF_A_RUN, MAX_BATCH):
        return figure(report, budget.what, budget.at)
    from .memory.budget import computed  # only for those who ask

    return computed(report, budget.what, budget.at, budget.settings).value


def _bound(budget: Budget) -> tuple[str, bool]:
    """Return what a budget bounds, and whether from above: a figure may have two bounds."""
    return budget.subject, is_maximum(budget.limit)
