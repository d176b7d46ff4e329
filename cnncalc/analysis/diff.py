"""Two networks side by side: which layers were added, removed or changed, and how the figures moved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from ..graph import Node
from ..ops import BY_KEY
from ..ops.sliding import Sliding
from .figures import figure, one_size
from .rows import Report, Row

TOTALS = ("params", "macs", "flops", "activations", "activation_bytes", "param_bytes", "buffers")
FIGURES = ("params", "macs", "flops", "activations")
MOST = 400_000  # pairs of layers that are compared; beyond, layers correspond by their paths


class Unit(NamedTuple):
    """A layer with those behind it that only write over its output: a convolution and its ReLU are one."""

    row: Row
    node: Node
    settings: dict[str, Any]  # the fields of the layer, windows by what they come to
    riders: tuple[tuple[str, str, dict[str, Any]], ...] = ()  # path, operator and fields of each


class Change(NamedTuple):
    """A layer of one or both networks; `figures` are those that differ, old and new."""

    kind: Literal[
        "added", "removed", "changed", "field", "renamed"
    ]  # field: it is the same, but what comes before it is not
    old: Unit | None
    new: Unit | None
    figures: dict[str, tuple[Any, Any]]


class Moved(NamedTuple):
    """A budget of the new network, and how its figure and limit moved."""

    what: str
    old_limit: str | None
    limit: str
    old: Any
    new: Any
    verdict: str


class Diff(NamedTuple):
    """What differs between two networks."""

    old: Report
    new: Report
    changes: list[Change]
    alike: int  # layers that are the same, under the same path or another
    totals: dict[str, tuple[Any, Any]]
    budgets: list[Moved]
    labels: tuple[str, str] = ("", "")  # what tells two networks of the same name apart


def diff(old: Report, new: Report) -> Diff:
    """The second network against the first."""
    changes, alike = [], 0
    pairs = list(aligned(units(old), units(new)))
    paths = dict(same_paths(old, new, pairs))
    for a, b in pairs:
        if a is None or b is None:
            changes.append(Change("added" if a is None else "removed", a, b, {}))
            continue
        figures = dict(differences(a, b))
        inputs = tuple(paths.get(path, path) for path in a.row.inputs)
        if (
            inputs != b.row.inputs
            and all(path in paths for path in a.row.inputs)
            and set(b.row.inputs) <= set(paths.values())
        ):
            figures["from"] = (a.row.inputs, b.row.inputs)
        alike += list(figures) in ([], ["field"])
        if figures:
            changes.append(
                Change("field" if list(figures) == ["field"] else "changed", a, b, figures)
            )
        elif a.row.path != b.row.path:
            changes.append(Change("renamed", a, b, {}))
    totals: dict[str, tuple[Any, Any]] = {
        name: (getattr(old.totals, name), getattr(new.totals, name)) for name in TOTALS
    }
    fields = [
        report.receptive_field and one_size(report.receptive_field[1]) for report in (old, new)
    ]
    totals["receptive_field"] = fields[0], fields[1]
    totals["outputs"] = list(old.outputs.values()), list(new.outputs.values())
    return Diff(old, new, changes, alike, totals, list(budgets_beside(old, new)))


def same_paths(
    old: Report, new: Report, pairs: list[tuple[Unit | None, Unit | None]]
) -> Iterator[tuple[str, str]]:
    """The path in the new network of every layer of the old one that has a counterpart."""
    yield from zip(old.inputs, new.inputs)
    for a, b in pairs:
        if a is not None and b is not None:
            yield a.row.path, b.row.path
            yield from ((before[0], after[0]) for before, after in zip(a.riders, b.riders))


def units(report: Report) -> list[Unit]:
    """The layers in order; one without parameters, MACs or memory of its own belongs to the one it follows."""
    found: list[Unit] = []
    nodes = (node for node in report.graph.nodes if node.op)
    for row, node in zip(report.rows, nodes):
        follows = found and row.inputs == (
            found[-1].riders[-1][0] if found[-1].riders else found[-1].row.path,
        )
        free = (
            not (row.params or row.macs or row.activations)
            and (row.output_shape,) == row.input_shapes
        )
        if follows and free:
            found[-1] = found[-1]._replace(
                riders=(*found[-1].riders, (row.path, row.op, settings(row, node)))
            )
        else:
            found.append(Unit(row, node, settings(row, node)))
    return found


def aligned(old: list[Unit], new: list[Unit]) -> Iterator[tuple[Unit | None, Unit | None]]:
    """Pairs of layers that correspond, in order, with None where one has no counterpart: the alignment of highest score."""
    start = next(
        (n for n, (a, b) in enumerate(zip(old, new)) if score(a, b) < 5), min(len(old), len(new))
    )
    yield from zip(old[:start], new[:start])
    old, new = old[start:], new[start:]
    end = next(
        (n for n, (a, b) in enumerate(zip(reversed(old), reversed(new))) if score(a, b) < 6),
        min(len(old), len(new)),
    )
    behind = list(zip(old[len(old) - end :], new[len(new) - end :]))
    yield from between(old[: len(old) - end], new[: len(new) - end])
    yield from behind


def between(old: list[Unit], new: list[Unit]) -> Iterator[tuple[Unit | None, Unit | None]]:
    """The same of what is not alike at both ends."""
    if len(old) * len(new) > MOST:
        yield from by_path(old, new)
        return
    best = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in range(len(old) - 1, -1, -1):
        for j in range(len(new) - 1, -1, -1):
            best[i][j] = max(
                best[i + 1][j], best[i][j + 1], score(old[i], new[j]) + best[i + 1][j + 1]
            )
    i = j = 0
    while i < len(old) or j < len(new):
        if (
            i < len(old)
            and j < len(new)
            and (points := score(old[i], new[j]))
            and best[i][j] == points + best[i + 1][j + 1]
        ):
            yield old[i], new[j]
            i, j = i + 1, j + 1
        elif j == len(new) or i < len(old) and best[i][j] == best[i + 1][j]:
            yield old[i], None
            i += 1
        else:
            yield None, new[j]
            j += 1


def score(a: Unit, b: Unit) -> int:
    """How well two layers correspond: the same operator with equal settings, shape and riders; the same path."""
    if a.row.op != b.row.op:
        return 0
    same = (
        a.settings == b.settings
        and a.row.output_shape == b.row.output_shape
        and a.row.input_shapes == b.row.input_shapes
        and followers(a) == followers(b)
    )
    return 4 * same + 2 * (a.row.path == b.row.path) or 1


def settings(row: Row, node: Node) -> dict[str, Any]:
    """The fields of a layer; windows by what they come to, so that `padding: 1` and `same` are equal where they are."""
    op = node.op
    assert op is not None
    found = {field: getattr(op, field) for field in op.fields()}
    if isinstance(op, Sliding):
        x = row.input_shapes[0]
        windows = dict(zip(("kernel", "stride", "dilation"), op.geometry(len(x) - 1))) | {
            "padding": op.around(x)
        }
        found |= {field: windows[field] for field in windows if field in found}
    return found


def by_path(old: list[Unit], new: list[Unit]) -> Iterator[tuple[Unit | None, Unit | None]]:
    """Layers of the same path, for networks too long to align."""
    left = {unit.row.path: unit for unit in old}
    for unit in new:
        yield left.pop(unit.row.path, None), unit
    yield from ((unit, None) for unit in left.values())


def differences(a: Unit, b: Unit) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """What two corresponding layers differ in: settings, shape, figures, field, and what follows them."""
    assert a.node.op is not None and b.node.op is not None
    for field in a.settings:
        if a.settings[field] != b.settings[field]:
            yield field, (getattr(a.node.op, field), getattr(b.node.op, field))
    if a.row.output_shape != b.row.output_shape:
        yield "output", (a.row.output_shape, b.row.output_shape)
    for name in FIGURES:
        before, after = getattr(a.row, name), getattr(b.row, name)
        if before != after:
            yield name, (before, after)
    fields = [unit.row.receptive_field and one_size(unit.row.receptive_field) for unit in (a, b)]
    if fields[0] != fields[1]:
        yield "field", (fields[0], fields[1])
    if followers(a) != followers(b):
        yield "then", (tuple(map(told, a.riders)), tuple(map(told, b.riders)))


def followers(unit: Unit) -> list[tuple[str, dict[str, Any]]]:
    """What follows a layer in its place, whatever it is called."""
    return [(op, fields) for _, op, fields in unit.riders]


def told(rider: tuple[str, str, dict[str, Any]]) -> str:
    """``relu``, ``dropout 0.5``."""
    _, op, fields = rider
    main = BY_KEY[op].main
    return f"{op} {fields[main]}" if main in fields else op


def budgets_beside(old: Report, new: Report) -> Iterator[Moved]:
    """Budgets of the new network, and what the old one had of the same figure."""
    before = {(budget.what, budget.at): budget for budget in old.budgets}
    for budget in new.budgets:
        known = before.get((budget.what, budget.at))
        ours = known.ours if known else figure(old, budget.what, budget.at)
        yield Moved(
            f"{budget.what} at {budget.at}" if budget.at else budget.what,
            known and known.limit,
            budget.limit,
            ours,
            budget.ours,
            budget.verdict,
        )
