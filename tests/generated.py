"""The parts of the documents that are made from the code and from what was measured."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import Enum
from importlib import import_module
from typing import Any, get_args, get_type_hints

from typer.models import ArgumentInfo

import cnncalc
from cnncalc.analysis.figures import known_figures
from cnncalc.cli.app import COMMANDS
from cnncalc.conventions import CONVENTIONS
from cnncalc.ops import OPS
from cnncalc.ops.base import Op
from cnncalc.render.columns import COLUMNS
from cnncalc.rules import rules

from .measured.record import markdown


def operators() -> str:
    """The table of operators, from their classes."""
    lines = ["| operator | takes | |", "|---|---|---|"]
    for op in OPS:
        names = sorted(op.fields(), key=lambda name: not op.fields()[name].is_required())
        fields = ", ".join(taken(op, name) for name in names)
        if op.inputs[1] is None:
            fields = fields or "branches or names"
        text = " ".join((op.__doc__ or "").split("\n\n")[0].split())
        lines.append(f"| `{op.key}` | {fields} | {cell(text)} |")
    return "\n".join(lines)


def taken(op: type[Op], name: str) -> str:
    """A field: bold where a bare value sets it, with its default unless it must be given."""
    field = op.fields()[name]
    shown = f"**{name}**" if name == op.main else name
    if field.is_required():
        return f"{shown} (required)"
    if field.default is None:
        return shown
    default = str(field.default)
    return f"{shown}: {default.lower() if isinstance(field.default, bool) else default}"


def conventions() -> str:
    """The conventions, and what their users should know."""
    lines = ["| convention | whose | |", "|---|---|---|"]
    for convention in CONVENTIONS.values():
        notes = " ".join(note.text for note in convention.notes)
        lines.append(f"| `{convention.name}` | {convention.who} | {cell(notes)} |")
    return "\n".join(lines)


def commands() -> str:
    """Each command with what it takes, from the signature of its function."""
    parts = []
    for name in COMMANDS:
        function = getattr(import_module(f"cnncalc.cli.{name}"), name)
        hints = get_type_hints(function, include_extras=True)
        taken = inspect.signature(function).parameters.values()
        rows = [row(parameter, hints[parameter.name]) for parameter in taken]
        about = " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())
        parts.append("\n".join([f"## {name}\n\n{about}\n\n| it takes | |\n|---|---|", *rows]))
    return "\n\n".join(parts)


def row(parameter: inspect.Parameter, hint: Any) -> str:
    """An argument or an option of a command: its names, the word for its value, and its help."""
    if not hasattr(hint, "__metadata__"):  # Python 3.10 wraps what has None as its default
        hint = get_args(hint)[0]
    info = next(note for note in hint.__metadata__ if hasattr(note, "help"))
    kind = next(kind for kind in (*get_args(hint.__origin__), hint.__origin__) if kind is not list)
    help = " ".join((info.help or "").split())
    if isinstance(info, ArgumentInfo):
        return f"| {code(info.metavar or parameter.name.upper())} | {cell(help)} |"
    value = info.metavar or {int: "N", str: "TEXT", float: "X", bool: ""}.get(kind, "TEXT")
    if inspect.isclass(kind) and issubclass(kind, Enum):
        value = "|".join(str(member.value) for member in kind)
    names = f"{', '.join([info.default, *info.param_decls])} {value}".strip()
    return f"| {code(names)} | {cell(help)} |"


def columns() -> str:
    """The keys of `--columns`, with the words above the columns."""
    lines = ["| key | above the column |", "|---|---|"]
    lines += [f"| `{key}` | {column.title} |" for key, column in COLUMNS.items()]
    return "\n".join(lines)


def library() -> str:
    """What `import cnncalc` offers: functions as they are called, and types."""
    lines = ["| name | |", "|---|---|"]
    offered = [getattr(cnncalc, name) for name in cnncalc.__all__]
    for name, value in sorted(zip(cnncalc.__all__, offered), key=lambda pair: pair[0].lower()):
        if not inspect.isclass(value):
            name += call(value)
        about = " ".join((inspect.getdoc(value) or "").split("\n\n")[0].split())
        lines.append(f"| {code(name)} | {cell(about.replace('``', '`'))} |")
    return "\n".join(lines)


def call(function: Callable[..., Any]) -> str:
    """The arguments of a function without their types; those that have defaults too."""
    parts = []
    for parameter in inspect.signature(function).parameters.values():
        plain = isinstance(parameter.default, (str, int, float, type(None)))
        default = parameter.default if plain else parameter.empty
        parts.append(parameter.replace(annotation=parameter.empty, default=default))
    return str(inspect.Signature([part for part in parts if part.name != "config"]))


def figures() -> str:
    """What budgets and published figures may name."""
    return ", ".join(f"`{name}`" for name in known_figures())


def codes() -> str:
    """The titles of all rules."""
    lines = ["| code | severity | what it says |", "|---|---|---|"]
    lines += [f"| {r.code} | {r.severity} | {cell(r.title)} |" for r in rules().values()]
    return "\n".join(lines)


def cell(text: str) -> str:
    """A text in a cell of a table."""
    return text.replace("|", "\\|")


def code(text: str) -> str:
    """A text in a cell as code."""
    return f"`{cell(text)}`"


PARTS: dict[str, Callable[[], str]] = {  # by the marks around them
    "operators": operators,
    "conventions": conventions,
    "commands": commands,
    "columns": columns,
    "figures": figures,
    "library": library,
    "codes": codes,
    "measured": markdown,
}
