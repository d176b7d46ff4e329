"""Gives a network few channels: its receptive fields stay the same, and gradients become cheap."""

from __future__ import annotations

from dataclasses import replace

from ...analysis.field_following import receptive_fields
from ...analysis.result import Report
from ...analysis.rows import rows_and_totals
from ...diagnostic import Mistake
from ...graph import Graph, Node, checked


def narrowed_report(report: Report) -> Report | None:
    """Return the report of the network with few channels per convolution, and without groups.

    What a position sees does not depend on them. Returns None if a layer needs its channels, as a
    slice of half of them does, or if some layer would see something else.
    """
    graph = Graph()
    try:
        for node in report.graph.nodes:
            op, shape = node.op, node.shape
            if op is not None:
                op = op.narrowed()
                shape = checked(op, [graph.nodes[n].shape for n in node.inputs])
            new = Node(node.path, op, node.inputs, shape, node.position, node.context)
            new.integers = node.integers
            graph.nodes.append(new)
            if node.shares is not None and _alike(graph, new, graph.nodes[node.shares]):
                new.shares = node.shares
    except Mistake:
        return None
    graph.outputs, graph.groups = report.graph.outputs, report.graph.groups
    rows, totals = rows_and_totals(graph, receptive_fields(graph))
    same = all(a.receptive_fields == b.receptive_fields for a, b in zip(rows, report.rows))
    return replace(report, rows=rows, totals=totals, graph=graph) if same else None


def _alike(graph: Graph, node: Node, lender: Node) -> bool:
    """Return whether a layer can still use the weights of another one.

    One that reads the network's input keeps that input's channels. What a layer sees does not
    depend on whose weights it uses.
    """
    own, lent = (
        one.op.weights(*graph.shapes_into(one)) if one.op else {} for one in (node, lender)
    )
    return own == lent
