"""The command diff: compares two specs, or two revisions of one."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..diagnostic import Mistake
from . import options as o
from .option_values import depth_of, settings, usage
from .output import on_terminal, present

if TYPE_CHECKING:
    from ..analysis.diff import Diff
    from ..language.spec import Spec
    from ..render.diff import Alone, Pairs

_SIDE = "a file, file#variant, a bundled name, or REVISION:FILE from git"


class DiffFormat(str, Enum):
    """Formats of a comparison."""

    table, json, markdown = "table", "json", "markdown"


def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help=_SIDE)],
    new: Annotated[
        str | None,
        typer.Argument(metavar="NEW", help="the same; OLD, if --set is given"),
    ] = None,
    set: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="set a parameter of NEW; may be repeated"),
    ] = None,
    depth: o.Depth = None,
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
        Show which layers VGG-19 adds to VGG-16:
        cnncalc diff vgg16 vgg19
        Show what a parameter changes, block by block:
        cnncalc diff resnet18 --set classes=10 --depth 1
    """
    from ..render.diff import differs

    given = settings(set)
    if new is None:
        if not given:
            raise usage("NEW is missing", "name a second network, or change the first with --set")
        new = old
    found, alone = differences(_loaded(old), _loaded(new), given)
    labels = (old, new) if old != new else ("as written", " ".join(set or ()))
    if old != new or given:
        found = [(name, _labelled(pair, labels)) for name, pair in found]
    level = depth_of(depth) if depth is not None else None
    folds = level is None and output is None and on_terminal()
    present("diff", format.value, output, found, alone, level, folds)
    if exit_code and (any(alone) or any(differs(pair) for _, pair in found)):
        raise typer.Exit(1)


def show_changes(
    old: Spec, new: Spec, labels: tuple[str, str], format: str, output: str | None
) -> None:
    """Show what changed between two specs, each under its label."""
    pair = _compared((old, new), (old.variant, new.variant), {})._replace(labels=labels)
    folds = output is None and on_terminal()
    present("diff", format, output, [("", pair)], ([], []), None, folds)


def differences(old: Spec, new: Spec, given: dict[str, Any]) -> tuple[Pairs, Alone]:
    """Compare two specs variant by variant; return also the variants that only one of them has.

    Parameters that are `given` are those of the new one.
    """
    matched, alone = _paired(old, new)
    return [(name, _compared((old, new), both, given)) for name, both in matched], alone


Variants = tuple[str | None, str | None]


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

    It compares the variants that the arguments name. Otherwise it compares variants of the same
    name, or if there are none, the first variant of each side.
    """
    olds = [old.variant] if old.variant else old.members
    news = [new.variant] if new.variant else new.members
    common = [variant for variant in olds if variant in news]
    if len(olds) == 1 or len(news) == 1 or not common:
        return [("", (olds[0], news[0]))], ([], [])
    removed = [variant or "the base" for variant in olds if variant not in common]
    added = [variant or "the base" for variant in news if variant not in common]
    return [(variant or "", (variant, variant)) for variant in common], (removed, added)


def _compared(sides: tuple[Spec, Spec], variants: Variants, given: dict[str, Any]) -> Diff:
    """Compare one variant of each side; parameters that are `given` are those of the new one."""
    from ..analysis.analyze import analyze
    from ..analysis.diff import diff

    try:
        old = analyze(sides[0], variants[0]).or_mistake()
        new = analyze(sides[1], variants[1], set=given).or_mistake()
    except Mistake as mistake:
        mistake.sources |= {spec.file: spec.text for spec in sides}
        raise
    return diff(old, new)


def _labelled(pair: Diff, labels: tuple[str, str]) -> Diff:
    """Add where the networks come from if they have the same name."""
    return pair._replace(labels=labels) if pair.old.name == pair.new.name else pair
