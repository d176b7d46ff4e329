"""Reads the bodies of operators and blocks: what is written after their key.

Keys and expressions are checked here, once per spec. An operator whose body has no parameters is
made at once.
"""

from __future__ import annotations

from typing import Any

from ..diagnostic import Diagnostic, Edit, Fix, Mistake, nearest
from ..ops import BY_KEY
from ..ops.base import Op
from .foreign_fields import foreign_field, foreign_value, in_order, misplaced_word
from .layer_names import is_entry
from .names import GRAPH_WORDS, INFERRED, NEEDLESS
from .reader import Reader
from .steps import REQUIRED, Step
from .unquoted_comma import cut_by_yaml
from .validation import meant_by, unknown_key, validate
from .values import ANY_WORD, FAULT, is_constant, words_of
from .yaml_entries import entry_removed
from .yaml_tree import Marks


def read_operator(reader: Reader, step: Step, body: Any, known: frozenset[str]) -> bool:
    """Read the body of an operator into its step; return whether it is right."""
    op, before = step.op, reader.errors
    assert op is not None
    words = words_of(op)
    data = _mapping(reader, step, body, op.main)
    if data is None:
        return False
    for key, value in data.items():
        if key in words:
            if isinstance(value, str) and key in op.layers_named:
                reader.used_names.add(value.partition(".")[0])
            marks = step.body_marks.find(key)
            place = marks.position(reader.file)
            fault = foreign_value(op, key, value, data, known, place)
            fault = fault or misplaced_word(op, key, value, known, place)
            if fault is not None:
                reader.add(fault)
            step.body[key] = FAULT if fault else reader.prepared(value, marks, known, words[key])
        else:
            reader.add(_no_field(reader, step, key, list(words), data))
    required = [name for name, field in op.fields().items() if field.is_required()]
    complete = _rows_fit(reader, step, f"`{step.key}`", list(words), required, data)
    constant = step.each is None and all(map(is_constant, step.body.values()))
    if complete and constant and reader.errors == before:
        try:
            step.ready = validate(op, step.body, step.body_marks, reader.file, f"`{step.key}`")
        except Mistake as mistake:
            reader.add(*mistake.diagnostics)
    return reader.errors == before


OF = "of"  # names the layers that a join with fields joins


def read_join_fields(
    reader: Reader, step: Step, body: dict[str, Any], known: frozenset[str]
) -> tuple[Any, bool]:
    """Read the fields of a join into its step; return what it joins, and whether they are right.

    A key of a field is one unless its value is a list of layers. What is left are the branches, or
    the names of layers in `of`.
    """
    op, before = step.op, reader.errors
    assert op is not None
    words = words_of(op)
    rest = dict(body)
    for key, value in body.items():
        if isinstance(value, list) or value is None:
            continue
        if key in words:
            marks = step.body_marks.find(key)
            step.body[key] = reader.prepared(rest.pop(key), marks, known, words[key])
        elif key in op.field_notes or key in op.field_aliases:
            rest.pop(key)
            reader.add(_no_field(reader, step, key, list(words), body))
    names = rest.get(OF)
    of_names = isinstance(names, list) and all(map(is_entry, names))
    if words and len(rest) == 1 and names and of_names:
        step.body_marks = step.body_marks.find(OF)
        return names, reader.errors == before
    return rest, reader.errors == before


def _no_field(
    reader: Reader, step: Step, key: str, known: list[str], data: dict[str, Any]
) -> Diagnostic:
    """Describe a key that the operator does not have."""
    place = step.body_marks.key(reader.file, key)
    if key in GRAPH_WORDS:
        message = f"`{key}` is not a key of `{step.key}`"
        return Diagnostic("CNN101", message, place, f"write it beside `{step.key}:`, not inside it")
    if step.op is not None:
        fault = foreign_field(step.op, key, place, data)
        if fault is not None:
            return fault
        if key in INFERRED:
            fault = Diagnostic("CNN101", f"`{step.key}` has no key `{key}`", place, NEEDLESS[key])
            removed = _without_entry(step, key)
            return fault._replace(fix=Fix("remove it", removed, certain=True) if removed else None)
    return unknown_key(key, place, known, f"`{step.key}`", data)


