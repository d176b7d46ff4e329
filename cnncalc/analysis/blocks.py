"""Sums the rows of blocks: a network with its blocks as single lines, or as a tree of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, takewhile
from typing import Any, NamedTuple

from .result import Report, Row

LONG = 50  # lines of a table that is still easy to read


class Branch(NamedTuple):
    """A line of the tree: a layer, a block that is folded, or the heading of a block.

    Attributes:
        level: how many headings it is under.
        name: the end of its path, below those headings.
        row: its figures; for a block, the sums.
        heading: whether the lines of its layers follow.
    """

    level: int
    name: str
    row: Row
    heading: bool = False


def folded(report: Report, depth: int) -> list[Row]:
    """Return the rows of a report; those with more than `depth` path parts are summed by block."""
    result = []
    for path, group in groupby(report.rows, key=lambda row: ".".join(row.path.split(".")[:depth])):
        rows = list(group)
        if len(rows) == 1 and rows[0].path == path:
            result.append(rows[0])
        else:
            result.append(_summed(path, rows, report.result(path) or rows[-1]))
    return result


def tree(report: Report, rows: list[Row]) -> list[Branch]:
    """Return rows under headings: one for each block of several rows, with its sums."""
    return list(_branches(report, rows, 0, 0))


def readable_depth(report: Report) -> int | None:
    """Return the largest depth at which a long network has at most `LONG` lines, but 1 or more.

    None if all of its layers are few enough, or if it has no blocks.
    """
    parts = [row.path.split(".") for row in report.rows]
    deepest = max(map(len, parts), default=1)
    if len(parts) <= LONG or deepest == 1:
        return None
    for depth in range(deepest - 1, 1, -1):
        if len(tree(report, folded(report, depth))) <= LONG:
            return depth
    return 1


def _branches(report: Report, rows: list[Row], start: int, level: int) -> Iterator[Branch]:
    """Yield the lines of rows whose paths agree in their first `start` parts."""
    for part, group in groupby(rows, key=lambda row: row.path.split(".")[start : start + 1]):
        found = list(group)
        if not part:  # a join, under the heading that it shares with its branches
            yield from (Branch(level, row.op, row) for row in found)
            continue
        if len(found) == 1:
            yield Branch(level, _below(found[0].path, start), found[0])
            continue
        path = _common(row.path for row in found)
        last = report.result(path) or found[-1]
        heading = _summed(path, found, last, count=len(report.group(path)))
        yield Branch(level, _below(path, start), heading, heading=True)
        yield from _branches(report, found, path.count(".") + 1, level + 1)


def _common(paths: Iterable[str]) -> str:
    """Return the parts with which all paths begin."""
    parts = (set(part) for part in zip(*(path.split(".") for path in paths)))
    return ".".join(part.pop() for part in takewhile(lambda part: len(part) == 1, parts))


def _below(path: str, start: int) -> str:
    """Return a path without its first parts; a bare number keeps the name before it."""
    parts = path.split(".")
    return ".".join(parts[start - 1 :] if start and parts[start].isdigit() else parts[start:])


def _summed(path: str, rows: list[Row], last: Row, count: int | None = None) -> Row:
    """Return one row for several: summed counts, the first input and the last output.

    `count` is the number of layers, if some of the rows are sums themselves.
    """
    first, cost = rows[0], rows[0].cost
    for row in rows[1:]:
        cost = cost.plus(row.cost)
    sums = {
        name: sum(getattr(row, name) for row in rows)
        for name in (
            "weights",
            "biases",
            "affine",
            "buffers",
            "activations",
            "activation_bytes",
            "frozen_params",
        )
    }
    counted = None if first.counted is None else sum(row.counted or 0 for row in rows)
    return last._replace(
        path=path,
        op=f"{count or len(rows)} layers",
        inputs=first.inputs,
        input_shapes=first.input_shapes,
        cost=cost,
        shared_with=None,
        declared=any(row.declared for row in rows),
        counted=counted,
        saved=None if first.saved is None else sum(row.saved or 0 for row in rows),
        peak=None if first.peak is None else max(row.peak or 0 for row in rows),
        bound=_bound(rows),
        **{name: _sum_of(rows, name) for name in ("backward_macs", "backward_bytes", "latency")},
        **sums,
    )


def _sum_of(rows: list[Row], name: str) -> Any:
    """Return the sum of a figure that only some reports have."""
    values = [getattr(row, name) for row in rows]
    return None if values[0] is None else sum(value or 0 for value in values)


def _bound(rows: list[Row]) -> str | None:
    """Return what bounds the largest part of the time of layers."""
    seconds: dict[str, float] = {}
    for row in rows:
        if row.bound is not None:
            seconds[row.bound] = seconds.get(row.bound, 0.0) + (row.latency or 0.0)
    return max(seconds, key=lambda bound: seconds[bound]) if seconds else None
