"""The commands, each in a file of its name."""

from __future__ import annotations

from importlib import import_module
from itertools import chain
from typing import Annotated

import typer
from typer.core import TyperCommand, TyperGroup

from .output import say

GROUPS = {  # as `--help` lists them
    "Analyse a network": ("analyze", "explain", "size", "zoo"),
    "Check specs, by hand or in CI": ("check", "lock", "rule"),
    "Compare networks and tools": ("diff", "compare"),
    "Run a network in torch": ("verify", "profile"),
    "Write specs": ("init", "ops", "expand", "schema"),
}
COMMANDS = tuple(chain.from_iterable(GROUPS.values()))
ABOUT = """
Compute sizes, parameters, memory, cost and receptive fields of convolutional networks from a short
spec.

`cnncalc COMMAND --help` explains a command, with examples.

Examples:
    The layers of a bundled network:
    cnncalc analyze vgg16
    Every spec in the current folder, with its expectations and budgets:
    cnncalc check
"""


class _Command(TyperCommand):
    """A command whose help ends with its examples."""

    def collect_usage_pieces(self, ctx: typer.Context) -> list[str]:
        from .help import usage_of

        return usage_of(self, ctx)

    def get_help(self, ctx: typer.Context) -> str:
        from .help import command_page

        return command_page(self, ctx)


class _Commands(TyperGroup):
    """The commands, in groups by what people want to do."""

    def collect_usage_pieces(self, ctx: typer.Context) -> list[str]:
        return ["COMMAND [OPTIONS] [ARGUMENTS]"]

    def get_help(self, ctx: typer.Context) -> str:
        from .help import group_page

        return group_page(self, ctx, GROUPS)


def app_for(arguments: list[str]) -> typer.Typer:
    """Return the app with the command that is called, or with all if none is.

    Typer builds every command that it has, which takes longer than an analysis.
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
        app.command(cls=_Command)(getattr(import_module(f".{command}", __package__), command))
    return app


def _version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        from .. import __version__

        say(f"cnncalc {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """Take the options that come before a command."""
