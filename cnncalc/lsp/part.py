"""Says what part of the language a path of keys leads to: a list of layers, an operator's body …"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

from ..language.names import GRAPH_WORDS, REPEAT_WORDS
from ..ops import BY_KEY

Kind = Literal[
    "spec", "layers", "layer", "body", "field", "use", "argument", "word", "join", "branch",
    "entry", "blocks", "block", "declared", "variants", "variant", "values", "value", "budget",
    "limit", "outputs", "published", "figure", "other",
]  # fmt: skip

_OF_SPEC: dict[str, Kind] = {
    "layers": "layers",
    "blocks": "blocks",
    "variants": "variants",
    "params": "declared",
    "budget": "budget",
    "outputs": "outputs",
    "published": "published",
}
_OF_VARIANT: dict[str, Kind] = {
    "params": "values",
    "budget": "budget",
    "published": "published",
    "expect": "values",
}


class Part(NamedTuple):
    """A part of the language.

    Attributes:
        kind: what it is.
        owner: the operator, block, variant or word that it belongs to.
        key: the field, parameter or figure.
        block: the block that it is written in.
    """

    kind: Kind
    owner: str = ""
    key: str = ""
    block: str | None = None


def part_at(path: Sequence[str | None], blocks: Collection[str]) -> Part:
    """Return the part at the end of a path; `blocks` are the names of the spec's blocks.

    >>> part_at(("layers", None, "conv", "out"), ())
    Part(kind='field', owner='conv', key='out', block=None)
    """
    part = Part("spec")
    for step in path:
        part = _inside(part, step, blocks)
    return part


def _inside(part: Part, step: str | None, blocks: Collection[str]) -> Part:
    """Return the part that a key or an entry of a list leads to."""
    kind, block, key = part.kind, part.block, step or ""
    if kind == "spec":
        return Part(_OF_SPEC.get(key, "other"), "", key)
    if kind == "blocks":
        return Part("block", key, block=key)
    if kind == "block":
        inner: dict[str, Kind] = {"layers": "layers", "params": "declared"}
        return Part(inner.get(key, "other"), part.owner, block=block)
    if kind == "variants":
        return Part("variant", key)
    if kind == "variant":
        return Part(_OF_VARIANT.get(key, "other"), part.owner)
    if kind in ("layers", "branch") and step is None:
        return Part("layer", block=block)
    if kind == "branch":
        return Part("layers" if key == "layers" else "word", key, block=block)
    if kind == "layer":
        return _of_layer(key, block, blocks)
    if kind == "join":
        return Part("entry" if step is None else "branch", part.owner, key, block)
    if kind == "budget":
        return Part("limit", "", key)
    if kind == "published":
        return Part("published" if step is None else "figure", "", key)
    if kind == "outputs":
        return Part("entry", block=None)
    if kind == "word" and part.owner == "repeat" and step in REPEAT_WORDS:
        return Part("word", key, block=block)
    followed: dict[Kind, Kind] = {
        "body": "field", "use": "argument", "declared": "value", "values": "value",
        "field": "field", "argument": "argument", "word": "word", "value": "value",
    }  # fmt: skip
    if kind in followed:
        is_inner = kind in ("field", "argument", "word", "value")
        return Part(followed[kind], part.owner, part.key if is_inner else key, block)
    return Part("other", block=block)


def _of_layer(key: str, block: str | None, blocks: Collection[str]) -> Part:
    if key == "chain":
        return Part("layers", "chain", block=block)
    if key in blocks:
        return Part("use", key, block=block)
    if key in GRAPH_WORDS:
        return Part("word", key, block=block)
    if key in BY_KEY:
        return Part("join" if BY_KEY[key].joins() else "body", key, block=block)
    return Part("other", key, block=block)
