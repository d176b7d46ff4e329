"""The documentation of words of the language, as Markdown."""

from __future__ import annotations

from functools import cache
from typing import Any

from ..analysis.ops import Operator, OperatorField, operators
from ..analysis.schema import spec_schema
from ..language.yaml_flow import in_yaml


@cache
def operators_by_name() -> dict[str, Operator]:
    """Return every operator, by its key."""
    return {operator.name: operator for operator in operators()}


@cache
def _schema() -> dict[str, Any]:
    return spec_schema()


def word_text(word: str) -> str | None:
    """Return what a word beside an operator means; None if it is not one."""
    forms = _schema()["$defs"]["layer"]["anyOf"]
    words = forms[-1]["properties"]
    if word in operators_by_name() or word not in words:
        return None
    return str(words[word].get("description", "")) or None


@cache
def repeat_keys() -> dict[str, str]:
    """Return the keys of a `repeat` that is a mapping, each with what it means."""
    forms = _schema()["$defs"]["layer"]["anyOf"][-1]["properties"]["repeat"]["anyOf"]
    return _meanings(forms[-1])


@cache
def keys_of(part: str) -> dict[str, str]:
    """Return the keys of a part of a spec, each with what it means.

    The part is `spec`, `Block`, `Variant` or `Published`.
    """
    schema = _schema()
    return _meanings(schema if part == "spec" else schema["$defs"][part])


@cache
def input_keys() -> dict[str, str]:
    """Return the keys of an input that is more than a shape, each with what it means."""
    return _meanings(_schema()["properties"]["input"]["anyOf"][1])


@cache
def budget_keys(of_layer: bool = False) -> dict[str, str]:
    """Return what a budget, or that of a layer, can limit, each with what it means."""
    return _meanings(_budget(of_layer))


def limit_keys(figure: str) -> dict[str, str]:
    """Return the keys of the limit of a figure, each with what it means."""
    known = {"max": "the largest value", "min": "the smallest value"}
    return {key: known.get(key, meaning) for key, meaning in _meanings(_limit(figure)).items()}


def setting_words(figure: str, key: str) -> tuple[str, ...]:
    """Return the words that a key of a limit takes."""
    setting = _limit(figure).get("properties", {}).get(key, {})
    words = ("true", "false") if setting.get("type") == "boolean" else ()
    return tuple(setting.get("enum", words))


def _budget(of_layer: bool = False) -> dict[str, Any]:
    budget: dict[str, Any] = _schema()["properties"]["budget"]["anyOf"][0]
    if not of_layer:
        return budget
    inner: dict[str, Any] = budget["properties"]["at"]["additionalProperties"]
    return inner


def _limit(figure: str) -> dict[str, Any]:
    """Return the schema of a limit that is a mapping."""
    limit: dict[str, Any] = _budget()["properties"].get(figure, {})
    forms = limit.get("anyOf", [limit])
    return dict(forms[-1])


def _meanings(schema: dict[str, Any]) -> dict[str, str]:
    """Return the keys of a mapping with their descriptions."""
    keys = schema.get("properties", {})
    return {key: str(value.get("description", "")) for key, value in keys.items()}


def operator_text(operator: Operator) -> str:
    """Return an operator: what it does, its formulas and its fields."""
    text = operator.text
    lines = [f"**`{operator.name}`** {text.summary}"]
    facts = (("shapes", text.shapes), ("rule", text.rule), ("parameters", text.parameters))
    lines += [f"- {what}: {formula}" for what, formula in facts if formula]
    lines += [f"- `{field.name}`{_default(field)}: {field.meaning}" for field in operator.fields]
    lines += [f"- [torch]({page})" for page in operator.torch_pages[:1]]
    return "\n".join([lines[0], "", *lines[1:]])


def field_text(operator: Operator, field: OperatorField) -> str:
    """Return what a field of an operator means, and which values it takes."""
    default = _default(field) or " (optional)"
    return (
        f"**`{operator.name}.{field.name}`**{default}\n\n{field.meaning}\n\nValues: {field.accepts}"
    )


def _default(field: OperatorField) -> str:
    if field.required:
        return " (required)"
    return "" if field.default is None else f" = `{in_yaml(field.default)}`"
