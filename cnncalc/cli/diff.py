"""The command diff: two specs, or one in two revisions."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..diagnostic import Mistake
from . import options as o
from .output import present

if TYPE_CHECKING:
    from ..analysis.diff import Diff
    from ..language.spec import Spec

Side = Annotated[
    str, typer.Argument(help="a file, file#variant, a bundled name, or revision:file of git")
]


class DiffFormat(str, Enum):
    """Formats of a comparison."""

    table, json, markdown = "table", "json", "markdown"


def diff(
    old: Side,
    new: Side,
    format: Annotated[
        DiffFormat, typer.Option("--format", help="how to print it")
    ] = DiffFormat.table,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="exit 1 if anything differs")
    ] = False,
    output: o.Output = None,
) -> None:
    """What changed between two networks, layer by layer: shapes, parameters, cost, memory, fields,
    budgets.
    """
    from ..render.diff import differs

    sides = _loaded(old), _loaded(new)
    matched, alone = _paired(*sides)
    found = [(name, _compared(sides, variants)) for name, variants in matched]
    if old != new:
        found = [(name, _labelled(pair, (old, new))) for name, pair in found]
    present("diff", format.value, output, found, alone)
    if exit_code and (any(alone) or any(differs(pair) for _, pair in found)):
        raise typer.Exit(1)


Variants = tuple[str | None, str | None]
Alone = tuple[list[str], list[str]]


def _loaded(side: str) -> Spec:
    """Load the spec that an argument names, from a file or from git."""
    from ..language.load import from_text, is_file, load
    from .git import text_in_revision

    revision, colon, rest = side.partition(":")
    if not colon or is_file(Path(side)) or is_file(Path(side.partition("#")[0])):
        return load(side)
    path, _, variant = rest.partition("#")
    text = text_in_revision(revision, path)
    return from_text(text, f"{revision}:{path}", variant or None)


def _paired(old: Spec, new: Spec) -> tuple[list[tuple[str, Variants]], Alone]:
    """Return the variants to compare, and those that only the old or only the new family has.

    They are the variants named, else those of equal name in two versions of a family, else the
    first of each.
    """
    olds = [old.variant] if old.variant else old.members
    news = [new.variant] if new.variant else new.members
    common = [variant for variant in olds if variant in news]
    if len(olds) == 1 or len(news) == 1 or not common:
        return [("", (olds[0], news[0]))], ([], [])
    removed = [variant or "the base" for variant in olds if variant not in common]
    added = [variant or "the base" for variant in news if variant not in common]
    return [(variant or "", (variant, variant)) for variant in common], (removed, added)


def _compared(sides: tuple[Spec, Spec], variants: Variants) -> Diff:
    """Compare a variant of each side."""
    from ..analysis.analyze import analyze
    from ..analysis.diff import diff

    try:
        old, new = (analyze(*pair).or_mistake() for pair in zip(sides, variants))
    except Mistake as mistake:
        mistake.sources |= {spec.file: spec.text for spec in sides}
        raise
    return diff(old, new)


def _labelled(pair: Diff, labels: tuple[str, str]) -> Diff:
    """Add where two networks of the same name are from."""
    return pair._replace(labels=labels) if pair.old.name == pair.new.name else pair
