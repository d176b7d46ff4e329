"""Reads lists of layers into steps, and checks all that does not depend on shapes."""

from __future__ import annotations

from typing import Any

from ..ops import BY_KEY
from .graph_words import read_graph_words
from .layer_arguments import read_block_use, read_join_fields, read_operator
from .layer_key import is_layer, layer_key
from .names import name_fault
from .reader import Reader
from .steps import Step
from .validation import shown
from .yaml_tree import Marks


def read_layers(reader: Reader, data: Any, marks: Marks, known: frozenset[str]) -> list[Step]:
    """Read a list of layers into steps, named in source order.

    `known` are the names that their expressions may use. What is not a layer becomes a faulty step.
    """
    if not isinstance(data, list):
        help = "start each layer with `- `"
        if isinstance(data, str):
            help = f"to join an earlier layer, write `[{{identity: , from: {data}}}]`"
        message = f"layers are written as a list, not {shown(data)}"
        reader.report("CNN103", message, marks.position(reader.file), help)
        return []
    counts: dict[str, int] = {}
    lines: dict[str, int] = {}  # by name
    steps: list[Step] = []
    for index, item in enumerate(data):
        step = _read_layer(reader, item, marks.find(index), known, counts)
        if step is None:
            steps.append(Step.faulty(marks.find(index), reader.file))
            continue
        if step.name in lines:
            message = f"the name `{step.name}` is already taken at line {lines[step.name]}"
            reader.report("CNN108", message, step.place, "give one of them another `name`")
        lines[step.name] = step.place.line
        steps.append(step)
    return steps


def _read_layer(
    reader: Reader, item: Any, marks: Marks, known: frozenset[str], counts: dict[str, int]
) -> Step | None:
    """Read one layer; if it is not one, report that and return None. `counts` is by operator."""
    if isinstance(item, str):
        key, item, place = item, {item: None}, marks.position(reader.file)
    elif isinstance(item, dict):
        found = layer_key(reader, item, marks)
        if found is None:
            return None
        key, place = found, marks.key(reader.file, found)
    else:
        message = f"a layer is an operator or a block, not {shown(item)}"
        help = "write `- relu` or `- conv: {out: 64, kernel: 3}`"
        reader.report("CNN103", message, marks.position(reader.file), help)
        return None
    if not is_layer(reader, key):
        from .unknown_operator import unknown_operator  # only needed for errors

        reader.add(unknown_operator(reader, key, item, marks))
        return None
    counts[key] = counts.get(key, 0) + 1
    separator = "_" if key[-1:].isdigit() else ""
    step = Step(key, f"{key}{separator}{counts[key]}", marks, place)
    errors = reader.errors
    known = read_graph_words(reader, step, item, marks, known)
    sound = reader.errors == errors
    sound &= _read_body(reader, step, item[key], known)
    if not sound:
        step.kind = "fault"
    return step


def _read_body(reader: Reader, step: Step, body: Any, known: frozenset[str]) -> bool:
    """Read a body into its step; return whether it is right, apart from layers inside it."""
    if step.key == "chain":
        step.kind = "chain"
        step.layers = _read_branch(reader, body, step.body_marks, known)
        return body is None or isinstance(body, list)
    if step.key in reader.blocks and not _means_operator(reader, step.key, body):
        step.kind = "block"
        reader.used_blocks.add(step.key)
        return read_block_use(reader, step, body, known)
    step.op = BY_KEY[step.key]
    if step.op.joins():
        step.kind = "join"
        return _read_join(reader, step, body, known)
    return read_operator(reader, step, body, known)


def _means_operator(reader: Reader, key: str, body: Any) -> bool:
    """Return whether a word means the operator although a block has its name, which is reported.

    Then the body has a field that only the operator has.
    """
    if key not in BY_KEY or not isinstance(body, dict):
        return False
    return not body.keys() <= reader.blocks[key].params.keys()


def _read_branch(reader: Reader, data: Any, marks: Marks, known: frozenset[str]) -> list[Step]:
    """Read the layers of a branch or chain, which may be empty."""
    return read_layers(reader, data if data is not None else [], marks, known)


def _read_join(reader: Reader, step: Step, body: Any, known: frozenset[str]) -> bool:
    """Read the branches of a join; return whether they are right, apart from their layers."""
    marks, sound = step.body_marks, True
    if isinstance(body, dict):
        body, sound = read_join_fields(reader, step, body, known)
        if not body and step.body:
            help = f"name them: `{step.key}: {{{next(iter(step.body))}: …, of: [name, name]}}`"
            reader.report("CNN102", f"`{step.key}` has no branches", step.place, help)
            return False
    if isinstance(body, dict) and body:
        step.branches = {}
        for name, layers in body.items():
            fault = name_fault(name)
            if fault:
                place = marks.key(reader.file, name)
                reader.report("CNN108", f"`{name}` cannot be the name of a branch", place, fault)
                sound = False
            step.branches[name] = _read_branch(reader, layers, marks.find(name), known)
            sound &= layers is None or isinstance(layers, list)
    elif isinstance(body, list) and body and all(isinstance(name, str) for name in body):
        step.sources = tuple(body)
        reader.used_names |= set(body)
        if step.source is not None:
            message = f"`{step.key}` with a list of layer names does not take `from`"
            place = step.marks.key(reader.file, "from")
            reader.report("CNN103", message, place, "add the layer to the list")
            sound = False
    else:
        reader.report(
            "CNN103",
            f"`{step.key}` takes named branches or a list of layer names, not {shown(body)}",
            marks.position(reader.file) if body else step.place,
            f"write `{step.key}: {{body: […], shortcut: []}}`, or `{step.key}: [name, name]`",
        )
        return False
    fewest, most = BY_KEY[step.key].inputs
    found = len(step.branches or step.sources or ())
    if most is not None and found > most:
        message = f"`{step.key}` joins {most} branches, but has {found}"
        reader.report("CNN103", message, step.place, f"write another `{step.key}` for the rest")
        sound = False
    if found < fewest:
        message = f"`{step.key}` joins at least {fewest} branches, but has {found}"
        reader.report("CNN102", message, step.place, "add a branch; `[]` is the identity")
        sound = False
    return sound
