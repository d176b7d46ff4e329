"""Offers to make layers that follow each other a block, which is used in their place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...checking.repair.edited_text import Replacement
from ...ops import BY_KEY
from ..layer_lists import Layers
from ..names import Names
from ..view import View
from .action import Action
from .entries import entries, lines_of, moved
from .form import change_of_form


def extract_block(view: View, first: int, last: int) -> Iterator[Action]:
    """Yield the change that makes the layers between two offsets a block of their own."""
    names, spec = view.names, view.spec
    found = names.step_at(first) if names is not None else None
    if names is None or spec is None or found is None:
        return
    layers = found[0]
    listed = entries(view.places, layers)
    top, bottom = view.places.line_of(first), view.places.line_of(max(first, last - 1))
    chosen = [entry for entry in listed if entry.first <= bottom and entry.last >= top]
    if not chosen or any(entry.step.kind == "fault" for entry in chosen):
        return
    start = view.places.start_of_line(chosen[0].first)
    end = view.places.end_of_line(chosen[-1].last)
    block = _free_name(names)
    used = _parameters(names, layers, start, end)
    written = moved(lines_of(view.places, chosen[0], chosen[-1]), chosen[0].dash, 6)
    definition = [f"  {block}:"]
    if used:
        definition.append(f"    params: {{{', '.join(f'{name}: ' for name in used)}}}")
    definition += ["    layers:", *written]
    use = block + (f": {{{', '.join(f'{name}: {name}' for name in used)}}}" if used else "")
    dash = " " * chosen[0].dash + "-" + " " * (chosen[0].column - chosen[0].dash - 1)
    lines = Replacement(start, end, dash + use)
    title = f"Extract into block `{block}`"
    others = [_definition(view, definition)]
    yield from change_of_form(view, title, "refactor.extract", lines, others)


def _free_name(names: Names) -> str:
    taken = {*names.spec.blocks, *BY_KEY, *names.spec.parameter_names}
    n = 1
    while f"block{n}" in taken:
        n += 1
    return f"block{n}"


def _parameters(names: Names, layers: Layers, start: int, end: int) -> list[str]:
    """Return the parameters of the block around the layers that they use."""
    own = names.spec.blocks[layers.block].params if layers.block is not None else {}
    text = re.sub(r"#.*", "", names.places.text[start:end])
    words = set(re.findall(r"[A-Za-z_]\w*", text))
    mentioned = {m.name.word for m in names.mentions if start <= m.start < end}
    return [name for name in own if name in words & mentioned]


def _definition(view: View, lines: list[str]) -> Replacement:
    """Return the change that adds a block: at the end of the blocks, or before the layers."""
    assert view.spec is not None
    marks, places = view.spec.marks, view.places
    text = "\n".join(lines)
    blocks = marks.items.get("blocks")
    if blocks is not None and blocks.keys:
        line = max(places.line_of(places.span(block)[1] - 1) for block in blocks.items.values())
        at = places.end_of_line(line)
        column = min(column for _, column, _ in blocks.keys.values())
        shifted = "\n".join(moved(lines, 2, column))
        return Replacement(at, at, f"\n{shifted}")
    at = places.start_of_line(marks.keys["layers"][0])
    return Replacement(at, at, f"blocks:\n{text}\n\n")
