"""Lets layers use the weights of other layers."""

from __future__ import annotations

from collections.abc import Sequence

from ..diagnostic import Diagnostic, Mistake
from ..graph import Graph, Group, Node
from ..num import Shape
from .steps import Step


def share(graph: Graph, lender: Group, start: int, copies: int, step: Step, file: str) -> None:
    """Let the nodes from `start` on, which a step made, use the weights of the lender's nodes.

    Each of the copies uses them, unless the lender has as many copies.

    Errors: a Mistake if they are not the same layers.
    """
    first, end, _ = lender
    lenders: Sequence[int] = range(first, min(end, start))
    if len(graph.nodes) - start == copies * len(lenders):
        lenders = [*lenders] * copies
    if not _share_weights(graph, lenders, start):
        what = f"`{step.name}` cannot use the weights of `{step.share}`"
        if step.share == step.name:
            what = f"the copies of `{step.name}` cannot share weights"
        raise Mistake(
            Diagnostic(
                "CNN112",
                f"{what}: they are not the same layers with the same shapes",
                step.marks.find("share").position(file),
                help="to share weights, both need equal bodies, and inputs with "
                "the same number of channels",
            )
        )


def _share_weights(graph: Graph, lenders: Sequence[int], start: int) -> bool:
    """Let the nodes from `start` on use the weights of the lenders, one by one.

    Return whether both are the same layers with the same shapes.
    """
    borrowers = range(start, len(graph.nodes))
    same = len(lenders) == len(borrowers)
    for n, m in zip(lenders, borrowers):
        lender, borrower = graph.nodes[n], graph.nodes[m]
        weights = _weights(graph, borrower)
        same &= lender.op is not None and lender.op == borrower.op
        same &= weights == _weights(graph, lender)
        if borrower.op and (weights or borrower.op.buffers(*graph.shapes_into(borrower))):
            borrower.shares = n if lender.shares is None else lender.shares
            if borrower.frozen:
                graph.freeze([borrower.shares])
    return same


def _weights(graph: Graph, node: Node) -> dict[str, Shape]:
    return node.op.weights(*graph.shapes_into(node)) if node.op else {}
