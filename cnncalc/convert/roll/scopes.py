"""Decides which scopes can be blocks, and dissolves the others into those around them."""

from __future__ import annotations

from collections.abc import Sequence

from ...graph import Graph
from ...ops.activation import Activation
from ...ops.norm import Norm
from .tree import Label, Scope

_BODIES = ("block", "body", "conv", "convs", "fn", "layers", "main", "net", "op", "seq")


def readers_of(graph: Graph) -> list[list[int]]:
    """Return the nodes that read each node; an output of the network is read by one after all."""
    readers: list[list[int]] = [[] for _ in graph.nodes]
    for n, node in enumerate(graph.nodes):
        for source in node.inputs:
            readers[source].append(n)
    for n in graph.outputs:
        readers[n].append(len(graph.nodes))
    return readers


def dissolve(
    root: Scope, graph: Graph, readers: Sequence[Sequence[int]], labels: list[Label]
) -> None:
    """Keep the scopes that are functions: only the value of their last node is read outside.

    What was in another one has its name as a branch.
    """
    for scope in [*root.scopes(), root]:
        _take_name(scope)
        body = _body(scope)
        children: list[Scope | int] = []
        for child in scope.children:
            is_scope = isinstance(child, Scope) and child is not body
            if isinstance(child, Scope) and not (is_scope and _is_block(child, graph, readers)):
                _name_branches(child, labels)
                children += child.children
            else:
                children.append(child)
        scope.children = children
    _dissolve_readers(root, graph, ())
    keep_apart(root, graph)


def _dissolve_readers(scope: Scope, graph: Graph, entries: tuple[int, ...]) -> None:
    """Dissolve scopes that also read what a scope around them starts from.

    They cannot name it: `input` is their own.
    """
    first = graph.nodes[scope.start].inputs[0]
    entries = (*entries, *range(len(graph.inputs)), first)
    again = True
    while again:
        again = False
        for child in list(scope.children):
            if isinstance(child, Scope) and not child.forced and _reads(child, graph, entries):
                scope.replace(child, child.children)
                again = True
    for child in scope.children:
        if isinstance(child, Scope):
            _dissolve_readers(child, graph, entries)


def _reads(scope: Scope, graph: Graph, entries: tuple[int, ...]) -> bool:
    """Return whether a scope reads one of some nodes, other than as what it starts from."""
    first = graph.nodes[scope.start].inputs[0]
    others = {m for n in scope.nodes for m in graph.nodes[n].inputs if m < scope.start} - {first}
    return any(n in others for n in entries)


def keep_apart(root: Scope, graph: Graph) -> None:
    """Let scopes end where checkpoints do, and layers find those whose weights they use."""
    _force_checkpoints(root, graph)
    _dissolve_lenders(root, graph)


def _body(scope: Scope) -> Scope | None:
    """Return what does the work in a numbered module, if it has no name of its own."""
    inside = [child for child in scope.children if isinstance(child, Scope)]
    if len(inside) == 1 and scope.is_numbered and inside[0].path.rpartition(".")[2] in _BODIES:
        return inside[0]
    return None


def _take_name(scope: Scope) -> None:
    """Give the only scope inside another one its name, if it is a container of numbered ones."""
    if len(scope.children) == 1 and isinstance(scope.children[0], Scope) and scope.path:
        child = scope.children[0]
        numbered = [isinstance(c, Scope) and c.is_numbered for c in child.children]
        if all(numbered) and len(numbered) > 1 and not scope.is_numbered:
            child.path, child.branch = scope.path, child.branch or scope.branch


def _name_branches(scope: Scope, labels: list[Label]) -> None:
    name = scope.path.rpartition(".")[2]
    word = scope.branch if name.isdigit() else name
    for child in scope.children:
        if isinstance(child, Scope):
            child.branch = child.branch or word
        elif not labels[child].branch:
            labels[child] = labels[child]._replace(branch=word)


def _is_block(scope: Scope, graph: Graph, readers: Sequence[Sequence[int]]) -> bool:
    """Return whether a scope is a function, and more than one step or what follows a layer."""
    if len(scope.children) == 1 and not scope.forced:
        return False
    if all(isinstance(graph.nodes[n].op, (Norm, Activation)) for n in scope.nodes):
        return False
    return is_closed(scope.nodes, readers)


def is_closed(nodes: range, readers: Sequence[Sequence[int]]) -> bool:
    """Return whether nothing outside reads a node but the last."""
    return all(m in nodes for n in nodes[:-1] for m in readers[n])


def _force_checkpoints(root: Scope, graph: Graph) -> None:
    """Make a scope of each checkpoint that is not one layer, and of no more than it."""
    for numbers in graph.checkpoints:
        if len(numbers) > 1:
            _force(root, numbers)


def _force(scope: Scope, numbers: range) -> None:
    for child in list(scope.children):
        if not isinstance(child, Scope):
            continue
        if child.nodes == numbers:
            child.forced = True
            return
        inside = child.start <= numbers.start and numbers.stop <= child.end
        apart = child.end <= numbers.start or numbers.stop <= child.start
        within = numbers.start <= child.start and child.end <= numbers.stop
        if inside:
            _force(child, numbers)
            return
        if not apart and not within:  # it crosses a border
            scope.replace(child, child.children)
            _force(scope, numbers)
            return
    made = Scope(f"{scope.path}.part" if scope.path else "part", numbers.start)
    made.end, made.forced = numbers.stop, True
    before, after = [], []
    for child in scope.children:
        start = child.start if isinstance(child, Scope) else child
        if start < numbers.start:
            before.append(child)
        elif start < numbers.stop:
            made.children.append(child)
        else:
            after.append(child)
    scope.children = [*before, made, *after]


def _dissolve_lenders(root: Scope, graph: Graph) -> None:
    """Dissolve scopes that lend or borrow weights other than as a whole.

    A layer can name the lender of its weights only if that is in the same list.
    """
    for n, node in enumerate(graph.nodes):
        if node.shares is not None:
            _bring_together(root, graph, n, node.shares)


def _bring_together(scope: Scope, graph: Graph, borrower: int, lender: int) -> None:
    while True:
        around = [scope.children[scope.number_at(n)] for n in (borrower, lender)]
        mine, theirs = around
        if mine is theirs and isinstance(mine, Scope):
            scope = mine
            continue
        if isinstance(mine, Scope) and isinstance(theirs, Scope) and borrows(graph, mine, theirs):
            return
        apart = [child for child in around if isinstance(child, Scope)]
        if not apart:
            return
        for child in apart:
            scope.replace(child, child.children)


def borrows(graph: Graph, scope: Scope, lender: Scope) -> bool:
    """Return whether one scope has the layers of another, and uses all its weights."""
    if len(scope.nodes) != len(lender.nodes):
        return False
    for n, m in zip(scope.nodes, lender.nodes):
        node, other = graph.nodes[n], graph.nodes[m]
        owner = m if other.shares is None else other.shares
        if node.op != other.op or has_state(graph, n) and node.shares != owner:
            return False
    return True


def has_state(graph: Graph, n: int) -> bool:
    """Return whether a node has parameters or buffers."""
    node = graph.nodes[n]
    if node.op is None:
        return False
    shapes = graph.shapes_into(node)
    return bool(node.op.weights(*shapes) or node.op.buffers(*shapes))
