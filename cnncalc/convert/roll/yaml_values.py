"""Writes values and expressions as YAML, and as parts of expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ...language.yaml_flow import in_yaml, quoted
from .parts import Text

_WORD = re.compile(r"[A-Za-z][\w.-]*\Z")
_SPECIAL = frozenset(',[]{}"#')


def yaml_value(value: Any) -> str:
    """Write a value inside a flow mapping."""
    if isinstance(value, Text):
        return f'"{value}"' if _SPECIAL & set(value) else str(value)
    if value is None:
        return "none"
    if isinstance(value, str):
        return value if _WORD.match(value) else quoted(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(yaml_value, value))}]"
    if isinstance(value, dict):
        return flow((key, yaml_value(item)) for key, item in value.items())
    return in_yaml(value)


def in_expression(value: Any) -> str:
    """Write a value as a part of an expression."""
    if isinstance(value, str) and not isinstance(value, Text):
        return f"'{value}'"
    if isinstance(value, tuple):
        return f"[{', '.join(map(in_expression, value))}]"
    return str(value) if isinstance(value, Text) else yaml_value(value).strip('"')


def first_or_rest(first: Any, rest: Any) -> Any:
    """Return what a run's argument is if its first copy has another value than the rest."""
    if type(first) is type(rest) and first == rest:
        return first
    if first is True and rest is False:
        return Text("i == 0")
    if first is False and rest is True:
        return Text("i > 0")
    return Text(f"{in_expression(first)} if i == 0 else {in_expression(rest)}")


def flow(pairs: Iterable[tuple[str, str]]) -> str:
    """Write a mapping on one line; a value may be empty."""
    return "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
