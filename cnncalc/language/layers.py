"""Reads lists of layers into steps, and checks all that does not depend on shapes."""

from __future__ import annotations

from typing import Any

from ..diagnostic import Diagnostic
from ..ops import BY_KEY
from .declarations import decreases
from .graph_words import read_graph_words
from .joins import read_join
from .layer_arguments import read_block_use, read_operator
from .layer_key import is_layer, layer_key
from .reader import Reader
from .steps import EVERY_COPY, Step
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
    inside = read_graph_words(reader, step, item, marks, known)
    _check_names(reader, step)
    sound = reader.errors == errors
    with reader.separate_names() as used:
        sound &= _read_body(reader, step, item[key], inside)
    if step.is_repeated and step.counter in known and step.counter in used:
        reader.add(_hidden_counter(reader, step))
    if not sound:
        step.kind = "fault"
    return step


def _check_names(reader: Reader, step: Step) -> None:
    """Report layers that `from` and `share` cannot name."""
    for word, field in (("from", "source"), ("share", "share")):
        name = getattr(step, field)
        if isinstance(name, str) and EVERY_COPY in name:
            last = name.partition(EVERY_COPY)[0]
            message = f"`{word}` takes one layer, not every copy of `{last}`"
            place = step.marks.find(word).position(reader.file)
            help = f"`{last}` is its last copy, and `{last}[0]` the first; a join can list `{name}`"
            reader.report("CNN103", message, place, help)
            setattr(step, field, None)
    if step.share == step.name and not step.is_repeated:
        message = f"`{step.name}` shares its own weights, but it is not repeated"
        place = step.marks.find("share").position(reader.file)
        help = "put `repeat` beside `share`: then its copies share them"
        reader.report("CNN112", message, place, help)


def _hidden_counter(reader: Reader, step: Step) -> Diagnostic:
    """Describe a repeat whose counter hides a parameter, or the counter of a repeat around it."""
    word = "repeat" if step.repeat is not None else "each"
    counter = step.counter
    block = reader.blocks.get(reader.block or "")
    if counter in reader.params or (block and counter in block.params):
        hidden, help = f"the parameter `{counter}`", "give the counter another name"
    else:
        hidden = "that of the one around it"
        help = "give the outer one another counter: `repeat: {times: 3, as: j}`"
    return Diagnostic(
        "CNN119",
        f"`{counter}` means the copy of this `{word}`, and hides {hidden}",
        step.marks.key(reader.file, word),
        help,
        severity="warning",
    )


def _read_body(reader: Reader, step: Step, body: Any, known: frozenset[str]) -> bool:
    """Read a body into its step; return whether it is right, apart from layers inside it."""
    if step.key == "chain":
        step.kind = "chain"
        layers = body if body is not None else []
        step.layers = read_layers(reader, layers, step.body_marks, known)
        return body is None or isinstance(body, list)
    if step.key in reader.blocks and not _means_operator(reader, step.key, body):
        step.kind = "block"
        sound = read_block_use(reader, step, body, known)
        if step.key != reader.block or not decreases(step):
            reader.used_blocks.add(step.key)
        return sound
    step.op = BY_KEY[step.key]
    if step.op.joins():
        step.kind = "join"
        return read_join(reader, step, body, known, read_layers)
    return read_operator(reader, step, body, known)


def _means_operator(reader: Reader, key: str, body: Any) -> bool:
    """Return whether a word means the operator although a block has its name, which is reported.

    Then the body has a field that only the operator has.
    """
    if key not in BY_KEY or not isinstance(body, dict):
        return False
    return not body.keys() <= reader.blocks[key].params.keys()
