"""Merges two lists of items into one, whose items some members lack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ...ops import BY_KEY
from ...ops.activation import Activation
from .parts import ABSENT, Block, Item, Member, Source

_MOST_APART = 6  # items that only one of two lists has
_MOST_TRIED = 40  # ways to align two lists
_MOST_STEPS = 1500  # of the search for them

Pair = tuple[int | None, int | None]  # an item of the merged list: its numbers in both lists


class _State(NamedTuple):
    """Lists that are aligned up to item i of one and j of the other."""

    i: int
    j: int
    apart: int
    pairs: tuple[Pair, ...]
    sources: tuple[tuple[Source, ...], ...]
    values: tuple[tuple[Source, ...], tuple[Source, ...]]  # of the merged items, in both lists


def merged(a: Block, b: Block) -> Block | None:
    """Return one block for the members of both, or None if their lists are not alike."""
    if len(a.members[0].read) != len(b.members[0].read):
        return None
    if any(item.chain for item in (*a.items, *b.items)):
        return None
    turns = min(sum(map(is_activation, block.items)) for block in (a, b))
    most = min(_MOST_APART, (len(a.items) + len(b.items)) // 3 + 1 + turns)
    for apart in range(_least_apart(a.items, b.items), most + 1):
        ways = _ways(a.items, b.items, apart)
        ways = [way for way in ways if _is_close(way, a, b)]
        for way in sorted(ways, key=lambda way: -_alike(way, a, b)):
            block = _block(way, a, b)
            if all(restores(block, member) for member in block.members):
                return block
    return None


def _least_apart(a: Sequence[Item], b: Sequence[Item]) -> int:
    """Count the items that one list has and the other has not, in whatever order."""
    mine, other = Counter(item.form for item in a), Counter(item.form for item in b)
    return (mine - other).total() + (other - mine).total()


def _is_close(way: _State, a: Block, b: Block) -> bool:
    """Return whether the lists have more in common than not, and no two steps in one place."""
    both = sum(i is not None and j is not None for i, j in way.pairs)
    turns = 0  # activations in one place: as good as one that changes
    for (i, j), (k, m) in zip(way.pairs, way.pairs[1:]):
        if j is None and k is None or i is None and m is None:
            first = a.items[i] if i is not None else b.items[j or 0]
            second = a.items[k] if k is not None else b.items[m or 0]
            if not (is_activation(first) and is_activation(second)):
                return False
            turns += 1
    return both >= max(2, way.apart - 2 * turns)


def is_activation(item: Item) -> bool:
    """Return whether an item is an activation."""
    return item.called is None and issubclass(BY_KEY[item.key], Activation)


def _ways(a: Sequence[Item], b: Sequence[Item], apart: int) -> list[_State]:
    """Return the ways to align two lists so that so many items are in only one of them."""
    found: list[_State] = []
    open_ = [_State(0, 0, 0, (), (), ((), ()))]
    steps = 0
    while open_ and len(found) < _MOST_TRIED and steps < _MOST_STEPS:
        state = open_.pop()
        steps += 1
        if state.i == len(a) and state.j == len(b):
            ends = tuple(values[-1] for values in state.values)
            if state.apart == apart and ends == (len(a) - 1, len(b) - 1):
                found.append(state)
            continue
        left = abs(len(a) - state.i - (len(b) - state.j))
        if state.apart + left <= apart:
            open_ += [*_next(state, a, b, apart)][::-1]
    return found


def _next(state: _State, a: Sequence[Item], b: Sequence[Item], apart: int) -> Iterator[_State]:
    i, j = state.i, state.j
    mine = a[i] if i < len(a) else None
    other = b[j] if j < len(b) else None
    if mine and other and mine.form == other.form and mine.words == other.words:
        sources = _sources(state, mine, other)
        if sources is not None:
            yield _grown(state, (i, j), mine, sources)
    if state.apart < apart:
        if mine and mine.words.share is None:
            sources = _sources(state, mine, None)
            if sources is not None:
                yield _grown(state, (i, None), mine, sources)
        if other and other.words.share is None:
            sources = _sources(state, None, other)
            if sources is not None:
                yield _grown(state, (None, j), other, sources)


def _sources(state: _State, mine: Item | None, other: Item | None) -> tuple[Source, ...] | None:
    """Return what an item reads in the merged list, so that both lists read what they did."""
    item = mine or other
    assert item is not None
    found: list[Source] = []
    for slot in range(len(item.sources)):
        wanted = [None if one is None else one.sources[slot] for one in (mine, other)]
        inputs = {source for source in wanted if source is not None}
        fitting = [
            m
            for m, values in enumerate(zip(*state.values))
            if all(w is None or w == value for w, value in zip(wanted, values))
        ]
        is_input = len(inputs) == 1 and min(inputs) < 0
        if is_input and (item.join or not fitting):
            found.append(min(inputs))
        elif fitting:
            found.append(fitting[-1])
        else:
            return None
    return tuple(found)


def _grown(state: _State, pair: Pair, item: Item, sources: tuple[Source, ...]) -> _State:
    values = []
    for number, known in zip(pair, state.values):
        value = number if number is not None else passed(item, sources, known)
        values.append((*known, value))
    return _State(
        i=state.i + (pair[0] is not None),
        j=state.j + (pair[1] is not None),
        apart=state.apart + (None in pair),
        pairs=(*state.pairs, pair),
        sources=(*state.sources, sources),
        values=(values[0], values[1]),
    )


def passed(item: Item, sources: Sequence[Source], known: Sequence[Source]) -> Source:
    """Return the value of an item that `when` leaves out: what it reads, or what is before a join.

    `known` are the values of the items before it.
    """
    if item.join:
        return known[-1] if known else ~0
    return known[sources[0]] if sources[0] >= 0 else sources[0]


def _alike(way: _State, a: Block, b: Block) -> int:
    """Count the arguments that have values of the one block's in the other."""
    count = 0
    for i, j in way.pairs:
        if i is None or j is None:
            continue
        for arg in a.items[i].args:
            known = {repr(value) for value in a.column(i, arg) if value is not ABSENT}
            count += sum(repr(value) in known for value in b.column(j, arg))
    return count


def _block(way: _State, a: Block, b: Block) -> Block:
    items = []
    for (i, j), sources in zip(way.pairs, way.sources):
        own = a.items[i] if i is not None else b.items[j or 0]
        items.append(own.read_from(sources))
    members: list[Member] = []
    for side, block in enumerate((a, b)):
        numbers = [pair[side] for pair in way.pairs]
        for member in block.members:
            places = [None if n is None else member.places[n] for n in numbers]
            moved = Member(member.scope, member.items, member.read, member.channels, member.result)
            moved.places = places
            members.append(moved)
    return Block(items, members)


def restores(block: Block, member: Member) -> bool:
    """Return whether a member's own list is the block's without the items that it lacks."""
    known: list[Source] = []
    for item, place in zip(block.items, member.places):
        if place is None:
            known.append(passed(item, item.sources, known))
            continue
        sources = tuple(known[s] if s >= 0 else s for s in item.sources)
        if sources != member.items[place].sources:
            return False
        known.append(place)
    return known[-1] == len(member.items) - 1
