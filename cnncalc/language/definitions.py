"""Reads what a document defines: parameters, blocks, inputs and layers, for every network."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any, NamedTuple

from ..diagnostic import Diagnostic, first_of, misspelled
from ..ops import BY_KEY
from .declarations import cyclic, hidden, unused
from .graph_words import read_shape
from .inputs import read_inputs
from .layers import read_layers
from .model import Document
from .names import GRAPH_WORDS, NAME, NAME_FORM, SIZES
from .parameters import read_parameters
from .reader import Reader
from .steps import BlockSteps, Step
from .yaml_tree import Marks

_ROOT_NAMES = frozenset({"c"}) | SIZES


class Definitions(NamedTuple):
    """What a document defines. What depends on parameters is prepared, not evaluated."""

    params: dict[str, Any]  # defaults
    blocks: dict[str, BlockSteps]
    inputs: dict[str, tuple[Any, ...]]  # shapes
    integers: frozenset[str]  # the names of the inputs that hold integers
    expects: dict[str, dict[str, Any]]  # by variant and path: the expected shape after a layer
    steps: list[Step]
    diagnostics: list[Diagnostic]
    sound: bool  # only layers may be wrong; those before a wrong one can be expanded


def read_definitions(
    document: Document, marks: Marks, file: str, found: Iterable[Diagnostic]
) -> Definitions:
    """Read a document; its diagnostics come after those already `found`."""
    reader = Reader(file)
    names = reader.params = frozenset(document.params or ())
    _declare_blocks(reader, document, marks.find("blocks"), names)
    param_marks = marks.find("params")
    params = read_parameters(reader, document.params, param_marks, (), may_be_required=False)
    expects = _read_variants(reader, document, marks, names)
    inputs, integers = read_inputs(reader, document.input, marks.find("input"), names)
    sound = not reader.errors
    _read_blocks(reader, document, names)
    steps = read_layers(reader, document.layers, marks.find("layers"), names | _ROOT_NAMES)
    _check_steps(reader, document, marks, steps, inputs)
    diagnostics = [*found, *reader.diagnostics]
    if not steps and not diagnostics:
        place = marks.key(file, "layers")
        help = "add a layer: `- relu`"
        diagnostics.append(Diagnostic("CNN102", "`layers` is empty", place, help=help))
    cycle = cyclic(reader, marks)
    if cycle is not None:
        diagnostics.append(cycle)
    if not any(d.severity == "error" for d in diagnostics):
        # otherwise, a misspelled use would also be reported as an unused declaration
        diagnostics += first_of(unused(reader, params, marks))
        diagnostics += first_of(hidden(reader, params))
    return Definitions(
        params=params,
        blocks=reader.blocks,
        inputs=inputs,
        integers=integers,
        expects=expects,
        steps=steps,
        diagnostics=diagnostics,
        sound=sound and bool(steps) and cycle is None,
    )


def _declare_blocks(
    reader: Reader, document: Document, marks: Marks, names: frozenset[str]
) -> None:
    """Record the names and parameters of all blocks, so that any layer may use any block."""
    for name in document.blocks or ():
        fault = _block_name_fault(name, document.blocks or {})
        if fault:
            message = f"`{name}` cannot be the name of a block"
            reader.report("CNN108", message, marks.key(reader.file, name), fault)
        reader.blocks[name] = BlockSteps(name, marks.find(name))
    known = names | _ROOT_NAMES
    for name, block in (document.blocks or {}).items():
        with reader.separate_names() as used:
            reader.blocks[name].params = read_parameters(
                reader, block.params, marks.find(name, "params"), known, may_be_required=True
            )
        reader.blocks[name].reads |= used


def _block_name_fault(name: str, taken: Container[str]) -> str | None:
    """Return why a block may not have this name, or None; `taken` has the names of blocks."""
    if name in BY_KEY:
        free = (other for other in (f"{name}_block", f"my_{name}") if other not in taken)
        other = next(free, None)
        advice = f": call the block `{other}`, here and where it is used" if other else ""
        return f"`{name}` is an operator{advice}"
    if name in ("chain", *GRAPH_WORDS):
        return "this word already has a meaning in the language"
    if not NAME.match(name) or name.isdigit():
        return NAME_FORM
    return None


def _read_blocks(reader: Reader, document: Document, names: frozenset[str]) -> None:
    """Read the layers of all blocks, and record which blocks each of them uses."""
    for name, written in (document.blocks or {}).items():
        block = reader.blocks[name]
        before, reader.used_blocks = reader.used_blocks, set()
        known = names | frozenset(block.params) | _ROOT_NAMES
        reader.block = name
        with reader.as_operator(name), reader.separate_names() as used:
            block.layers = read_layers(reader, written.layers, block.marks.find("layers"), known)
        block.reads |= used
        reader.block = None
        block.uses = reader.used_blocks
        before |= block.uses
        reader.used_blocks = before


def _read_variants(
    reader: Reader, document: Document, marks: Marks, names: frozenset[str]
) -> dict[str, dict[str, Any]]:
    """Read the shapes that each variant expects, and check the names of its parameters."""
    expects: dict[str, dict[str, Any]] = {}
    known = names | _ROOT_NAMES
    for variant, own in (document.variants or {}).items():
        for name in (own and own.params) or ():
            if name not in names:
                place = marks.find("variants", variant, "params").key(reader.file, name)
                message = f"variant `{variant}` sets `{name}`, which is not a parameter"
                reader.add(misspelled(Diagnostic("CNN106", message, place), name, names))
        shapes = (own and own.expect) or {}
        inside = marks.find("variants", variant, "expect")
        expects[variant] = {
            path: read_shape(reader, shape, inside.find(path), known)
            for path, shape in shapes.items()
        }
    return expects


def _check_steps(
    reader: Reader, document: Document, marks: Marks, steps: list[Step], inputs: Iterable[str]
) -> None:
    """Check that no layer has the name of an input, and that `outputs` is not empty."""
    for step in steps:
        if step.name in inputs:
            message = f"the name `{step.name}` is already taken by an input"
            reader.report("CNN108", message, step.place, "give one of them another name")
    if document.outputs == []:
        place = marks.key(reader.file, "outputs")
        help = "remove it: the last layer is then the output"
        reader.report("CNN103", "`outputs` is empty", place, help)
