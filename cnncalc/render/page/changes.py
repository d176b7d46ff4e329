"""What differs between two networks, as data: changed layers are marked, removed ones listed."""

from __future__ import annotations

from typing import Any

from ...analysis.diff import Diff, Unit
from ...language.validation import plain
from ...wording import value_text
from ..diff import difference, heading, verdict
from .kernels import KERNELS, kernel_of, window_text
from .layers import Tables, rides


def change_data(diff: Diff, shared: Tables, numbers: dict[str, int]) -> dict[str, Any]:
    """Return what changed: the sums, the budgets, and each layer that differs.

    Layers of the new network are named by their numbers, which `numbers` has by their paths.
    `removed` are layers that only the old one has; what they read is a number too, which counts on
    after the new network's layers.
    """
    gone = [change.old for change in diff.changes if change.kind == "removed" and change.old]
    return {
        "heading": heading(diff),
        "alike": diff.alike,
        "parameters": [
            [name, plain(old), plain(new)] for name, (old, new) in diff.parameters.items()
        ],
        "totals": [
            [name, value_text(old), value_text(new), difference(old, new)]
            for name, (old, new) in diff.totals.items()
        ],
        "budgets": [
            [each.what, each.limit, value_text(each.old), value_text(each.new), verdict(each)]
            for each in diff.budgets
        ],
        "layers": list(_changed(diff, numbers)),
        "removed": _removed(diff, gone, _counterparts(diff, numbers, gone), shared),
    }


def _changed(diff: Diff, numbers: dict[str, int]) -> Any:
    """Yield each layer of the new network that differs: its kind, and what changed."""
    for change in diff.changes:
        if change.new is None:
            continue
        figures = [
            [name, value_text(old), value_text(new)] for name, (old, new) in change.figures.items()
        ]
        paths = [change.new.row.path]
        if change.kind == "added":
            paths += [path for path, _, _ in change.new.riders]
        before = change.old.row.path if change.old and change.kind == "renamed" else None
        for path in paths:
            yield {
                "layer": numbers[path],
                "kind": change.kind,
                "figures": figures,
                "before": before,
            }


def _counterparts(diff: Diff, numbers: dict[str, int], gone: list[Unit]) -> dict[str, int]:
    """Return the number of each layer of the old network, by its path there."""
    found = {path: numbers[path] for path in _paths(diff) if path in numbers}
    for change in diff.changes:
        if change.old and change.new:
            paths = [change.new.row.path, *(path for path, _, _ in change.new.riders)]
            found[change.old.row.path] = numbers[paths[0]]
            for n, (before, _, _) in enumerate(change.old.riders, 1):
                found[before] = numbers[paths[min(n, len(paths) - 1)]]
    for n, unit in enumerate(gone, len(numbers)):
        for path in (unit.row.path, *(path for path, _, _ in unit.riders)):
            found[path] = n
    return found


def _paths(diff: Diff) -> list[str]:
    return [node.path for node in diff.old.graph.nodes]


def _removed(
    diff: Diff, gone: list[Unit], counterparts: dict[str, int], shared: Tables
) -> list[dict[str, Any]]:
    """Return the layers that are gone, with what they read and the new layers that read them."""
    readers = _readers(diff, gone, counterparts)
    found = []
    for unit in gone:
        op, row = unit.node.op, unit.row
        assert op is not None
        kernel = kernel_of(op, row.input_shapes, row.output_shape)
        found.append(
            {
                "path": row.path,
                "op": shared.ops.number(row.op),
                "kernel": KERNELS.index(kernel),
                "window": shared.windows.number(window_text(op, row.input_shapes)),
                "shape": shared.shapes.number(tuple(row.output_shape)),
                "rides": int(rides(op, row.input_shapes, row.output_shape)),
                "inputs": [counterparts[path] for path in row.inputs if path in counterparts],
                "readers": sorted(readers.get(row.path, ())),
                "then": [path for path, _, _ in unit.riders],
                "params": row.params,
                "macs": row.macs,
            }
        )
    return found


def _readers(diff: Diff, gone: list[Unit], counterparts: dict[str, int]) -> dict[str, set[int]]:
    """Return the numbers of the new network's layers that read each layer that is gone."""
    first = len(diff.new.graph.nodes)
    owners = {path: unit.row.path for unit in gone for path, _, _ in unit.riders}
    owners |= {unit.row.path: unit.row.path for unit in gone}
    found: dict[str, set[int]] = {}
    for row in diff.old.rows:
        number = counterparts.get(row.path)
        if number is None or number >= first:
            continue
        for path in row.inputs:
            if path in owners:
                found.setdefault(owners[path], set()).add(number)
    return found
