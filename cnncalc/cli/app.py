"""The commands, each in a file of its name."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

from .output import say

COMMANDS = (  # as `--help` lists them
    "analyze",
    "explain",
    "size",
    "expand",
    "check",
    "lock",
    "diff",
    "compare",
    "zoo",
    "rule",
    "init",
    "verify",
    "profile",
    "schema",
)
ABOUT = (
    "Sizes, parameters, memory, cost and receptive fields of convolutional networks,"
    " from a short spec."
)


def app_for(arguments: list[str]) -> typer.Typer:
    """Return the app with the command that is called, or with all if none is.

    Typer builds every command that it has, which takes longer than an analysis.
    """
    app = typer.Typer(
        name="cnncalc",
        add_completion=True,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        help=ABOUT,
    )
    app.callback(help=ABOUT)(_options)
    called = [command for command in COMMANDS if command in arguments[:1]]
    for command in called or COMMANDS:
        app.command()(getattr(import_module(f".{command}", __package__), command))
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
