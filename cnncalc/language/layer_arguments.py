"""Bodies of operators and blocks: what is written after their key.

Keys and expressions are checked here, once per spec; a body without parameters becomes its
operator at once.
"""

from __future__ import annotations

from typing import Any

from ..diagnostic import Diagnostic, Fix, Mistake, nearest
from ..ops import BY_KEY
from ..ops.base import Op
from .foreign_fields import foreign_field, foreign_value
from .names import GRAPH_WORDS
from .reader import Reader
from .steps import REQUIRED, Step
from .unquoted_comma import cut_by_yaml
from .validation import meant_by, unknown_key, validate
from .values import ANY_WORD, FAULT, is_constant, words_of
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
                reader.used_names.add(value)
            marks = step.body_marks.find(key)
            fault = foreign_value(op, key, value, data, known, marks.position(reader.file))
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


def _no_field(
    reader: Reader, step: Step, key: str, known: list[str], data: dict[str, Any]
) -> Diagnostic:
    """Describe a key that the operator does not have."""
    place = step.body_marks.key(reader.file, key)
    if key in GRAPH_WORDS:
        message = f"`{key}` is no key of `{step.key}`"
        return Diagnostic("CNN101", message, place, f"write it beside `{step.key}:`, not inside")
    if step.op is not None:
        fault = foreign_field(step.op, key, place, data)
        if fault is not None:
            return fault
    return unknown_key(key, place, known, f"`{step.key}`", data)


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
                reader.used_names.add(prepared)
            step.body[key] = prepared
        else:
            place = step.body_marks.key(reader.file, key)
            reader.add(unknown_key(key, place, params, what, data))
    required = [name for name, default in block.params.items() if default is REQUIRED]
    _rows_fit(reader, step, what, params, required, data)
    return reader.errors == before


def _mapping(reader: Reader, step: Step, body: Any, main: str | None) -> dict[str, Any] | None:
    """Return the body as a mapping, in which a bare value sets the main field.

    None where the body is wrong, which is reported.
    """
    if body is None:
        return {}
    if isinstance(body, dict):
        return None if cut_by_yaml(reader, body, step.body_marks) else body
    if main is None:
        place = step.body_marks.position(reader.file)
        fault = Diagnostic("CNN103", f"`{step.key}` takes no bare value", place)
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
    """How a layer without a main value is written."""
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
    """Whether body and rows together give every copy what it needs, each once.

    What a misspelled key probably means is not reported as missing too.
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
                message = f"`{key}` is given by the row and by the body"
                reader.report("CNN103", message, place, "give it once")
        for key in required:
            if key not in given and key not in row:
                message, place = f"{what} needs `{key}`", marks.position(reader.file)
                reader.report("CNN102", message, place, f"add `{key}` to this row")
    return len(reader.diagnostics) == found


def _probable(key: str, known: list[str]) -> str | None:
    """What an unknown key probably means."""
    meant = meant_by(key, known)
    if meant is not None:
        return meant
    return key.partition(" ")[0] if " " in key else nearest(key, known)[0]
