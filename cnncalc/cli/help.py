"""Makes the help of commands from docstrings and parameters; `render/help.py` lays it out.

The first paragraph of a command's docstring is its sentence in the list of commands. The examples
are at the end, after a line `Examples:`: each command follows a line that says what it does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from enum import Enum
from shutil import get_terminal_size
from typing import Any

import typer

from ..render.formats.entries import Entry, Section
from ..render.help import Example, page
from .output import is_coloured

_EXAMPLES = "Examples:"


def _columns() -> Iterable[str]:
    from ..render.columns import COLUMNS

    return COLUMNS


def _figures() -> Iterable[str]:
    from ..analysis.zoo import FIGURES

    return ("name", *FIGURES)


def _swept() -> Iterable[str]:
    from ..analysis.figures import SWEPT

    return SWEPT


# Lists for the help of options; loading them would slow down every command.
_LISTS = {"{columns}": _columns, "{figures}": _figures, "{swept}": _swept}


def usage_of(command: Any, ctx: typer.Context) -> list[str]:
    """Return the words of the usage line after the name of the command."""
    return ["[OPTIONS]", *map(_in_usage, _arguments(command, ctx))]


def command_page(command: Any, ctx: typer.Context) -> str:
    """Return the help of a command."""
    sections = []
    if arguments := _arguments(command, ctx):
        sections.append(Section("Arguments", [_entry(a) for a in arguments]))
    return _page(command, ctx, [*sections, _options(command, ctx)])


def group_page(group: Any, ctx: typer.Context, groups: Mapping[str, Iterable[str]]) -> str:
    """Return the help of all commands; `groups` has their names by heading."""
    sections = []
    for heading, names in groups.items():
        entries = [Entry(name, paragraphs_of(group.commands[name])[0]) for name in names]
        sections.append(Section(heading, entries))
    return _page(group, ctx, [*sections, _options(group, ctx)])


def examples_of(command: Any) -> list[Example]:
    """Return the examples in a command's docstring."""
    found = []
    caption = ""
    for line in (command.help or "").partition(_EXAMPLES)[2].splitlines():
        words = line.strip()
        if words.startswith("cnncalc "):
            found.append(Example(caption, words))
        elif words:
            caption = words.rstrip(":")
    return found


def _page(command: Any, ctx: typer.Context, sections: list[Section]) -> str:
    usage = Entry(ctx.command_path, " ".join(command.collect_usage_pieces(ctx)))
    width = get_terminal_size().columns
    shown = page(usage, paragraphs_of(command), sections, examples_of(command), width)
    return shown.written(is_coloured(sys.stdout))


def paragraphs_of(command: Any) -> list[str]:
    """Return the paragraphs of a command's docstring, without its examples."""
    text = (command.help or "").partition(_EXAMPLES)[0]
    return [" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n")]


def _arguments(command: Any, ctx: typer.Context) -> list[Any]:
    """Return the parameters without a leading `--`."""
    return [param for param in command.get_params(ctx) if param.param_type_name == "argument"]


def _options(command: Any, ctx: typer.Context) -> Section:
    options = (param for param in command.get_params(ctx) if param.param_type_name == "option")
    return Section("Options", [_entry(option) for option in options])


def _entry(param: Any) -> Entry:
    """Return a parameter as an entry; a default stays on the line of the word `default:`."""
    return Entry(word_of(param), text_of(param).replace("default: ", "default:\xa0"))


def word_of(param: Any) -> str:
    """Return a parameter as it is written on a command line: `-o, --output FILE`."""
    name = param.metavar or param.name.upper()
    if param.param_type_name == "argument":
        return str(name)
    forms = (", ".join(sorted(param.opts, key=len)), ", ".join(param.secondary_opts))
    words = " / ".join(filter(None, forms))
    return words if param.is_flag else f"{words} {name}"


def _in_usage(argument: Any) -> str:
    """Return an argument, in brackets if it is optional, with … if it may be repeated."""
    name = word_of(argument)
    if argument.nargs != 1:
        name += " …"
    return name if argument.required else f"[{name}]"


def text_of(param: Any) -> str:
    """Return the description of a parameter, with its default."""
    text = (param.help or "").rstrip(".")
    text = text[:1].lower() + text[1:] if text[1:2].islower() else text
    for mark, words in _LISTS.items():
        if mark in text:
            text = text.replace(mark, ", ".join(words()))
    default = param.default
    if isinstance(default, Enum):
        default = default.value
    if param.required and param.param_type_name == "option":
        return f"{text} (required)"
    shown = isinstance(default, (int, str)) and not isinstance(default, bool)
    return f"{text} (default: {default})" if shown else text
