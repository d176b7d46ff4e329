"""Says whether a change of a spec leaves its networks as they are, whatever it calls layers."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ...graph import Graph
from ...language.yaml_tokens import comments, tokens
from ..view import View


def keeps_networks(old: View, text: str) -> bool:
    """Return whether a text has the networks of an old one, and no error that it had not.

    The variants are compared in their order, since one may have got another name. Two specs that
    are wrong alike are the same, as far as their networks go.
    """
    new = View(text, old.file)
    if old.spec is None or new.spec is None or (old.is_sound and not new.is_sound):
        return False
    before, after = old.spec.members, new.spec.members
    return len(before) == len(after) and all(
        _layers(old.graph_of(one)) == _layers(new.graph_of(other))
        and not _errors(new, other) - _errors(old, one)
        for one, other in zip(before, after)
    )


def _layers(graph: Graph) -> list[Any]:
    nodes: list[Any] = [
        (node.op, node.inputs, tuple(node.shape), node.shares, node.frozen) for node in graph.nodes
    ]
    return [*nodes, graph.outputs, graph.checkpoints]


def _errors(view: View, variant: str | None) -> Counter[str]:
    """Return how often each error occurs in a network."""
    found = view.diagnostics_of(variant)
    return Counter(one.code for one in found if one.severity == "error")


def lost_comments(old: str, new: str) -> list[str]:
    """Return the comments of a text that another one lacks, in order."""
    kept = Counter(comments(new, tokens(new)))
    lost: list[str] = []
    for comment in comments(old, tokens(old)):
        if kept[comment]:
            kept[comment] -= 1
        else:
            lost.append(comment)
    return lost
