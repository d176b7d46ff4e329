"""JSON Schema of the language, for editors: from the operators' fields and the document's models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..ops import OPS
from ..ops.base import Op
from .model import Document

NAME = {"type": "string", "pattern": "^[A-Za-z0-9_]+$"}
LIMIT = {"type": ["string", "number"]}
EXPRESSION = {"type": "string", "description": "an expression"}


def json_schema(figures: Iterable[str]) -> dict[str, Any]:
    """The schema. A layer is an object with exactly one operator, block or chain and the graph's words beside it; budgets limit the figures."""
    document = Document.model_json_schema(ref_template="#/$defs/{model}")
    defs = document.pop("$defs", {})
    layers = {"type": "array", "items": {"$ref": "#/$defs/layer"}}
    document["properties"]["layers"] = layers
    defs["Block"]["properties"]["layers"] = layers
    shape = {
        "type": "array",
        "items": {"type": ["integer", "string"]},
        "minItems": 1,
        "maxItems": 4,
    }
    document["properties"]["input"] = {
        "anyOf": [shape, {"type": "object", "additionalProperties": shape}],
        "description": "[channels, *spatial], or a mapping of names to such shapes",
    }
    defs["layer"] = {
        "anyOf": [
            {"type": "string", "description": "an operator or block without a body"},
            layer_object(),
        ]
    }
    for owner in (document, defs["Variant"]):
        owner["properties"]["budget"] = budget_schema(figures)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **document,
        "title": "cnncalc spec",
        "$defs": {name: untitled(part) for name, part in defs.items()},
    }


def untitled(schema: dict[str, Any]) -> dict[str, Any]:
    """Without pydantic's titles, which editors would show instead of the language's words."""
    return {
        key: untitled(value) if isinstance(value, dict) and key != "title" else value
        for key, value in schema.items()
        if key != "title" or not isinstance(value, str)
    }


def budget_schema(figures: Iterable[str]) -> dict[str, Any]:
    """Limits by figure, of the network and `at` layers."""
    limit = {
        "anyOf": [
            {"type": ["string", "number"]},
            {
                "type": "object",
                "properties": {"max": LIMIT, "min": LIMIT},
                "additionalProperties": False,
            },
        ]
    }
    limits = {
        name: {"description": f"a limit of {name}: < 26M, {{max: 26M}} or {{min: 224}}", **limit}
        for name in figures
        if name != "shape"
    }
    shape = {
        "type": "array",
        "items": {"type": ["integer", "string"]},
        "description": "the shape that must come out; _ matches anything",
    }
    part = {
        "type": "object",
        "properties": {**limits, "shape": shape},
        "additionalProperties": False,
    }
    whole = {
        **part,
        "properties": {
            **limits,
            "shape": shape,
            "at": {
                "type": "object",
                "additionalProperties": part,
                "description": "limits of layers and blocks, by name",
            },
        },
    }  # type: ignore[dict-item]
    return {
        "description": "limits that `cnncalc check` holds the network to",
        "anyOf": [whole, {"type": "null"}],
    }


def layer_object() -> dict[str, Any]:
    """One layer: at most one operator. Blocks are the user's own words, so unknown keys are left to `check`."""
    layers = {"type": ["array", "null"], "items": {"$ref": "#/$defs/layer"}}
    words = {
        "name": {**NAME, "description": "replaces the automatic name, operator and count"},
        "from": {**NAME, "description": "another input than the previous layer"},
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
        "expect": {
            "type": "array",
            "items": {"type": ["integer", "string"]},
            "description": "the shape after the layer; _ matches anything",
        },
        "share": {**NAME, "description": "uses the weights of that layer or block"},
        "chain": {**layers, "description": "a group of layers"},
    }
    operators = [{"required": [op.key]} for op in OPS]
    one = [*operators, {"not": {"anyOf": operators}}]
    return {
        "type": "object",
        "properties": {**words, **{op.key: operator_schema(op) for op in OPS}},
        "minProperties": 1,
        "oneOf": one,
    }


def operator_schema(op: type[Op]) -> dict[str, Any]:
    """What stands behind an operator's key: a mapping of its fields, or its one main value."""
    text = (op.__doc__ or "").split("\n\n")[0].strip()
    if op.joins():
        branches = {
            "type": "object",
            "additionalProperties": {"type": ["array", "null"], "items": {"$ref": "#/$defs/layer"}},
        }
        return {"description": text, "anyOf": [branches, {"type": "array", "items": NAME}]}
    schema = op.json_schema()
    fields = {key: expression_or(field) for key, field in schema.get("properties", {}).items()}
    main = op.main
    body = {"type": "object", "properties": fields, "additionalProperties": False}
    forms = [body, {"type": "null"}] + (
        [{k: v for k, v in fields[main].items() if k != "default"}] if main else []
    )
    return {"description": text, "anyOf": forms}


def expression_or(field: dict[str, Any]) -> dict[str, Any]:
    """A field's own schema, or an expression in its place."""
    kept: dict[str, Any] = {key: field[key] for key in ("description", "default") if key in field}
    own = {
        key: value for key, value in field.items() if key not in ("description", "default", "title")
    }
    return {**kept, "anyOf": [own, EXPRESSION]}
