"""Makes the JSON Schema of the language, for editors, from operator fields and models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from ..ops import OPS
from ..ops.base import Op
from .inputs import INTEGER
from .layer_arguments import OF
from .model import Document

Schema = dict[str, Any]
NO_OTHERS: Mapping[str, Schema] = MappingProxyType({})

_NAME: Schema = {"type": "string", "pattern": "^[A-Za-z0-9_]+$"}
_LIMIT: Schema = {"type": ["string", "number"]}
_SIZES: Schema = {"type": "array", "items": {"type": ["integer", "string"]}}
_EXPRESSION: Schema = {"type": "string", "description": "an expression"}
_LAYER: Schema = {"$ref": "#/$defs/layer"}
_LAYERS: Schema = {"type": ["array", "null"], "items": _LAYER}
_SOURCE: Schema = {"type": "string", "description": "the name of an earlier layer"}
_CONDITION: Schema = {"type": ["boolean", "string"]}
_COUNT: Schema = {"type": ["integer", "string"]}


def json_schema(figures: Iterable[str], others: Mapping[str, Schema] = NO_OTHERS) -> Schema:
    """Return the schema of a spec, whose budgets limit these figures.

    `others` are figures whose limits have schemas of their own. A layer is an object with exactly
    one operator, block or chain, and the graph's words.
    """
    document = Document.model_json_schema(ref_template="#/$defs/{model}")
    defs = document.pop("$defs", {})
    budget = _budget(figures, others)
    for owner in (document, defs["Block"]):
        owner["properties"]["layers"] = {"type": "array", "items": _LAYER}
    for owner in (document, defs["Variant"]):
        owner["properties"]["budget"] = budget
    shape = {**_SIZES, "minItems": 1, "maxItems": 4}
    keys = {"shape": shape, "dtype": {"const": INTEGER, "description": "the type of its numbers"}}
    integers = _object(keys, required=[*keys])
    document["properties"]["input"] = {
        "anyOf": [
            shape,
            integers,
            {"type": "object", "additionalProperties": {"anyOf": [shape, integers]}},
        ],
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


def _object(properties: Schema, **more: Any) -> Schema:
    """Return an object with these properties and no others."""
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


_TIMES: Schema = {**_COUNT, "description": "the number of copies"}
_AS: Schema = {**_NAME, "description": "what expressions call the number of the copy, from 0"}
_REPEAT: Schema = {
    "description": "the number of copies; `i`, or the name after `as`, numbers them from 0",
    "anyOf": [_COUNT, _object({"times": _TIMES, "as": _AS}, required=["times", "as"])],
}
_EACH: Schema = {
    "type": "array",
    "items": {"type": "object"},
    "description": "one copy per row; the keys of a row become arguments",
}
_BRANCH_WORDS: Schema = {
    "from": {**_SOURCE, "description": "the layer to begin at, instead of the previous one"},
    "repeat": _REPEAT,
    "each": _EACH,
    "when": {**_CONDITION, "description": "if false, there is no such branch"},
}
_BRANCH: Schema = {"anyOf": [_LAYERS, _object({**_BRANCH_WORDS, "layers": _LAYERS})]}
_ENTRY: Schema = _object(_BRANCH_WORDS, required=["from"])


def _untitled(schema: Schema) -> Schema:
    """Remove pydantic's titles, which editors would show instead of the language's words."""
    kept: Schema = {}
    for key, value in schema.items():
        if key == "title" and isinstance(value, str):
            continue
        is_part = isinstance(value, dict) and key != "title"
        kept[key] = _untitled(value) if is_part else value
    return kept


def limit_schema(
    description: str, beside: Mapping[str, Schema] = NO_OTHERS, required: Iterable[str] = ()
) -> Schema:
    """Return the schema of a limit, with what may be or must be beside it."""
    keys = {"max": _LIMIT, "min": _LIMIT, **beside}
    if required:
        return _object(keys, required=[*required], description=description)
    return {"description": description, "anyOf": [_LIMIT, _object(keys)]}


def _budget(figures: Iterable[str], others: Mapping[str, Schema]) -> Schema:
    """Return the schema of limits by figure, for the network and for layers under `at`."""
    limits: Schema = {}
    for name in figures:
        if name in others:
            limits[name] = others[name]
        elif name != "shape":
            limits[name] = limit_schema(f"a limit of {name}: < 26M, {{max: 26M}} or {{min: 224}}")
    of_layers = {name: limit for name, limit in limits.items() if "required" not in limit}
    shape = {**_SIZES, "description": "the required shape; _ matches any size"}
    at = {
        "type": "object",
        "additionalProperties": _object({**of_layers, "shape": shape}),
        "description": "limits of layers and blocks, by name",
    }
    return {
        "description": "limits that `cnncalc check` enforces",
        "anyOf": [_object({**limits, "shape": shape, "at": at}), {"type": "null"}],
    }


def _layer() -> Schema:
    """Return the schema of a layer, with at most one operator.

    The names of blocks are not known here, so unknown keys are left to `check`.
    """
    words: Schema = {
        "name": {
            **_NAME,
            "description": "the name of the layer; by default, the operator and a count",
        },
        "from": {**_SOURCE, "description": "the layer to read, instead of the previous one"},
        "repeat": _REPEAT,
        "each": _EACH,
        "when": {**_CONDITION, "description": "if false, the layer is replaced by the identity"},
        "expect": {**_SIZES, "description": "the shape after the layer; _ matches any size"},
        "share": {**_SOURCE, "description": "the layer or block whose weights this one uses"},
        "freeze": {**_CONDITION, "description": "parameters are not trained"},
        "checkpoint": {**_CONDITION, "description": "backward computes the values inside again"},
        "chain": {**_LAYERS, "description": "a group of layers"},
    }
    operators = [{"required": [op.key]} for op in OPS]
    return {
        "type": "object",
        "properties": {**words, **{op.key: _operator(op) for op in OPS}},
        "minProperties": 1,
        "oneOf": [*operators, {"not": {"anyOf": operators}}],
    }


def _operator(op: type[Op]) -> Schema:
    """Return what the key of an operator takes: a mapping of its fields, or its main value."""
    text = (op.__doc__ or "").split("\n\n")[0].strip()
    properties = op.json_schema().get("properties", {})
    fields = {key: _or_expression(field) for key, field in properties.items()}
    if op.joins():
        names: Schema = {"type": "array", "items": {"anyOf": [_SOURCE, _ENTRY]}}
        branches: Schema = {"type": "object", "additionalProperties": _BRANCH}
        if fields:
            listed = {**names, "description": "the names of the layers that are joined"}
            branches["properties"] = {**fields, OF: {"anyOf": [listed, _BRANCH]}}
        return {"description": text, "anyOf": [branches, names]}
    forms: list[Schema] = [_object(fields), {"type": "null"}]
    if op.main:
        forms.append({key: value for key, value in fields[op.main].items() if key != "default"})
    return {"description": text, "anyOf": forms}


def _or_expression(field: Schema) -> Schema:
    """Return a schema that accepts a field's own values, or an expression."""
    kept: Schema = {key: field[key] for key in ("description", "default") if key in field}
    apart = ("description", "default", "title")
    own = {key: value for key, value in field.items() if key not in apart}
    return {**kept, "anyOf": [_with_expressions(own), _EXPRESSION]}


def _with_expressions(own: Schema) -> Schema:
    """Return a schema whose lists hold expressions too."""
    found = dict(own)
    if "anyOf" in own:
        found["anyOf"] = [_with_expressions(form) for form in own["anyOf"]]
    if isinstance(own.get("items"), dict):
        found["items"] = {"anyOf": [_with_expressions(own["items"]), _EXPRESSION]}
    if "prefixItems" in own:
        found["prefixItems"] = [
            {"anyOf": [_with_expressions(item), _EXPRESSION]} for item in own["prefixItems"]
        ]
    return found
