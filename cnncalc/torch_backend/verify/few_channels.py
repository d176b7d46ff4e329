"""The same network with few channels, whose fields are the same and whose gradients are cheap."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...analysis.rows import Report, fold
from ...diagnostic import Mistake
from ...graph import Graph, Node, checked

CHANNELS = 4  # that any layer has at most, but for concatenations


def narrowed(report: Report) -> Report | None:
    """The report of the network whose convolutions have few channels and no groups: what a position sees does not depend on them.

    None where a layer counts on its channels, as a slice of half of them does, or where it would see something else.
    """
    graph = Graph()
    try:
        for node in report.graph.nodes:
            op = few(node.op)
            shape = (
                node.shape
                if op is None
                else checked(op, [graph.nodes[n].shape for n in node.inputs])
            )
            new = Node(node.path, op, node.inputs, shape, node.step, node.scope)
            new.shares = node.shares
            graph.nodes.append(new)
    except Mistake:
        return None
    graph.outputs, graph.groups = report.graph.outputs, report.graph.groups
    rows, totals, _ = fold(graph)
    same = all(a.receptive_fields == b.receptive_fields for a, b in zip(rows, report.rows))
    return replace(report, rows=rows, totals=totals, graph=graph) if same else None


def few(op: Any) -> Any:
    """An operator with few channels: equal numbers stay equal, so that sums still fit."""
    key = op.key if op is not None else ""
    if key in ("conv", "conv_transpose") and getattr(op, "connections", None) is None:
        return replace(op, out=min(op.out, CHANNELS), groups=1)
    if key == "groupnorm":
        return replace(op, groups=1)
    return replace(op, out=min(op.out, CHANNELS)) if key == "linear" else op
