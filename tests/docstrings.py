"""What the docstrings of the library say, as data.

The first paragraph is the summary; further ones are details. Then come the sections `Accepts:` or
`Attributes:`, with an entry for each name, `Returns:`, `Errors:` and `Example:`.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

_SECTION = re.compile(r"^(Accepts|Attributes|Returns|Errors|Example):\n", re.M)
_ENTRY = re.compile(r"^(\w+): ", re.M)


class Documented(NamedTuple):
    """The parts of a docstring; names are those of parameters or attributes."""

    summary: str
    details: tuple[str, ...] = ()
    names: dict[str, str] = {}
    returns: str = ""
    errors: str = ""
    example: str = ""


def documented(value: Any) -> Documented:
    """Return what the docstring of a function, class or property says."""
    head, *rest = _SECTION.split(inspect.cleandoc(value.__doc__ or "") + "\n")
    parts = dict(zip(rest[::2], map(textwrap.dedent, rest[1::2])))
    summary, *details = map(_on_one_line, head.strip().split("\n\n"))
    entries = parts.get("Accepts", "") + parts.get("Attributes", "")
    _, *words = _ENTRY.split(entries)
    return Documented(
        summary=summary,
        details=tuple(details),
        names=dict(zip(words[::2], map(_on_one_line, words[1::2]))),
        returns=_on_one_line(parts.get("Returns", "")),
        errors=_on_one_line(parts.get("Errors", "")),
        example=parts.get("Example", "").strip(),
    )


def own_names(cls: type) -> list[str]:
    """Return the public names that a class itself defines, in their order."""
    return [name for name in vars(cls) if not name.startswith("_")]


def attributes(cls: type) -> dict[str, str]:
    """Return the attributes that a class declares, and their types as written."""
    declared = vars(cls).get("__annotations__", {})
    return {name: getattr(kind, "__forward_arg__", kind) for name, kind in declared.items()}


def properties(cls: type) -> dict[str, Any]:
    """Return the functions behind the public properties of a class."""
    found = {}
    for name in own_names(cls):
        value = vars(cls)[name]
        if isinstance(value, property):
            found[name] = value.fget
        elif isinstance(value, cached_property):
            found[name] = value.func
    return found


def methods(cls: type) -> Iterator[tuple[str, Any]]:
    """Yield the public methods of a class, by name."""
    for name in own_names(cls):
        value = vars(cls)[name]
        if inspect.isfunction(value):
            yield name, value
        elif isinstance(value, (staticmethod, classmethod)):
            yield name, value.__func__


def parameters(function: Any) -> list[str]:
    """Return the names of a function's parameters, without `self`."""
    return [name for name in inspect.signature(function).parameters if name != "self"]


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
