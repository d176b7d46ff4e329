"""Joins neighbours that call one block into runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from .parts import ABSENT, COUNT, Arg, Item, Member, same
from .quantities import quantity_of

# What a step costs a reader, and what the first copy has otherwise: mostly too much for two steps
# to become one.
_LINE, _DIFFERENCE, _REQUIRED = 2.0, 1.5, 3.0
_SMALL = ("stride", "dilation")  # what often differs in the first of several blocks


def join_neighbours(member: Member) -> None:
    """Turn neighbouring calls of one block into runs, whose first copy may differ from the rest."""
    pieces: list[list[Item]] = []
    for row in rows(member):
        pieces += [row[a:b] for a, b in _segments(row)]
    replace_items(member, [(p, run_of(p) if len(p) > 1 else p[0]) for p in pieces])


def rows(member: Member, read_elsewhere: bool = False) -> Iterator[list[Item]]:
    """Yield the items in rows of those that call one block, each reading the one before.

    Other items may read those inside a row if `read_elsewhere`.
    """
    reads = Counter(source for item in member.items for source in item.sources)
    row: list[Item] = []
    for n, item in enumerate(member.items):
        alone = read_elsewhere or reads[n - 1] == 1
        goes_on = row and _alike(row[-1], item) and item.sources == (n - 1,) and alone
        if row and not goes_on:
            yield row
            row = []
        row.append(item)
    if row:
        yield row


def _alike(a: Item, b: Item) -> bool:
    if a.called is None or a.called is not b.called or a.chain or b.chain:
        return False
    return len(a.sources) == 1 and a.words == b.words and a.words.share is None


def _segments(row: Sequence[Item]) -> list[tuple[int, int]]:
    """Cut a row where that costs least; all copies but the first have equal arguments.

    A cut is where the arguments change, or one before.
    """
    changes = [n for n in range(1, len(row)) if row[n].args != row[n - 1].args]
    cuts = sorted({0, len(row), *changes, *(n - 1 for n in changes)})
    best: dict[int, tuple[float, int]] = {0: (0.0, 0)}  # the cost up to a cut, and the one before
    for k, end in enumerate(cuts[1:], 1):
        options = []
        for start in reversed(cuts[:k]):
            if start < end - 2 and row[start + 1].args != row[end - 1].args:
                break
            cost = best[start][0] + _LINE + _differences(row[start], row[end - 1])
            options.append((cost, start))
        best[end] = min(options)
    found: list[tuple[int, int]] = []
    end = len(row)
    while end:
        found.append((best[end][1], end))
        end = best[end][1]
    return found[::-1]


def _differences(first: Item, rest: Item) -> float:
    """Return what it costs a reader that the first copy differs, or that all have a stride."""
    cost = 0.0
    for arg, value in rest.args.items():
        if not same(first.args[arg], value):
            small = arg.name in first.defaults and quantity_of(first, arg) in _SMALL
            cost += _DIFFERENCE if small else _REQUIRED
        elif rest is not first and quantity_of(first, arg) == "stride" and value != 1:
            cost += _DIFFERENCE
    return cost


def is_one_run(row: Sequence[Item]) -> bool:
    """Return whether a row can be one run: required arguments are equal in all copies."""
    return len(_segments(row)) == 1 and _differences(row[0], row[-1]) < _REQUIRED


def run_of(row: Sequence[Item]) -> Item:
    """Return a row of calls as a run; a single one has no arguments for the rest."""
    first = row[0]
    run = first.read_from(first.sources)
    run.args, run.node = {COUNT: len(row)}, row[-1].node
    for arg, value in first.args.items():
        run.args[Arg(arg.name, "first")] = value
        run.args[Arg(arg.name, "rest")] = row[1].args[arg] if len(row) > 1 else ABSENT
    return run


def replace_items(member: Member, pieces: list[tuple[list[Item], Item]]) -> None:
    """Replace pieces of the list, which are all of it, by one item each."""
    numbers: dict[int, int] = {}
    old = 0
    for new, (piece, _) in enumerate(pieces):
        for _ in piece:
            numbers[old] = new
            old += 1
    olds = {id(item): n for n, item in enumerate(member.items)}
    for piece, item in pieces:
        if item.chain:
            start = olds[id(piece[0])]
            item.chain = numbers[start + item.chain - 1] - numbers[start] + 1
        item.sources = tuple(numbers[s] if s >= 0 else s for s in item.sources)
        if item.words.share is not None:
            item.words = item.words._replace(share=numbers[item.words.share])
    member.items = [item for _, item in pieces]
    member.places = list(range(len(member.items)))
