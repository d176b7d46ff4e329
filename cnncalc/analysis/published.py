"""Compares published figures with the computed ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from ..at_least import AtLeast
from ..diagnostic import Diagnostic, first_of, misspelled
from ..language.model import Published
from ..language.validation import shown
from ..language.yaml_tree import Marks
from .figures import Printed, figure, known_figures, printed
from .result import Comparison, Figure, Report
from .undeclared import undeclared


def compared_with_published(
    report: Report, entries: list[Published], marks: Marks, file: str
) -> tuple[list[Comparison], list[Diagnostic]]:
    """Compare each published figure with the computed one.

    It warns about a difference without an erratum, and about an erratum without a difference.
    `marks` are the positions of the entries in `file`.
    """
    comparisons: list[Comparison] = []
    found = first_of(_judged(report, entries, marks, file, comparisons))
    return comparisons, found


def _judged(
    report: Report,
    entries: list[Published],
    marks: Marks,
    file: str,
    comparisons: list[Comparison],
) -> Iterator[Diagnostic]:
    """Yield what is wrong with entries, and add the comparable ones to the comparisons."""
    read = cache(printed)  # tables print the same number often
    for index, entry in enumerate(entries):
        ours = figure(report, entry.what, entry.at)
        if ours is None:
            yield _no_figure(report, entry, marks.find(index), file)
            continue
        if isinstance(ours, AtLeast):
            yield _undeclared(report, entry, marks.find(index), file)
            continue
        agrees = _agrees(entry, ours, read)
        if agrees is None:
            yield _no_number(entry, marks.find(index), file)
            continue
        comparisons.append(
            Comparison(
                what=entry.what,
                at=entry.at,
                printed=entry.value,
                ours=ours,
                agrees=agrees,
                source=entry.source,
                erratum=entry.erratum,
            )
        )
        if agrees != (entry.erratum is None):
            yield _surprise(entry, ours, agrees, marks.find(index), file)


def _agrees(
    entry: Published, ours: Figure, read: Callable[[str, bool], Printed | None]
) -> bool | None:
    """Return whether our figure rounds to the printed digits; None if these are not a number.

    `read` is the function `printed`, with or without a cache.
    """
    value = entry.value
    if ours is None:
        return None
    if isinstance(ours, tuple):
        return list(ours) == value if isinstance(value, list) else None
    if type(value) is int:
        return ours == value
    in_bytes = "bytes" in entry.what
    number = read(value, in_bytes) if isinstance(value, str) else printed(value, in_bytes)
    return None if number is None or ours == "all" else number.agrees(ours)


def _surprise(entry: Published, ours: Figure, agrees: bool, place: Marks, file: str) -> Diagnostic:
    """Return a warning: the figure differs without an erratum, or agrees despite one."""
    what = f"{entry.what} of `{entry.at}`" if entry.at else entry.what
    if agrees:
        return Diagnostic(
            "CNN304",
            f"{what} agrees with {entry.value}: its erratum is out of date",
            place.key(file, "erratum"),
            help="remove `erratum`",
            severity="warning",
        )
    value = list(ours) if isinstance(ours, tuple) else f"{ours:,}"
    return Diagnostic(
        "CNN303",
        f"{what} is {value}, but the published figure is {entry.value}",
        place.find("value").position(file),
        help="correct the spec, or say in `erratum` why the published figure is wrong; if this is a"
        " design of your own, remove `published`",
        severity="warning",
    )


def _undeclared(report: Report, entry: Published, place: Marks, file: str) -> Diagnostic:
    """Return a warning that a figure is not compared, because layers do not declare it."""
    why = undeclared(report.graph, entry.at).why(entry.what)
    of = f" of `{entry.at}`" if entry.at else ""
    return Diagnostic(
        "CNN308",
        f"{entry.what}{of} is unknown, so the published figure cannot be checked: {why}",
        place.position(file),
        help="declare the figure in the layer",
        severity="warning",
        subject=entry.what,
    )


def _no_number(entry: Published, place: Marks, file: str) -> Diagnostic:
    wanted = "a number as printed, such as 138M, or a shape"
    return Diagnostic(
        "CNN103",
        f"`value` takes {wanted}, not {shown(entry.value)}",
        place.find("value").position(file),
    )


def _no_figure(report: Report, entry: Published, place: Marks, file: str) -> Diagnostic:
    """Return an error for an unknown figure or layer, or a figure that the layer does not have."""
    if entry.what not in known_figures():
        return misspelled(
            Diagnostic(
                "CNN103",
                f"unknown figure `{entry.what}`",
                place.find("what").position(file),
            ),
            entry.what,
            known_figures(),
            f"the figures are {', '.join(known_figures())}",
        )
    if entry.at is not None and not report.group(entry.at) and entry.at not in report.graph.groups:
        return misspelled(
            Diagnostic(
                "CNN105",
                f"`at` names `{entry.at}`, but no layer has this name",
                place.find("at").position(file),
                subject=entry.at,
            ),
            entry.at,
            report.graph.groups,
        )
    return Diagnostic(
        "CNN103",
        f"{f'`{entry.at}`' if entry.at else 'this network'} has no {entry.what}",
        place.position(file),
        help="a layer has params, weights, macs, flops, activations, shape and receptive_field",
    )
