"""Sorts scopes into blocks: those that are equal up to values, or up to steps that some lack."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ...graph import Graph
from .conditions import fill_conditions
from .merge import merged
from .names import label_of, telling_name
from .parts import Block, Item, Member
from .runs import is_one_run, replace_items, rows, run_of
from .tree import Scope
from .values import fill_values

_FEWEST_ITEMS = 2
_MOST_TRIED = 60  # pairs of lists that are compared, of one level
_LONG_BLOCK = 8  # items
_FEW_MEMBERS = 3  # too few for a block of two items


def levels(root: Scope, graph: Graph) -> list[list[Scope]]:
    """Sort the scopes so that each comes after those inside it, and those of one kind together.

    A scope of layers alone stays with others that have the same layers.
    """
    layers = Counter(_layers(scope, graph) for scope in root.scopes())
    heights: dict[int, int] = {}
    scopes = [*root.scopes()]
    kinds: dict[Any, list[Scope]] = {}
    for scope in scopes:
        kinds.setdefault(kind(scope), []).append(scope)
    for parent in [*scopes, root]:
        inside = [child for child in parent.children if isinstance(child, Scope)]
        for child in inside:
            if child.is_numbered and child.path.rpartition(".")[0] == parent.path:
                kinds.setdefault((id(parent), kind(child)[2]), []).append(child)
    for _ in range(8):  # those of one kind may be inside each other: then they are apart
        before = dict(heights)
        for scope in scopes:
            heights[id(scope)] = max(heights.get(id(scope), 1), _above(scope, heights))
        if heights == before:
            break
        for alike in kinds.values():
            if not _are_nested(alike):
                own = Counter(_layers(scope, graph) for scope in alike)
                free = [s for s in alike if own[_layers(s, graph)] == layers[_layers(s, graph)]]
                free += [s for s in alike if not _layers(s, graph)]
                most = max((heights[id(s)] for s in alike), default=0)
                heights.update((id(s), most) for s in free)
    for scope in scopes:
        heights[id(scope)] = max(heights[id(scope)], _above(scope, heights))
    found: dict[int, list[Scope]] = {}
    for scope in scopes:
        found.setdefault(heights[id(scope)], []).append(scope)
    return [found[height] for height in sorted(found)]


def _layers(scope: Scope, graph: Graph) -> tuple[str, ...]:
    """Return the operators of a scope that has no scopes inside; nothing for another one."""
    if any(isinstance(child, Scope) for child in scope.children):
        return ()
    ops = (graph.nodes[n].op for n in scope.nodes)
    return tuple(op.key for op in ops if op is not None)


def _above(scope: Scope, heights: Mapping[int, int]) -> int:
    """Return one more than the height of the highest scope inside one."""
    return 1 + max((heights[id(c)] for c in scope.children if isinstance(c, Scope)), default=0)


def _are_nested(alike: Sequence[Scope]) -> bool:
    """Return whether a scope is inside another one; they are in the order of their ends."""
    latest = -1
    for scope in sorted(alike, key=lambda scope: (scope.start, -scope.end)):
        if scope.start < latest:
            return True
        latest = max(latest, scope.end)
    return False


def classes(members: Sequence[Member], merging: bool = True) -> tuple[list[Block], list[Member]]:
    """Return the blocks of members with equal lists, and the members that stay alone."""
    _align_runs(members)
    groups: dict[Any, list[Member]] = {}
    for member in members:
        groups.setdefault(signature(member.items, len(member.read)), []).append(member)
    blocks: list[Block] = []
    left = _MOST_TRIED if merging else 0
    for group in sorted(groups.values(), key=lambda group: -len(group[0].items)):
        block = Block(group[0].items, list(group))
        for k, other in enumerate(blocks):
            if left > 0 and _are_siblings(other, block):
                left -= 1
                both = merged(other, block)
                if both is not None and is_clear(both, _names(other) & _names(block)):
                    blocks[k] = both
                    break
        else:
            blocks.append(block)
    kept, alone = [], []
    for block in blocks:
        forced = any(member.scope.forced for member in block.members)
        if forced or is_worth(block):
            kept.append(block)
        else:
            alone += block.members
    return kept, alone


def is_clear(block: Block, names: set[Any]) -> bool:
    """Return whether conditions that networks have say which steps a member has.

    One switch of its own is clear for a step or two of a long block whose members have one name.
    """
    fill_values(block, fill_conditions, ())
    switched = [text for text in block.whens.values() if "with_" in text]
    if not switched:
        return True
    is_long = len(block.items) >= _LONG_BLOCK
    return bool(names) and is_long and len(switched) <= 2 and len({*switched}) == 1


def is_worth(block: Block) -> bool:
    """Return whether a block makes a text shorter or clearer than its items do."""
    few = len(block.items) == _FEWEST_ITEMS and len(block.members) <= _FEW_MEMBERS
    if few and not any(item.repeated for item in block.items) and not telling_name(block):
        return False
    return len(block.members) > 1 and len(block.items) >= _FEWEST_ITEMS


def _align_runs(members: Sequence[Member]) -> None:
    """Make runs of rows of calls that are longer in other lists which are the same otherwise."""
    groups: dict[Any, list[tuple[Member, list[list[Item]]]]] = {}
    for member in members:
        pieces = [*rows(member)]
        forms = []
        ends = {piece[-1].node: n for n, piece in enumerate(pieces)}
        for piece in pieces:
            nodes = [member.items[s].node if s >= 0 else s for s in piece[0].sources]
            forms.append((piece[0].form, *(ends.get(node, node) for node in nodes)))
        groups.setdefault((len(member.read), *forms), []).append((member, pieces))
    for group in groups.values():
        lengths = [{*map(len, same_row)} for same_row in zip(*(pieces for _, pieces in group))]
        varied = [len(of_row) > 1 for of_row in lengths]
        rowed = [row for _, pieces in group for row, v in zip(pieces, varied) if v]
        if rowed and all(map(is_one_run, rowed)):
            for member, pieces in group:
                _make_runs(member, pieces, varied)


def _make_runs(member: Member, pieces: list[list[Item]], chosen: list[bool]) -> None:
    new: list[tuple[list[Item], Item]] = []
    for piece, is_run in zip(pieces, chosen):
        new += [(piece, run_of(piece))] if is_run else [([item], item) for item in piece]
    replace_items(member, new)


def is_only_run(member: Member) -> bool:
    """Return whether a list is one layer, or a row of calls: one run, or of a block of blocks."""
    first, *others = rows(member)
    if others:
        return False
    called = first[0].called
    is_large = called is not None and any(item.called or item.join for item in called.items)
    return len(first) == 1 or is_large or is_one_run(first)


def signature(items: Sequence[Item], inputs: int) -> tuple[Any, ...]:
    """Return what equal lists have in common."""
    return inputs, *((item.form, item.sources, item.words.share) for item in items)


def _are_siblings(a: Block, b: Block) -> bool:
    """Return whether members of both have one name, or are in one container.

    There, two that occur once and have names of their own are apart.
    """
    if _names(a) & _names(b):
        return True
    several = len(a.members) > 1 and len(b.members) > 1
    mine, other = (_containers(x, several) for x in (a, b))
    return bool(mine & other)


def _names(block: Block) -> set[Any]:
    return {kind(member.scope) for member in block.members}


def _containers(block: Block, several: bool) -> set[str]:
    """Return the containers of a block's members; those of numbered ones are all alike."""
    scopes = [member.scope for member in block.members]
    paths = {s.path.rpartition(".")[0] for s in scopes if several or s.is_numbered}
    return {re.sub(r"\b\d+\b", "0", path) for path in paths}


def kind(scope: Scope) -> tuple[str, bool, bool]:
    """Return the name of a scope, and whether it is numbered or holds numbered ones."""
    holds = all(isinstance(child, Scope) and child.is_numbered for child in scope.children)
    return scope.kind or label_of(scope.path), scope.is_numbered, holds
