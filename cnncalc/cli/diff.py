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

_SIDE = "a file, file#variant, a bundled name, or REVISION:FILE of git"


class DiffFormat(str, Enum):
    """Formats of a comparison."""

    table, json, markdown = "table", "json", "markdown"


def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help=_SIDE)],
    new: Annotated[str, typer.Argument(metavar="NEW", help=_SIDE)],
    format: Annotated[
        DiffFormat, o.choice("--format", DiffFormat, "format of the output")
    ] = DiffFormat.table,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="exit 1 if the networks differ")
    ] = False,
    output: o.Output = None,
) -> None:
    """Show what changed between two networks or two revisions of one, layer by layer.

    It compares shapes, parameters, cost, memory, receptive fields and budgets.

    Examples:
        What VGG-19 has that VGG-16 lacks:
        cnncalc diff vgg16 vgg19
        Two variants in Markdown, for a comment on a change:
        cnncalc diff resnet18 resnet34 --format markdown
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
