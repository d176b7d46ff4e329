"""Says what part of the language a path of keys leads to: a list of layers, an operator's body …"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Literal, NamedTuple

from ..language.layer_arguments import OF
from ..language.names import BRANCH_WORDS, ENTRY_WORDS, GRAPH_WORDS
from ..ops import BY_KEY

Kind = Literal[
    "spec", "input", "input type", "layers", "layer", "body", "field", "use", "argument", "word",
    "repeat", "rows", "row", "join", "branch", "entry", "blocks", "block", "declared",
    "variants", "variant", "values", "value", "expected", "budget", "budget of layers",
    "budget of layer", "limit", "setting", "outputs", "output", "published", "figure", "other",
]  # fmt: skip

# The parts that the keys of a part lead to; any other key leads to the part under "".
_INSIDE: dict[Kind, dict[str, Kind]] = {
    "spec": {
        "input": "input",
        "layers": "layers",
        "blocks": "blocks",
        "variants": "variants",
        "params": "declared",
        "budget": "budget",
        "outputs": "outputs",
        "published": "published",
    },
    "input": {"shape": "value", "dtype": "input type", "": "input"},
    "blocks": {"": "block"},
    "block": {"layers": "layers", "params": "declared"},
    "variants": {"": "variant"},
    "variant": {
        "params": "values",
        "budget": "budget",
        "published": "published",
        "expect": "expected",
    },
    "declared": {"": "value"},
    "values": {"": "value"},
    "expected": {"": "value"},
    "budget": {"at": "budget of layers", "": "limit"},
    "budget of layers": {"": "budget of layer"},
    "budget of layer": {"": "limit"},
    "limit": {"": "setting"},
    "published": {"": "figure"},
    "repeat": {"times": "word"},
    "body": {"": "field"},
    "use": {"": "argument"},
}
_ENTRIES: dict[Kind, Kind] = {
    "input": "value",
    "layers": "layer",
    "branch": "layer",
    "join": "entry",
    "outputs": "output",
    "published": "published",
    "rows": "row",
    "body": "field",
    "use": "argument",
}
_OF_GRAPH_WORD: dict[str, Kind] = {"name": "other", "repeat": "repeat"}
# Parts in which expressions are written; what is inside them is the same part.
VALUES: tuple[Kind, ...] = ("field", "argument", "word", "value")


class Part(NamedTuple):
    """A part of the language.

    Attributes:
        kind: what it is.
        owner: the operator, block, word or figure that it belongs to.
        key: the field, parameter, setting or figure.
        block: the block that it is written in.
    """

    kind: Kind
    owner: str = ""
    key: str = ""
    block: str | None = None


def part_at(
    path: Sequence[str | None],
    blocks: Collection[str],
    beside: Sequence[Collection[str]] = (),
) -> Part:
    """Return the part at the end of a path.

    Accepts:
        path: the keys that lead to it; None for an entry of a list.
        blocks: the names of the spec's blocks.
        beside: for each step of the path, all keys of the mapping that it goes through.

    >>> part_at(("layers", None, "conv", "out"), ())
    Part(kind='field', owner='conv', key='out', block=None)
    """
    part = Part("spec")
    for step, keys in zip(path, beside or [()] * len(path)):
        part = _inside(part, step, keys, blocks)
    return part


def _inside(part: Part, step: str | None, beside: Iterable[str], blocks: Collection[str]) -> Part:
    """Return the part that a key, with others beside it, or an entry of a list leads to."""
    kind, owner, block = part.kind, part.owner, part.block
    if kind in VALUES:
        return part
    if step is None:
        return Part(_ENTRIES.get(kind, "other"), owner, block=block)
    if kind == "layer":
        return _of_layer(step, beside, block, blocks)
    if kind == "row":
        return Part(_kind_of_row(owner, blocks), owner, step, block)
    if kind in ("branch", "entry"):
        return _of_branch(step, block)
    if kind == "join":
        return _of_join(owner, step, block)
    inside = _INSIDE.get(kind, {})
    return Part(
        kind=inside.get(step, inside.get("", "other")),
        owner=part.key if kind == "limit" else owner,
        key=step,
        block=step if kind == "blocks" else block,
    )


def _of_layer(key: str, beside: Iterable[str], block: str | None, blocks: Collection[str]) -> Part:
    if key == "chain":
        return Part("layers", "chain", block=block)
    if key == "each":
        owners = (word for word in beside if word in blocks or word in BY_KEY)
        return Part("rows", next(owners, ""), key, block)
    if key in blocks:
        return Part("use", key, block=block)
    if key in GRAPH_WORDS:
        return Part(_OF_GRAPH_WORD.get(key, "word"), key, block=block)
    if key in BY_KEY:
        return Part("join" if BY_KEY[key].joins() else "body", key, block=block)
    return Part("other", key, block=block)


def _kind_of_row(owner: str, blocks: Collection[str]) -> Kind:
    """Return what a value in a row of `each` is; the rows of a chain have no owner."""
    if owner in blocks:
        return "argument"
    return "field" if owner in BY_KEY else "value"


def _of_branch(key: str, block: str | None) -> Part:
    if key == "layers":
        return Part("layers", key, block=block)
    if key == "each":
        return Part("rows", "", key, block)
    is_word = key in (*BRANCH_WORDS, *ENTRY_WORDS)
    return Part(_OF_GRAPH_WORD.get(key, "word") if is_word else "other", key, block=block)


def _of_join(owner: str, key: str, block: str | None) -> Part:
    """Return what a key of a join is: one of its fields, the names that it joins, or a branch."""
    fields = BY_KEY[owner].fields()
    if key in fields:
        return Part("field", owner, key, block)
    return Part("join" if fields and key == OF else "branch", owner, key, block)
