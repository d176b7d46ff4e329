"""Finds the conditions of items that some members lack: those that networks have come first.

An accidental condition would be right here, and wrong with other parameters. So only known ones are
tried, and else the block gets a switch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .merge import is_activation
from .parts import ABSENT, Block, Text
from .values import Values, holds

Mask = list[bool]
Candidate = tuple[str, Mask]
_SWITCHES = {"squeeze_excite": "se", "stochastic_depth": "drop"}


def fill_conditions(values: Values, block: Block) -> None:
    """Fill in `when` of the optional items of a block."""
    masks = {k: [m.places[k] is not None for m in block.members] for k in block.optional}
    words = _activation_words(values, block, masks)
    for k in sorted(masks):
        if k in words:
            block.whens[k] = Text(words[k])
            continue
        earlier = next((n for n in block.whens if masks[n] == masks[k]), None)
        if earlier is not None and earlier not in words:
            block.whens[k] = block.whens[earlier]
            continue
        if is_activation(block.items[k]):
            candidates = _switched(values)
        else:
            candidates = _known(values, _role(block, masks, k))
        known = next((text for text, mask in candidates if mask == masks[k]), None)
        block.whens[k] = Text(known) if known else _switch(values, block, k, masks[k])


def _activation_words(values: Values, block: Block, masks: dict[int, Mask]) -> dict[int, str]:
    """Return the conditions of activations that take turns, by a parameter that names one."""
    chosen = [k for k in masks if is_activation(block.items[k])]
    by_key: dict[str, list[Mask]] = {}
    for k in chosen:
        by_key.setdefault(block.items[k].key, []).append(masks[k])
    if len(by_key) < 2 or any(mask != alike[0] for alike in by_key.values() for mask in alike):
        return {}
    column: list[Any] = []
    for n in range(len(block.members)):
        there = [key for key, alike in by_key.items() if alike[0][n]]
        if len(there) > 1:
            return {}
        column.append(there[0] if there else None)
    name = values.new("act", column, "flag")
    return {k: f"{name} == '{block.items[k].key}'" for k in chosen}


def _role(block: Block, masks: dict[int, Mask], k: int) -> str:
    """Return what an item may be for: the `residual` of a block, the `shortcut` beside it, or not.

    Both depend on whether the channels change. What is inside a body does not.
    """
    alike = {n for n in masks if masks[n] == masks[k]}
    if any(block.items[n].join for n in alike):
        return "residual"
    readers = {n for n, item in enumerate(block.items) if k in item.sources}
    while readers & alike:
        readers = {n for n, item in enumerate(block.items) if readers & alike & {*item.sources}}
    return "shortcut" if any(block.items[n].join for n in readers) else "part"


def _known(values: Values, role: str) -> Iterator[Candidate]:
    """Yield the conditions that networks have for a role, the most telling first."""
    channels = values.channels
    params = values.parameters()
    strides = [p for p in params if p.quantity == "stride" and _is_whole(p.column)]
    for text, result in _results(values) if role != "part" else ():
        changes = [a != b for a, b in zip(result, channels)]
        same = [not change for change in changes]
        for stride in strides:
            steps = [value > 1 for value in stride.column]
            yield f"{stride.text} > 1 or c != {text}", [a or b for a, b in zip(steps, changes)]
            yield (
                f"{stride.text} == 1 and c == {text}",
                [a and not b for a, b in zip(same, steps)],
            )
        yield f"c != {text}", changes
        yield f"c == {text}", same
    for param in params:
        if not _is_whole(param.column):
            continue
        if param.quantity in ("ratio", "stride"):
            yield f"{param.text} > 1", [v > 1 for v in param.column]
            yield f"{param.text} == 1", [v == 1 for v in param.column]
        if param.quantity == "channels":
            yield f"{param.text} != c", [v != c for v, c in zip(param.column, channels)]
    yield from _switched(values)


def _switched(values: Values) -> Iterator[Candidate]:
    """Yield the switches that the block has, on and off."""
    for param in values.parameters():
        if param.quantity == "flag" and all(isinstance(v, bool) for v in param.column):
            yield param.text, list(param.column)
            yield f"not {param.text}", [not v for v in param.column]


def _results(values: Values) -> Iterator[tuple[str, list[Any]]]:
    """Yield the expressions for the channels of the result."""
    for text, column, quantity in [*values.parameters(), *values.known]:
        is_known = quantity == "channels" and ABSENT not in column and text != "c"
        if is_known and holds(column, values.results):
            yield text, column


def _is_whole(column: list[Any]) -> bool:
    return all(type(value) is int for value in column)


def _switch(values: Values, block: Block, k: int, mask: Mask) -> Text:
    """Return a condition on a parameter that says whether an item is there.

    It is a number that only this item needs, and then 0 where it is not; or a switch.
    """
    item = block.items[k]
    own = [block.values[k, arg] for arg in item.args if arg.name in ("out", "hidden", "squeezed")]
    for name in own:
        if isinstance(name, Text) and values.lacking.get(name) == [not there for there in mask]:
            column = block.params[name]
            block.params[name] = [value if there else 0 for value, there in zip(column, mask)]
            block.defaults[name] = 0
            return Text(f"{name} > 0")
    base = "act" if is_activation(item) else _SWITCHES.get(item.word, f"with_{item.word}")
    return values.new(base, list(mask), "flag")
