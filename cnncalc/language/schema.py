"""JSON Schema of the language, for editors, from the operators' fields and the models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..ops import OPS
from ..ops.base import Op
from .model import Document

Schema = dict[str, Any]

_NAME: Schema = {"type": "string", "pattern": "^[A-Za-z0-9_]+$"}
_LIMIT: Schema = {"type": ["string", "number"]}
_SIZES: Schema = {"type": "array", "items": {"type": ["integer", "string"]}}
_EXPRESSION: Schema = {"type": "string", "description": "an expression"}
_LAYER: Schema = {"$ref": "#/$defs/layer"}
_BRANCH: Schema = {"type": ["array", "null"], "items": _LAYER}


def json_schema(figures: Iterable[str]) -> Schema:
    """Return the schema of a spec, whose budgets limit the figures.

    A layer is an object with exactly one operator, block or chain and the graph's words beside it.
    """
    document = Document.model_json_schema(ref_template="#/$defs/{model}")
    defs = document.pop("$defs", {})
    budget = _budget(figures)
    for owner in (document, defs["Block"]):
        owner["properties"]["layers"] = {"type": "array", "items": _LAYER}
    for owner in (document, defs["Variant"]):
        owner["properties"]["budget"] = budget
    shape = {**_SIZES, "minItems": 1, "maxItems": 4}
    document["properties"]["input"] = {
        "anyOf": [shape, {"type": "object", "additionalProperties": shape}],
        "description": "[channels, *spatial], or a mapping of names to such shapes",
    }
    word = {"type": "string", "description": "an operator or block without a body"}
    defs["layer"] = {"anyOf": [word, _layer()]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **document,
        "title": "cnncalc spec",
        "$defs": {name: _untitled(part) for name, part in defs.items()},
    }


def _untitled(schema: Schema) -> Schema:
    """Drop pydantic's titles, which editors would show instead of the language's words."""
    kept: Schema = {}
    for key, value in schema.items():
        if key == "title" and isinstance(value, str):
            continue
        is_part = isinstance(value, dict) and key != "title"
        kept[key] = _untitled(value) if is_part else value
    return kept


def _object(properties: Schema, **more: Any) -> Schema:
    """An object with these properties and no others."""
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


def _budget(figures: Iterable[str]) -> Schema:
    """Limits by figure, of the network and `at` layers."""
    limit = {"anyOf": [_LIMIT, _object({"max": _LIMIT, "min": _LIMIT})]}
    limits: Schema = {}
    for name in figures:
        if name != "shape":
            text = f"a limit of {name}: < 26M, {{max: 26M}} or {{min: 224}}"
            limits[name] = {"description": text, **limit}
    shape = {**_SIZES, "description": "the shape that must come out; _ matches anything"}
    at = {
        "type": "object",
        "additionalProperties": _object({**limits, "shape": shape}),
        "description": "limits of layers and blocks, by name",
    }
    return {
        "description": "limits that `cnncalc check` holds the network to",
        "anyOf": [_object({**limits, "shape": shape, "at": at}), {"type": "null"}],
    }


def _layer() -> Schema:
    """One layer, with at most one operator.

    Blocks are the user's own words, so unknown keys are left to `check`.
    """
    words: Schema = {
        "name": {**_NAME, "description": "replaces the automatic name, operator and count"},
        "from": {**_NAME, "description": "another input than the previous layer"},
        "repeat": {
            "type": ["integer", "string"],
            "description": "so many times; `i` counts from 0",
        },
        "each": {
            "type": "array",
            "items": {"type": "object"},
            "description": "once per row, whose keys become arguments",
        },
        "when": {"type": ["boolean", "string"], "description": "the identity where false"},
        "expect": {**_SIZES, "description": "the shape after the layer; _ matches anything"},
        "share": {**_NAME, "description": "uses the weights of that layer or block"},
        "chain": {**_BRANCH, "description": "a group of layers"},
    }
    operators = [{"required": [op.key]} for op in OPS]
    return {
        "type": "object",
        "properties": {**words, **{op.key: _operator(op) for op in OPS}},
        "minProperties": 1,
        "oneOf": [*operators, {"not": {"anyOf": operators}}],
    }


def _operator(op: type[Op]) -> Schema:
    """What an operator's key takes: a mapping of its fields, or its one main value."""
    text = (op.__doc__ or "").split("\n\n")[0].strip()
    if op.joins():
        branches = {"type": "object", "additionalProperties": _BRANCH}
        return {"description": text, "anyOf": [branches, {"type": "array", "items": _NAME}]}
    properties = op.json_schema().get("properties", {})
    fields = {key: _or_expression(field) for key, field in properties.items()}
    forms: list[Schema] = [_object(fields), {"type": "null"}]
    if op.main:
        forms.append({key: value for key, value in fields[op.main].items() if key != "default"})
    return {"description": text, "anyOf": forms}


def _or_expression(field: Schema) -> Schema:
    """A field's own schema, or an expression in its place."""
    kept: Schema = {key: field[key] for key in ("description", "default") if key in field}
    apart = ("description", "default", "title")
    own = {key: value for key, value in field.items() if key not in apart}
    return {**kept, "anyOf": [own, _EXPRESSION]}
