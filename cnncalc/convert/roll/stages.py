"""Makes a block of runs that follow one another and differ in their values: a stage."""

from __future__ import annotations

from ...graph import Graph
from .parts import Arg, Block, Item, Member, Words, same
from .runs import replace_items, rows, run_of
from .tree import Scope

_FEWEST = 3


def stages(graph: Graph, member: Member) -> list[tuple[Block, list[Item]]]:
    """Return a block for the runs of each block, and the items that call it, in its order.

    They are in the list already, without arguments.
    """
    found: dict[int, list[Item]] = {}
    for row in rows(member, read_elsewhere=True):
        uneven = [item for item in row if item.repeated and _is_uneven(item)]
        if len(row) >= _FEWEST and len(uneven) > 1:
            found.setdefault(id(row[0].called), []).extend(row)
    return [_stage(graph, member, items) for items in found.values()]


def _is_uneven(run: Item) -> bool:
    """Return whether the first copy has other arguments than the rest."""
    return any(
        not same(value, run.args[Arg(arg.name, "rest")])
        for arg, value in run.args.items()
        if arg.copies == "first"
    )


def _stage(graph: Graph, member: Member, items: list[Item]) -> tuple[Block, list[Item]]:
    inner: list[Member] = []
    calls: dict[int, Item] = {}
    for item in items:
        source = item.sources[0]
        read = member.items[source].node if source >= 0 else member.read[~source]
        run = (item if item.repeated else run_of([item])).read_from((~0,))
        channels, result = graph.nodes[read].shape[0], graph.nodes[item.node].shape[0]
        inner.append(Member(Scope("stage", item.node), [run], [read], channels, result))
        call = item.read_from(item.sources)
        call.args, run.words = {}, Words()
        calls[id(item)] = call
    block = Block(inner[0].items, inner)
    for call in calls.values():
        call.called = block
    replace_items(member, [([item], calls.get(id(item), item)) for item in member.items])
    return block, [*calls.values()]
