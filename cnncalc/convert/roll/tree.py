"""Finds the scopes of a graph: stretches of layers that its paths put into one module."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ...graph import Graph


class Scope:
    """Layers under one path, one after the other; children are scopes and numbers of nodes."""

    __slots__ = (
        "branch",
        "children",
        "end",
        "forced",
        "inlined",
        "kind",
        "origin",
        "path",
        "start",
    )

    def __init__(self, path: str, start: int, branch: str = "", origin: str = ""):
        self.path = path
        self.origin = origin  # its path in the graph, with the joins and branches around it
        self.branch = branch  # of a join, or of a module that was dissolved
        self.children: list[Scope | int] = []
        self.start = start  # the first of its nodes
        self.end = start  # the node after its last
        self.forced = False  # it must stay a block of its own
        self.kind = ""  # the name of the module's class, if it is known
        self.inlined = False  # its children are written where it is

    is_row = False  # whether it is a row of copies, which are written once

    @property
    def nodes(self) -> range:
        """Its nodes."""
        return range(self.start, self.end)

    @property
    def is_numbered(self) -> bool:
        """Whether its name is a number: it is one of several in a container."""
        return self.path.rpartition(".")[2].isdigit()

    def scopes(self) -> Iterator[Scope]:
        """Yield the scopes inside, inner ones first."""
        for child in self.children:
            if isinstance(child, Scope):
                yield from child.scopes()
                yield child

    def units(self) -> Iterator[Scope | int]:
        """Yield what it consists of: scopes that are blocks of their own, and nodes."""
        for child in self.children:
            if isinstance(child, Scope) and child.inlined and not child.is_row:
                yield from child.units()
            else:
                yield child

    def number_at(self, n: int) -> int:
        """Return the number of the child that holds node n, or would come before it."""
        low, high = 0, len(self.children)
        while high - low > 1:
            middle = (low + high) // 2
            child = self.children[middle]
            if (child.start if isinstance(child, Scope) else child) <= n:
                low = middle
            else:
                high = middle
        return low

    def replace(self, child: Scope, others: list[Scope | int]) -> None:
        """Put other children where one was."""
        at = self.number_at(child.start)
        self.children[at : at + 1] = others


class Label(NamedTuple):
    """What a path calls a layer or module, and the branch of a join that it is in, if any."""

    name: str
    branch: str
    path: str = ""


def scope_tree(graph: Graph) -> tuple[Scope, list[Label]]:
    """Return the root of the scopes that the paths of a graph give, and the label of each node.

    A module that is called in two places is two scopes. A join is a node of the module around it:
    its branches are no scopes.
    """
    joins = {node.path for node in graph.nodes if node.op is not None and node.op.joins()}
    first = len(graph.inputs)
    root = Scope("", first)
    root.end = len(graph.nodes)
    open_ = [root]
    labels = [Label(node.path, "") for node in graph.inputs]
    for n, node in enumerate(graph.nodes[first:], first):
        *modules, label = _labels(node.path, joins)
        names = [module.name for module in modules]
        while not f"{node.path}.".startswith(open_[-1].origin):
            open_.pop()
        for k in range(len(open_) - 1, len(modules)):
            module = modules[k]
            scope = Scope(".".join(names[: k + 1]), n, module.branch, f"{module.path}.")
            open_[-1].children.append(scope)
            open_.append(scope)
        open_[-1].children.append(n)
        for scope in open_[1:]:
            scope.end = n + 1
        labels.append(label._replace(path=".".join([*names, label.name])))
    return root, labels


def _labels(path: str, joins: set[str]) -> list[Label]:
    """Return the modules around a layer and the layer, without joins and branches around it.

    A copy of a repeated join is a module, and the join is inside it.
    """
    parts = path.split(".")
    kept: list[Label] = []
    branch, k = "", 0
    while k < len(parts):
        is_join = ".".join(parts[: k + 1]) in joins
        is_last = k == len(parts) - 1
        if not is_join or is_last or parts[k].isdigit():
            kept.append(Label(parts[k], branch, ".".join(parts[: k + 1])))
            branch = ""
        if is_join and is_last and parts[k].isdigit():
            kept.append(Label(parts[k - 1], ""))
        if is_join and not is_last:
            branch = parts[k + 1]
            k += 1
        k += 1
    return kept
