"""Folds equal neighbours in the text of a block into one call that is repeated."""

from __future__ import annotations

from collections import Counter

from .parts import COUNT, Arg, Block, Item


def fold(block: Block) -> None:
    """Turn neighbouring calls with equal arguments into one."""
    reads = Counter(source for item in block.items for source in item.sources)
    groups: list[list[int]] = []
    for n, item in enumerate(block.items):
        goes_on = groups and item.sources == (n - 1,) and reads[n - 1] == 1
        if goes_on and _are_equal(block, groups[-1][0], n):
            groups[-1].append(n)
        else:
            groups.append([n])
    if len(groups) < len(block.items):
        _replace(block, groups)


def _are_equal(block: Block, a: int, b: int) -> bool:
    first, other = block.items[a], block.items[b]
    if first.called is None or first.called is not other.called or first.repeated:
        return False
    if first.words != other.words or first.words.share is not None or len(first.sources) > 1:
        return False
    lacked = any((m.places[a] is None) is not (m.places[b] is None) for m in block.members)
    if other.repeated or lacked or block.whens.get(a) != block.whens.get(b):
        return False
    values = block.values
    return all(
        type(values[a, arg]) is type(values[b, arg]) and values[a, arg] == values[b, arg]
        for arg in first.args
    )


def _replace(block: Block, groups: list[list[int]]) -> None:
    numbers = {n: new for new, group in enumerate(groups) for n in group}
    items: list[Item] = []
    values = {}
    for new, group in enumerate(groups):
        item = block.items[group[0]]
        item = item.read_from(tuple(numbers[s] if s >= 0 else s for s in item.sources))
        if item.chain:
            item.chain = numbers[group[0] + item.chain - 1] - new + 1
        if item.words.share is not None:
            item.words = item.words._replace(share=numbers[item.words.share])
        own = {arg: block.values[group[0], arg] for arg in item.args}
        if len(group) > 1:
            own, single = {COUNT: len(group)}, own
            for arg, value in single.items():
                own[Arg(arg.name, "first")] = own[Arg(arg.name, "rest")] = value
            item.node = block.items[group[-1]].node
        item.args = own
        values.update({(new, arg): value for arg, value in own.items()})
        items.append(item)
    for member in block.members:
        member.places = [member.places[group[0]] for group in groups]
    block.whens = {numbers[n]: text for n, text in block.whens.items()}
    block.items, block.values = items, values
