"""Published figures: agree, or differ and why."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..diagnostic import Diagnostic, misspelled
from ..language.model import Published
from ..language.validation import shown
from ..language.yaml_tree import Marks
from .figures import figure, known_figures, printed
from .rows import Report


class Comparison(NamedTuple):
    """A printed figure beside ours."""

    what: str
    at: str | None
    printed: Any
    ours: Any
    agrees: bool
    source: str | None
    erratum: str | None


def compare(
    report: Report, entries: list[Published], marks: Marks, file: str
) -> tuple[list[Comparison], list[Diagnostic]]:
    """Each entry beside our figure; a difference without erratum, or an erratum without difference, is a warning."""
    comparisons, found = [], []
    for index, entry in enumerate(entries):
        place = marks.find(index)
        ours = figure(report, entry.what, entry.at)
        if ours is None:
            found.append(_unknown(report, entry, place, file))
            continue
        agrees = _agrees(entry, ours)
        if agrees is None:
            found.append(
                Diagnostic(
                    "CNN103",
                    f"`value` takes a number as printed, such as 138M, or a shape, not {shown(entry.value)}",
                    place.find("value").position(file),
                )
            )
            continue
        comparisons.append(
            Comparison(entry.what, entry.at, entry.value, ours, agrees, entry.source, entry.erratum)
        )
        where = f" of `{entry.at}`" if entry.at else ""
        if not agrees and entry.erratum is None:
            found.append(
                Diagnostic(
                    "CNN303",
                    f"{entry.what}{where} is {ours:,}, published {entry.value}"
                    if isinstance(ours, int)
                    else f"{entry.what}{where} is {list(ours)}, published {entry.value}",
                    place.find("value").position(file),
                    help="correct the spec, or say in `erratum` why the printed figure is not right",
                    severity="warning",
                )
            )
        if agrees and entry.erratum is not None:
            found.append(
                Diagnostic(
                    "CNN304",
                    f"{entry.what}{where} agrees with {entry.value}: its erratum is out of date",
                    place.key(file, "erratum"),
                    help="remove `erratum`",
                    severity="warning",
                )
            )
    return comparisons, found


def _agrees(entry: Published, ours: Any) -> bool | None:
    if isinstance(ours, tuple):
        return list(ours) == entry.value if isinstance(entry.value, list) else None
    number = printed(entry.value, "bytes" in entry.what)
    return None if number is None else number.agrees(ours)


def _unknown(report: Report, entry: Published, place: Marks, file: str) -> Diagnostic:
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
            ),
            entry.at,
            report.graph.groups,
        )
    return Diagnostic(
        "CNN103",
        f"`{entry.what}` has no meaning {f'at `{entry.at}`' if entry.at else 'here'}",
        place.position(file),
        help="params, weights, macs, flops, activations, shape and receptive_field have, at a layer",
    )
