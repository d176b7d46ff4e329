"""The parts of the documents that are made from the code and from what was measured."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from typer.main import get_command

import cnncalc
from cnncalc.analysis.figures import known_figures
from cnncalc.cli.app import app_for
from cnncalc.cli.help import examples_of, paragraphs_of, text_of, word_of
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
    """Each command with what it takes and its examples, as its `--help` has them."""
    parts = []
    for name, command in get_command(app_for([])).commands.items():
        about = "\n\n".join(paragraphs_of(command))
        rows = [f"| {code(word_of(param))} | {cell(text_of(param))} |" for param in command.params]
        shown = [f"# {example.caption}\n{example.command}" for example in examples_of(command)]
        lines = "\n".join(shown)
        table = "\n".join(["| it takes | |", "|---|---|", *rows])
        parts.append(f"## {name}\n\n{about}\n\n{table}\n\n```sh\n{lines}\n```")
    return "\n\n".join(parts)


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
