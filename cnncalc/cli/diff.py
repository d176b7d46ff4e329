"""The command diff: two specs, or one in two revisions."""

from __future__ import annotations

import subprocess
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from ..diagnostic import Diagnostic, Mistake
from . import options as o
from .output import put

Side = Annotated[
    str, typer.Argument(help="a file, file#variant, a bundled name, or revision:file of git")
]


class Comparison(str, Enum):
    """Formats of a comparison."""

    table, json, markdown = "table", "json", "markdown"


def diff(
    old: Side,
    new: Side,
    format: Annotated[
        Comparison, typer.Option("--format", help="how to print it")
    ] = Comparison.table,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="exit 1 if anything differs")
    ] = False,
    output: o.Output = None,
) -> None:
    """What changed between two networks, layer by layer: shapes, parameters, cost, memory, fields, budgets."""
    from ..analysis.analyze import analyze
    from ..analysis.diff import diff as compared
    from ..render import diff as rendering

    sides = [loaded(side) for side in (old, new)]
    matched, alone = paired(*sides)
    try:
        pairs = [
            (
                name,
                compared(
                    *(analyze(spec, member).or_mistake() for spec, member in zip(sides, members))
                ),
            )
            for name, members in matched
        ]
    except Mistake as mistake:
        mistake.sources |= {spec.file: spec.text for spec in sides}
        raise
    labelled = [
        (
            name,
            pair._replace(labels=(old, new))
            if pair.old.name == pair.new.name and old != new
            else pair,
        )
        for name, pair in pairs
    ]
    put(getattr(rendering, format.value)(labelled, alone), output)
    if exit_code and (any(alone) or any(map(rendering.differs, (pair for _, pair in pairs)))):
        raise typer.Exit(1)


Members = tuple[Optional[str], Optional[str]]  # noqa: UP045


def paired(old: Any, new: Any) -> tuple[list[tuple[str, Members]], tuple[list[str], list[str]]]:
    """The networks to compare: the variants named, else those of equal name in two versions of a family, else the first of each.

    And the variants that only the old, or only the new family has.
    """
    from ..analysis.zoo import members

    named = [[spec.variant] if spec.variant else members(spec) for spec in (old, new)]
    common = [variant for variant in named[0] if variant in named[1]]
    if len(named[0]) == 1 or len(named[1]) == 1 or not common:
        return [("", (named[0][0], named[1][0]))], ([], [])
    alone = [[variant or "the base" for variant in mine if variant not in common] for mine in named]
    return [(variant or "", (variant, variant)) for variant in common], (alone[0], alone[1])


def loaded(side: str) -> Any:
    """The spec that an argument names, from a file or from git."""
    from ..language.load import from_text, is_file, load

    revision, colon, rest = side.partition(":")
    if not colon or is_file(Path(side)) or is_file(Path(side.partition("#")[0])):
        return load(side)
    path, _, variant = rest.partition("#")
    return from_text(of_revision(revision, path), f"{revision}:{path}", variant or None)


def of_revision(revision: str, path: str) -> str:
    """A file as it is in a revision; its path is taken from the current folder, then from the root of the repository."""
    from ..language.load import read_bytes

    why = ""
    for place in [path] if Path(path).is_absolute() else [f"./{path}", path]:
        try:
            done = subprocess.run(
                ["git", "show", "--end-of-options", f"{revision}:{place}"],
                capture_output=True,
                check=False,
            )
        except OSError:
            raise Mistake(
                Diagnostic("CNN002", f"cannot read {revision}:{path}: git is not installed")
            ) from None
        if done.returncode == 0:
            return read_bytes(f"{revision}:{path}", done.stdout)
        why = why or done.stderr.decode("utf-8", "replace").strip().splitlines()[-1].removeprefix(
            "fatal: "
        )
    raise Mistake(Diagnostic("CNN002", f"cannot read {revision}:{path}: {why}"))
