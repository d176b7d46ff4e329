"""Offers to write the layers of a block in place of one of its uses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...checking.repair.edited_text import Replacement
from ...language.steps import REQUIRED, BlockSteps, Step
from ..layer_lists import Layers
from ..names import Name
from ..values import values_of
from ..view import View
from .action import Action, changed
from .entries import entries, lines_of, moved
from .form import change_of_form

_SIMPLE = re.compile(r"[\w.]+")
_SPECIAL = set(",[]{}:#&*!|>'\"%@`")


def inline_block(view: View, layers: Layers, step: Step) -> Iterator[Action]:
    """Yield the change that replaces a use of a block by its layers."""
    names, spec = view.names, view.spec
    if names is None or spec is None or step.kind != "block" or step.each is not None:
        return
    block = spec.blocks[step.key]
    inner = entries(view.places, names.lists.by_id[f"blocks.{step.key}"])
    own = next((e for e in entries(view.places, layers) if e.step is step), None)
    values = _values(view, step, block)
    if own is None or not inner or values is None:
        return
    beside = [key for key in step.marks.keys if key != step.key]
    is_chain = bool(beside)
    lines = _substituted(view, f"blocks.{step.key}", block, values)
    column = own.dash + 4 if is_chain else own.dash
    lines = moved(lines, inner[0].dash, column)
    if is_chain:
        words = [
            f"{' ' * own.column}{word}: {view.places.edited.as_written(step.marks.items[word])}"
            for word in beside
        ]
        head = " " * own.dash + "-" + " " * (own.column - own.dash - 1) + "chain:"
        lines = [head, *lines, *words]
    start = view.places.start_of_line(own.first)
    end = view.places.end_of_line(own.last)
    change = Replacement(start, end, "\n".join(lines))
    title = f"Write the layers of `{step.key}` here"
    yield from change_of_form(view, title, "refactor.inline", change, [*_unused(view, step.key)])


def _unused(view: View, block: str) -> Iterator[Replacement]:
    """Yield the change that removes a block which is used only once."""
    assert view.names is not None
    if len(view.names.of(Name("block", "", block))) != 2:  # its definition, and a use
        return
    marks, places = view.names.spec.marks, view.places
    blocks = marks.items["blocks"]
    key = places.key(blocks, block) if len(blocks.keys) > 1 else places.key(marks, "blocks")
    first = places.start_of_line(places.line_of(key[0]))
    last = places.line_of(places.span(blocks.items[block])[1] - 1)
    if not places.text[first : key[0]].strip():
        yield Replacement(first, places.start_of_line(last + 1), "")


def _values(view: View, step: Step, block: BlockSteps) -> dict[str, str] | None:
    """Return what stands for each parameter of the block in this use; None if one is missing."""
    written, marks = view.places.edited.as_written, step.body_marks
    values: dict[str, str] = {}
    for name, default in block.params.items():
        if name in marks.items:
            values[name] = _unquoted(written(marks.items[name]))
        elif default is REQUIRED and name == block.main and not marks.items:
            values[name] = _unquoted(written(marks))
        elif default is REQUIRED:
            return None
        else:
            values[name] = _unquoted(written(block.marks.find("params", name)))
    use = next((use for use in view.shown if use.step is step), None)
    if use is not None and use.group[0] < use.group[1]:
        first = view.expansion.graph.nodes[use.group[0]]
        values["c"] = str(view.expansion.graph.nodes[first.inputs[0]].shape[0])
    return values


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _substituted(view: View, id: str, block: BlockSteps, values: dict[str, str]) -> list[str]:
    """Return the lines of a block's layers with the values of one use in its expressions."""
    names, places = view.names, view.places
    assert names is not None
    listed = entries(places, names.lists.by_id[id])
    start = places.start_of_line(listed[0].first)
    changes: list[Replacement] = []
    for owner, key, marks in values_of(names.spec):
        first, last = places.span(marks)
        if owner != block.name or key == "name" or first < start:
            continue
        source = _unquoted(places.text[first:last])
        new = _in_expression(source, values)
        if new != source:
            changes.append(Replacement(first, last, _quoted(new)))
    whole = "\n".join(lines_of(places, listed[0], listed[-1]))
    shifted = [Replacement(one.start - start, one.end - start, one.text) for one in changes]
    return changed(whole, shifted).split("\n")


def _in_expression(source: str, values: dict[str, str]) -> str:
    """Return an expression with values for names."""
    if source.strip() in values:
        return values[source.strip()]

    def value(found: re.Match[str]) -> str:
        text = values.get(found[0])
        if text is None:
            return found[0]
        return text if _SIMPLE.fullmatch(text) else f"({text})"

    return re.sub(r"(?<![\w.'\"])[A-Za-z_]\w*(?![\w'\"])", value, source)


def _quoted(text: str) -> str:
    """Return an expression as YAML reads it as one text."""
    is_list = text.startswith("[") and text.endswith("]")
    return text if is_list or not _SPECIAL & set(text) else f'"{text}"'
