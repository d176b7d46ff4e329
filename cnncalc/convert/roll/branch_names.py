"""Names the branches of joins: by what they are called, or by what they do."""

from __future__ import annotations

from collections.abc import Sequence

from ...language.layer_arguments import OF
from ...language.names import name_fault
from .names import plain_name, unique
from .parts import Item

_GATES = ("sigmoid", "hardsigmoid", "softmax")


def branch_names(join: Item, chains: Sequence[Sequence[Item]]) -> list[str]:
    """Return a name for each branch of a join."""
    body = max(range(len(chains)), key=lambda n: (sum(map(_size, chains[n])), -n))
    names: list[str] = []
    fields = {arg.name for arg in join.args} | {OF}
    for n, chain in enumerate(chains):
        word = _own_name(chain) or _role(join, chain, n, body, not all(chains))
        names.append(unique(word, {*names, *fields}))
    return names


def _size(item: Item) -> int:
    """Count the layers of an item."""
    return 1 if item.called is None else sum(map(_size, item.called.items))


def _own_name(chain: Sequence[Item]) -> str:
    """Return what the paths call a branch, if they call all of it the same."""
    words = {item.branch for item in chain}
    word = words.pop() if len(words) == 1 else ""
    is_telling = bool(plain_name(word)) and word != "features"
    return word if is_telling and name_fault(word) is None else ""


def _role(join: Item, chain: Sequence[Item], n: int, body: int, any_empty: bool) -> str:
    if join.key == "mul" and chain and chain[-1].word in _GATES:
        return "gate"
    if not chain:
        return {"mul": "x", "concat": "old"}.get(join.key, "skip")
    if join.key == "add":
        return "body" if n == body else "shortcut"
    if join.key == "concat" and any_empty:
        return "new"
    if join.key == "concat":
        return "abcdefghij"[n] if n < 10 else f"branch{n}"
    return f"branch{n + 1}"
