"""The specs that check and lock read, and the project's configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..diagnostic import Diagnostic, Mistake

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
    """Return the specs below the paths.

    Errors: a Mistake if there are none; with `only_specs`, that is no mistake.
    """
    from ..checking.files import find_specs

    places = paths or ["."]
    found = list(find_specs(places, config.exclude, config.root, only_specs))
    if not found and not only_specs:
        raise Mistake(
            Diagnostic(
                "CNN002",
                f"no specs in {', '.join(places)}",
                help="specs are *.cnn.yaml, and YAML with a top-level key `cnncalc`",
            )
        )
    return found
