"""The commands; each is in a file of the same name."""

from __future__ import annotations

from importlib import import_module
from itertools import chain
from keyword import iskeyword
from typing import Annotated

import typer
from typer.core import TyperGroup

from .command import Command
from .output import say

GROUPS = {  # in the order of `--help`
    "Analyse a network": ("analyze", "explain", "memory", "size", "zoo"),
    "Explore designs": ("sizes", "formula", "sweep", "fit"),
    "Check specs, by hand or in CI": ("check", "lock", "rule"),
    "Compare networks and tools": ("diff", "compare"),
    "Run a network in torch": ("verify", "profile"),
    "Write for other tools": ("export",),
    "See figures while you write": ("lsp", "watch"),
    "Write specs": ("import", "init", "ops", "expand", "schema"),
}
COMMANDS = tuple(chain.from_iterable(GROUPS.values()))
ABOUT = """
Compute sizes, parameters, memory, cost and receptive fields of convolutional networks from a short
spec.

`cnncalc COMMAND --help` explains a command and shows examples.

Examples:
    Show the layers of a bundled network:
    cnncalc analyze vgg16
    Check every spec in the current folder against its expectations and budgets:
    cnncalc check
"""


class _Commands(TyperGroup):
    """All commands, grouped by what people want to do."""

    def collect_usage_pieces(self, ctx: typer.Context) -> list[str]:
        return ["COMMAND [OPTIONS] [ARGUMENTS]"]

    def get_help(self, ctx: typer.Context) -> str:
        from .help import group_page

        return group_page(self, ctx, GROUPS)


def app_for(arguments: list[str]) -> typer.Typer:
    """Return the app with the command that is called, or with all commands if none is.

    Typer builds every command of an app, which takes longer than an analysis.
    """
    app = typer.Typer(
        name="cnncalc",
        cls=_Commands,
        context_settings={"help_option_names": ["--help", "-h"]},
        add_completion=True,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        help=ABOUT,
    )
    app.callback()(_options)
    called = [command for command in COMMANDS if command in arguments[:1]]
    for command in called or COMMANDS:
        name = f"{command}_" if iskeyword(command) else command
        module = import_module(f".{name}", __package__)
        cls = getattr(module, "COMMAND", Command)
        app.command(command, cls=cls)(getattr(module, name))
    return app


def _version(wanted: bool) -> None:
    """Print the version and exit."""
    if wanted:
        from .. import __version__

        say(f"cnncalc {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """Accept the options that come before a command."""
