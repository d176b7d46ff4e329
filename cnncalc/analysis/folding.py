"""Rows folded to a depth: a block in one line."""

from __future__ import annotations

from itertools import groupby

from .rows import Report, Row


def folded(report: Report, depth: int) -> list[Row]:
    """Rows whose path has at most `depth` parts; deeper ones summed up in their block."""
    result = []
    for path, group in groupby(report.rows, key=lambda row: ".".join(row.path.split(".")[:depth])):
        rows = list(group)
        result.append(
            rows[0]
            if len(rows) == 1 and rows[0].path == path
            else summed(path, rows, report.result(path) or rows[-1])
        )
    return result


def summed(path: str, rows: list[Row], last: Row) -> Row:
    """One row for several: sums of the counts, the first one's input and the last one's output."""
    first, cost = rows[0], rows[0].cost
    for row in rows[1:]:
        cost = cost.plus(row.cost)
    sums = {
        name: sum(getattr(row, name) for row in rows)
        for name in ("weights", "biases", "affine", "buffers", "activations", "activation_bytes")
    }
    counted = None if first.counted is None else sum(row.counted or 0 for row in rows)
    return last._replace(
        path=path,
        op=f"{len(rows)} layers",
        inputs=first.inputs,
        input_shapes=first.input_shapes,
        cost=cost,
        shared_with=None,
        counted=counted,
        **sums,
    )
