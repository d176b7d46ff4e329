"""Values of options, read from the words of a command line."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..diagnostic import Diagnostic, Mistake, misspelled


def usage(message: str, help: str | None = None) -> Mistake:
    """Return a mistake in the command line."""
    return Mistake(Diagnostic("CNN111", message, help=help))


def settings(pairs: list[str] | None) -> dict[str, Any]:
    """Read ``depth=3`` as {"depth": 3}; values are read as in a spec."""
    given: dict[str, Any] = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals or not name or not value.strip():
            raise usage(f"--set takes NAME=VALUE, not `{pair}`", "--set classes=10")
        _add(given, name.strip(), value, "--set", pair)
    return given


def arguments(texts: list[str] | None) -> tuple[list[Any], dict[str, Any]]:
    """Read ``10`` as a positional argument and ``classes=10`` as one by name, as in a spec."""
    positional: dict[str, Any] = {}
    named: dict[str, Any] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if equals and name.strip().isidentifier():
            _add(named, name.strip(), value, "--args", text)
        else:
            _add(positional, str(len(positional)), text, "--args", text)
    return list(map(_plain, positional.values())), {k: _plain(v) for k, v in named.items()}


def _plain(value: Any) -> Any:
    """Turn fractions into the floats that Python code expects."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return list(map(_plain, value))
    return float(value) if isinstance(value, Fraction) else value


def _add(given: dict[str, Any], name: str, value: str, option: str, text: str) -> None:
    """Add a value of an option that may be repeated."""
    from ..language.yaml_tree import parse

    if not value.strip():
        raise usage(f"{option} {text} gives no value")
    if name in given:
        raise usage(f"{option} {name} is given twice")
    try:
        given[name] = parse(value, option)[0]
    except Mistake as mistake:
        raise usage(f"{option} {text}: {mistake.diagnostics[0].message}") from None


def input_shapes(texts: list[str] | None) -> Any:
    """Read ``3x227x227`` as (3, 227, 227), and shapes with names as a mapping; None for none."""
    if not texts:
        return None
    shapes: dict[str, tuple[int, ...]] = {}
    for text in texts:
        before, equals, sizes = text.rpartition("=")
        name = before if equals else ""
        if name in shapes:
            raise usage(f"--input {text}: this input is given twice")
        parts = sizes.replace("×", "x").replace(",", "x").lower().split("x")
        if not all(map(_is_size, parts)):
            raise usage(f"--input takes sizes such as 3x227x227, not `{text}`")
        shapes[name] = tuple(map(int, parts))
    if "" in shapes and len(shapes) > 1:
        raise usage("--input with and without a name", "name each: --input left=3x64x64")
    return shapes.get("", shapes)


def _is_size(text: str) -> bool:
    return text.strip().isdecimal() and text.isascii() and len(text) <= 10


def positive(value: int, option: str) -> int:
    """Return a count if it is at least 1."""
    if not 1 <= value <= 10**9:
        raise usage(f"{option} takes a number from 1 to 1,000,000,000, not {value:,}")
    return value


def from_zero(value: int, option: str, most: int) -> int:
    """Return a count if it is at least 0."""
    if not 0 <= value <= most:
        raise usage(f"{option} takes a number from 0 up, not {value}")
    return value


def numbers(text: str, option: str) -> list[int]:
    """Read ``1,8,64`` as [1, 8, 64]."""
    parts = [part.strip() for part in text.split(",")]
    if not all(map(_is_size, parts)):
        raise usage(f"{option} takes numbers such as 1,8,64, not `{text}`")
    return [positive(int(part), option) for part in parts]


def column_keys(text: str | None) -> tuple[str, ...] | None:
    """Read ``path,params`` as the keys of columns."""
    from ..render.columns import COLUMNS

    if text is None:
        return None
    keys = tuple(key.strip() for key in text.split(","))
    for key in keys:
        if key not in COLUMNS:
            fault = Diagnostic("CNN111", f"no column is called `{key}`")
            known = f"columns are {', '.join(COLUMNS)}"
            raise Mistake(misspelled(fault, key, COLUMNS, known))
    return keys
