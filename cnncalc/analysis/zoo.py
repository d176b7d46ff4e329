"""The bundled networks: all of them, some of them, and one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from ..diagnostic import Diagnostic, Mistake, misspelled
from ..num import Shape
from ..spec.load import bundled, files, from_text, read, shorten
from ..spec.spec import Spec
from .analyze import analyze
from .budget import HOLDS
from .fold import Report
from .quantity import TOTALS, figure, printed

FIGURES = ("year", "receptive_field", *TOTALS)
ALIASES = {"field": "receptive_field"}
_CONDITION = re.compile(r"\s*(\w+)\s*(<=|>=|<|>|≤|≥)\s*(.+)\Z")


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
    listed = [(variant or stem, stem, spec, variant) for stem, spec in specs() for variant in members(spec)]
    for word in wanted:
        if not any(word in name.lower() or word in stem for name, stem, _, _ in listed):
            known = [name for name, *_ in listed]
            raise Mistake(misspelled(Diagnostic("CNN111", f"no bundled network has `{word}` in its name"), word, known, "`cnncalc zoo` lists what is bundled"))
    chosen = [entry for entry in listed if not wanted or any(word in entry[0].lower() or word in entry[1] for word in wanted)]
    return [Network(name, f"{stem}.yaml#{variant}" if variant else f"{stem}.yaml", analyze(spec, variant)) for name, stem, spec, variant in chosen]


def value(report: Report, what: str) -> Any:
    """A figure of a network that may be sorted by; of a receptive field its largest axis."""
    found = report.year if what == "year" else figure(report, what, None)
    return max(found) if isinstance(found, tuple) else found


def known(what: str) -> str:
    """The name of a figure.

    Errors: a Mistake for one that is none.
    """
    what = ALIASES.get(what.lower(), what.lower())
    if what not in FIGURES:
        raise Mistake(misspelled(Diagnostic("CNN111", f"`{what}` is no figure of a network"), what, (*FIGURES, *ALIASES), f"figures are {', '.join(FIGURES)}"))
    return what


def filtered(found: list[Network], conditions: Iterable[str]) -> list[Network]:
    """The networks that every condition holds of, such as ``params < 10M``; one without the figure fails it.

    Errors: a Mistake for a condition that cannot be read.
    """
    for text in conditions:
        match = _CONDITION.match(text)
        number = printed(match[3], "bytes" in match[1]) if match else None
        if match is None or number is None:
            raise Mistake(Diagnostic("CNN111", f"--where takes a condition such as `params < 10M`, not `{text}`", help="a figure, one of < <= > >=, and a number"))
        what, holds = known(match[1]), HOLDS[{"≤": "<=", "≥": ">="}.get(match[2], match[2])]
        found = [network for network in found if (n := value(network.report, what)) is not None and holds(n, number.value)]
    return found


def ordered(found: list[Network], by: str | None, reverse: bool = False) -> list[Network]:
    """Sorted by a figure, or as they are; networks without the figure come last."""
    if by is None:
        return found[::-1] if reverse else found
    if by == "name":
        return sorted(found, key=lambda network: network.name, reverse=reverse)
    what = known(by)
    having = [network for network in found if value(network.report, what) is not None]
    return sorted(having, key=lambda network: value(network.report, what), reverse=reverse) + [network for network in found if network not in having]


class Entry(NamedTuple):
    """One network of the zoo, with its family and the least input it takes."""

    network: Network
    family: list[str]
    least: Shape | None


def entry(name: str) -> Entry:
    """A bundled network by its name.

    Errors: a Mistake with the nearest name for one that is not bundled.
    """
    from .least import least_input

    path, variant = bundled(name)
    spec = from_text(read(path), shorten(path))
    report = analyze(spec, variant)
    family = [member or path.stem for member in members(spec)]
    return Entry(Network(variant or path.stem, f"{path.stem}.yaml#{variant}" if variant else f"{path.stem}.yaml", report), family, least_input(report.graph))

