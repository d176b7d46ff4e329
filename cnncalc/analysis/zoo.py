"""The bundled networks: all of them, some of them, and one."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from ..diagnostic import Diagnostic, Mistake, misspelled
from ..language.load import bundled, files, from_text, read, shorten
from ..language.spec import Spec
from ..num import Shape
from .analyze import analyze
from .budget import HOLDS
from .figures import TOTALS, figure, printed
from .rows import Report

FIGURES = ("year", "receptive_field", *TOTALS)
ALIASES = {"field": "receptive_field", "rf": "receptive_field"}
COMPARED = {**HOLDS, "≤": HOLDS["<="], "≥": HOLDS[">="], "=": operator.eq, "==": operator.eq}
_CONDITION = re.compile(r"\s*(\w+)\s*(<=|>=|==|<|>|=|≤|≥)\s*(.+)\Z")


class Network(NamedTuple):
    """A bundled network: its name, its SPEC, its report."""

    name: str
    target: str
    report: Report


def specs() -> list[tuple[str, Spec]]:
    """Each bundled file, by its stem."""
    return [(path.stem, from_text(read(path), shorten(path))) for path in files()]


def members(spec: Spec) -> list[str | None]:
    """The base and the variants; a variant that changes nothing is the base, under its own name."""
    variants = spec.document.variants or {}
    same = any(own is None or not own.params for own in variants.values())
    return [*([] if same else [None]), *variants]


def networks(words: Iterable[str] = ()) -> list[Network]:
    """The bundled networks whose name, or whose file's, contains one of the words; all without words.

    Errors: a Mistake for a word that is in none.
    """
    wanted = [word.lower() for word in words]
    listed = [
        (variant or stem, stem, spec, variant)
        for stem, spec in specs()
        for variant in members(spec)
    ]
    for word in wanted:
        if not any(word in name.lower() or word in stem for name, stem, _, _ in listed):
            otherwise = (
                "`cnncalc zoo show NAME` tells of one"
                if word == "show"
                else "`cnncalc zoo` lists what is bundled"
            )
            raise Mistake(
                misspelled(
                    Diagnostic("CNN111", f"no bundled network has `{word}` in its name"),
                    word,
                    [name for name, *_ in listed],
                    otherwise,
                )
            )
    chosen = [
        entry
        for entry in listed
        if not wanted or any(word in entry[0].lower() or word in entry[1] for word in wanted)
    ]
    return [network(spec, stem, variant) for _, stem, spec, variant in chosen]


def network(spec: Spec, stem: str, variant: str | None) -> Network:
    """One of them, under the name that `SPEC` may have."""
    return Network(
        variant or stem,
        f"{stem}.yaml#{variant}" if variant else f"{stem}.yaml",
        analyze(spec, variant),
    )


def value(report: Report, what: str) -> Any:
    """A figure of a network that may be sorted by; of a receptive field its largest axis."""
    found = report.year if what == "year" else figure(report, what, None)
    return max(found) if isinstance(found, tuple) else found


def known(what: str, also: tuple[str, ...] = ()) -> str:
    """The name of a figure, or one of the other words that may stand for one.

    Errors: a Mistake for one that is none.
    """
    what = ALIASES.get(what.lower(), what.lower())
    if what not in (*FIGURES, *also):
        raise Mistake(
            misspelled(
                Diagnostic("CNN111", f"`{what}` is no figure of a network"),
                what,
                (*also, *FIGURES, *ALIASES),
                f"figures are {', '.join((*also, *FIGURES))}",
            )
        )
    return what


def filtered(found: list[Network], conditions: Iterable[str]) -> list[Network]:
    """The networks that every condition holds of, such as ``params < 10M``; one without the figure fails it.

    Errors: a Mistake for a condition that cannot be read.
    """
    for text in conditions:
        match = _CONDITION.match(text)
        number = printed(match[3], "bytes" in match[1]) if match else None
        if match is None or number is None:
            odd = f": `{match[3]}` is no number" if match else ""
            raise Mistake(
                Diagnostic(
                    "CNN111",
                    f"--where takes a condition such as `params < 10M`, not `{text}`{odd}",
                    help="a figure, one of < <= > >= =, and a number such as 10M or 2018",
                )
            )
        what, holds = known(match[1]), COMPARED[match[2]]
        found = [
            network
            for network in found
            if (n := value(network.report, what)) is not None and holds(n, number.value)
        ]
    return found


def ordered(found: list[Network], by: str | None, reverse: bool = False) -> list[Network]:
    """Sorted by a figure, or as they are; networks without the figure come last."""
    if by is None:
        return found[::-1] if reverse else found
    what = known(by, ("name",))
    if what == "name":
        return sorted(found, key=lambda network: network.name, reverse=reverse)
    having = [network for network in found if value(network.report, what) is not None]
    return sorted(having, key=lambda network: value(network.report, what), reverse=reverse) + [
        network for network in found if network not in having
    ]


class Entry(NamedTuple):
    """One network of the zoo, with its family and the least input it takes."""

    network: Network
    family: list[str]
    least: Shape | None


def entry(name: str) -> Entry:
    """A bundled network by its name.

    Errors: a Mistake with the nearest name for one that is not bundled.
    """
    from .sizes import least_input

    name = name.rpartition("#")[2].removesuffix(".yaml")  # as `zoo --format json` names the spec
    path, variant = bundled(name)
    spec = from_text(read(path), shorten(path))
    if variant is None and None not in members(
        spec
    ):  # the base goes by the name of the variant that changes nothing
        variant = next(
            member
            for member, own in (spec.document.variants or {}).items()
            if own is None or not own.params
        )
    found = network(spec, path.stem, variant)
    return Entry(
        found, [member or path.stem for member in members(spec)], least_input(found.report.graph)
    )
