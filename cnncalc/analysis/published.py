"""Published figures: agree, or differ and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from ..diagnostic import Diagnostic, first_of, misspelled
from ..language.model import Published
from ..language.validation import shown
from ..language.yaml_tree import Marks
from .figures import Printed, figure, known_figures, printed
from .result import Comparison, Figure, Report


def compared_with_published(
    report: Report, entries: list[Published], marks: Marks, file: str
) -> tuple[list[Comparison], list[Diagnostic]]:
    """Compares each published figure with ours.

    A difference without an erratum is a warning, and so is an erratum without a difference.
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
    """Yields what is wrong with entries, and adds the others to the comparisons."""
    read = cache(printed)  # tables print the same number often
    for index, entry in enumerate(entries):
        ours = figure(report, entry.what, entry.at)
        if ours is None:
            yield _no_figure(report, entry, marks.find(index), file)
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
    """Whether our figure rounds to the printed digits; None if what is printed is not a number.

    `read` is `printed`, which may remember what it read.
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
    """A figure that differs although no erratum says so, or agrees although one does."""
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
        f"{what} is {value}, published {entry.value}",
        place.find("value").position(file),
        help="correct the spec, or say in `erratum` why the printed figure is not right",
        severity="warning",
    )


def _no_number(entry: Published, place: Marks, file: str) -> Diagnostic:
    wanted = "a number as printed, such as 138M, or a shape"
    return Diagnostic(
        "CNN103",
        f"`value` takes {wanted}, not {shown(entry.value)}",
        place.find("value").position(file),
    )


def _no_figure(report: Report, entry: Published, place: Marks, file: str) -> Diagnostic:
    """An unknown figure, an unknown layer, or a figure that this layer does not have."""
    if entry.what not in known_figures():
        return misspelled(
            Diagnostic(
                "CNN103",
                f"`{entry.what}` is no figure of a network",
                place.find("what").position(file),
            ),
            entry.what,
            known_figures(),
            f"figures are {', '.join(known_figures())}",
        )
    if entry.at is not None and not report.group(entry.at) and entry.at not in report.graph.groups:
        return misspelled(
            Diagnostic(
                "CNN105",
                f"`at` names `{entry.at}`, and no layer is called so",
                place.find("at").position(file),
                subject=entry.at,
            ),
            entry.at,
            report.graph.groups,
        )
    return Diagnostic(
        "CNN103",
        f"`{entry.what}` has no meaning {f'at `{entry.at}`' if entry.at else 'here'}",
        place.position(file),
        help="params, weights, macs, flops, activations, shape and receptive_field have,"
        " at a layer",
    )