def _without_entry(step: Step, key: str) -> tuple[Edit, ...]:
    """Return the edit that removes a key from a body; a body in lines of its own goes with it."""
    marks = step.body_marks
    edits = entry_removed(marks, key)
    if edits or len(marks.keys) > 1 or key not in marks.items:
        return edits
    line = marks.keys[key][0] + 1
    return (Edit(line, 1, line + 1, 1, ""),)


def read_block_use(reader: Reader, step: Step, body: Any, known: frozenset[str]) -> bool:
    """Read the arguments of a block into its step; return whether they are right."""
    block, before = reader.blocks[step.key], reader.errors
    what, params = f"block `{step.key}`", list(block.params)
    data = _mapping(reader, step, body, block.main)
    if data is None:
        return False
    for key, value in data.items():
        if key in block.params:
            prepared = reader.prepared(value, step.body_marks.find(key), known, ANY_WORD)
            if isinstance(prepared, str):
                reader.used_names.add(prepared.partition(".")[0])
            step.body[key] = prepared
        else:
            place = step.body_marks.key(reader.file, key)
            reader.add(unknown_key(key, place, params, what, data))
    required = [name for name, default in block.params.items() if default is REQUIRED]
    _rows_fit(reader, step, what, params, required, data)
    return reader.errors == before


def _mapping(reader: Reader, step: Step, body: Any, main: str | None) -> dict[str, Any] | None:
    """Return the body as a mapping; a bare value sets the main field.

    If the body is wrong, report it and return None.
    """
    if body is None:
        return {}
    if isinstance(body, dict):
        return None if cut_by_yaml(reader, body, step.body_marks) else body
    place = step.body_marks.position(reader.file)
    ordered = in_order(step.op, body, place) if step.op is not None else None
    if ordered is not None:
        reader.add(ordered)
        return None
    if main is None:
        fault = Diagnostic("CNN103", f"`{step.key}` does not take a bare value", place)
        if step.op is not None and step.op.inferred and isinstance(body, int):
            help = f"{step.op.inferred} is inferred: write `- {step.key}`"
            fix = Fix("remove it", (step.body_marks.whole("{}"),), certain=True)
            reader.add(fault._replace(help=help, fix=fix))
        else:
            reader.add(fault._replace(help=_form(reader, step.key)))
        return None
    whole = step.body_marks
    step.body_marks = Marks(whole.line, whole.column, whole.width)
    step.body_marks.items[main] = whole
    return {main: body}


def _form(reader: Reader, key: str) -> str:
    """Return how a layer without a main value is written."""
    if key in reader.blocks:
        return f"write `- {key}`, or give its parameters by name"
    op: type[Op] = BY_KEY[key]
    if not words_of(op):
        return f"write `- {key}`"
    required = [name for name, field in op.fields().items() if field.is_required()]
    return f"write `{key}: {{{', '.join(f'{name}: …' for name in required)}}}`"


def _rows_fit(
    reader: Reader,
    step: Step,
    what: str,
    known: list[str],
    required: list[str],
    data: dict[str, Any],
) -> bool:
    """Return whether body and rows together give every copy what it needs, and nothing twice.

    A key that a misspelled one probably means is not reported as missing too.
    """
    found = len(reader.diagnostics)
    unknown = [key for key in data if key not in known]
    meant = {_probable(key, known) for key in unknown}
    given = data.keys() | meant
    if step.each is None:
        for key in required:
            if key not in given:
                help = f"write `{step.key}: {{{key}: …}}`"
                reader.report("CNN102", f"{what} needs `{key}`", step.place, help)
        return len(reader.diagnostics) == found
    for n, row in enumerate(step.each):
        marks = step.marks.find("each").find(n)
        for key in row:
            place = marks.key(reader.file, key)
            if key not in known:
                reader.add(unknown_key(key, place, known, what))
            elif key in data:
                message = f"`{key}` is given both in the row and in the body"
                reader.report("CNN103", message, place, "give it once")
        for key in required:
            if key not in given and key not in row:
                message, place = f"{what} needs `{key}`", marks.position(reader.file)
                reader.report("CNN102", message, place, f"add `{key}` to this row")
    return len(reader.diagnostics) == found


def _probable(key: str, known: list[str]) -> str | None:
    """Return what an unknown key probably means."""
    meant = meant_by(key, known)
    if meant is not None:
        return meant
    return key.partition(" ")[0] if " " in key else nearest(key, known)[0]
