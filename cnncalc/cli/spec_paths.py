"""Finds the specs that check and lock read, and the configuration of the project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..checking.config import Config
    from ..checking.files import Target

Paths = Annotated[
    list[str] | None,
    typer.Argument(
        help="files, folders, file#variant, bundled names, or - for standard input"
        " (default: the current folder)",
        metavar="PATH",
    ),
]


def configuration() -> Config:
    """Return the configuration of the project that the current folder is in."""
    from ..checking.config import configured

    return configured(Path.cwd())


def targets(paths: list[str] | None, config: Config, only_specs: bool = False) -> list[Target]:
    """Return the specs at the paths and in their folders, by default the current one.

    Errors: a Mistake if there are none, unless `only_specs` is set.
    """
    from ..checking.files import find_specs, some_specs

    places = paths or ["."]
    if only_specs:
        return list(find_specs(places, config.exclude, config.root, only_specs))
    return some_specs(places, config.exclude, config.root)
