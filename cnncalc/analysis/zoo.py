"""Lists, filters and sorts the bundled networks, and describes one of them or of a file."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ..diagnostic import Diagnostic, Mistake, misspelled
from ..graph import Graph
from ..language.load import bundled_spec, is_file, load
from ..language.spec import Spec
from ..num import Shape
from ..processes import mapped
from ..zoo import bundled, files
from .analyze import analyze
from .bound import COMPARISONS
from .count import count
from .field_following import KnownWindows, receptive_fields
from .figures import RECEPTIVE_FIELDS, TOTALS, field_of, one_size, printed
from .receptive_field import ReceptiveField, Seen, last_field, receptive_fields_of
from .result import Report

FIGURES = ("year", *RECEPTIVE_FIELDS, *TOTALS)  # for conditions and sorting
# the heads and keys of the columns
_ALIASES = {
    "field": "receptive_field",
    "rf": "receptive_field",
    "ungated": "receptive_field_without_gates",
    "rf_ungated": "receptive_field_without_gates",
}
_SIGNS = {"≤": "<=", "≥": ">=", "==": "="}
_HOLDS = {**COMPARISONS, "=": operator.eq}
_CONDITION = re.compile(r"\s*(\w+)\s*(<=|>=|==|<|>|=|≤|≥)\s*(\S.*)\Z")


class BundledNetwork(NamedTuple):
    """A bundled network, with what the list of all networks says about it.

    Attributes:
        name: its name.
        target: its SPEC.
        year: when it was published.
        input: the shape of its first input.
        totals: the totals of `analyze`, by name.
        fields: the receptive fields of the last layer that does not see the whole input.
    """

    name: str
    target: str
    year: int | None
    input: Shape
    totals: dict[str, int]
    fields: dict[str, ReceptiveField | None]


class ZooEntry(NamedTuple):
    """A network and its report, with the names of its family and its smallest input.

    If it is not bundled, its name and target are those that it was asked for with.
    """

    network: BundledNetwork
    report: Report
    family: list[str]
    smallest_input: Shape | None
    bundled: bool = True


def networks(words: Iterable[str] = (), workers: int = 1) -> list[BundledNetwork]:
    """Return the bundled networks with one of the words in their own or their file's name.

    Without words, it returns all. `workers` is how many processes share the work. Errors: a Mistake
    for a word that is in no name.
    """
    wanted = [word.lower() for word in words]
    names: list[tuple[str, str]] = []
    found: list[BundledNetwork] = []
    listed = partial(_of_file, wanted=wanted)
    for path, (members, chosen) in zip(
        files(), mapped(listed, files(), workers if not wanted else 1, "listed networks")
    ):
        names += [(name, path.stem) for name in members]
        found += chosen
    for word in wanted:
        if not any(word in name.lower() or word in stem for name, stem in names):
            raise Mistake(_no_network(word, [name for name, _ in names]))
    return found


def _of_file(path: Path, wanted: list[str]) -> tuple[list[str], list[BundledNetwork]]:
    """Return the names of a file's networks, and those networks with one of the words in theirs."""
    spec, stem, known = bundled_spec(path), path.stem, KnownWindows()

    def is_wanted(name: str) -> bool:
        return not wanted or any(word in name.lower() or word in stem for word in wanted)

    names = {variant: variant or stem for variant in spec.members}
    listed = [variant for variant, name in names.items() if is_wanted(name)]
    found = [_network(spec, stem, variant, graph, known) for variant, graph in spec.graphs(listed)]
    return [*names.values()], found


def _no_network(word: str, names: list[str]) -> Diagnostic:
    advice = "`cnncalc zoo` lists what is bundled"
    if word == "show":
        advice = "`cnncalc zoo show NAME` describes one"
    fault = Diagnostic("CNN111", f"no bundled network has `{word}` in its name")
    return misspelled(fault, word, names, advice)


def _network(
    spec: Spec, stem: str, variant: str | None, graph: Graph, known: KnownWindows
) -> BundledNetwork:
    """Return one network of a file, with the name that SPEC may have."""
    fields = receptive_fields(graph, known)
    field = _last(graph, fields.seen)
    ungated = field if fields.ungated is None else _last(graph, fields.ungated)
    return BundledNetwork(
        name=variant or stem,
        target=_target(stem, variant),
        year=spec.year(variant),
        input=graph.nodes[0].shape,
        totals=count(graph, TOTALS),
        fields={"receptive_field": field, "receptive_field_without_gates": ungated},
    )


def _target(stem: str, variant: str | None) -> str:
    return f"{stem}.yaml#{variant}" if variant else f"{stem}.yaml"


def _last(graph: Graph, seen: list[Seen]) -> ReceptiveField | None:
    """Return the field of the last layer that does not see the whole input."""

    def seen_by(n: int) -> ReceptiveField | None:
        return next(iter(receptive_fields_of(graph.nodes[n], seen[n], graph)), None)

    found = last_field(graph, seen_by)
    return found and found[1]


def of_report(name: str, target: str, report: Report) -> BundledNetwork:
    """Return what the list says about a network that has been analysed."""
    return BundledNetwork(
        name=name,
        target=target,
        year=report.year,
        input=next(iter(report.inputs.values())),
        totals={what: getattr(report.totals, what) for what in TOTALS},
        fields={what: field_of(report, what) for what in RECEPTIVE_FIELDS},
    )


def _right(spec: Spec) -> Report:
    """Return the report of a spec without errors."""
    try:
        return analyze(spec).or_mistake()
    except Mistake as mistake:
        mistake.sources[spec.file] = spec.text
        raise


def zoo_entry(name: str) -> ZooEntry:
    """Return a bundled network by its name, or the network in a file, such as `net.yaml#small`.

    Errors: a Mistake for an unknown name, which names the most similar one, and for a file that is
    not a spec or has errors.
    """
    from .smallest_input import smallest_input

    if name == "-" or is_file(Path(name.partition("#")[0])):
        spec = load(name)
        report = _right(spec)
        return ZooEntry(
            network=of_report(name, name, report),
            report=report,
            family=[member or spec.title() for member in spec.members],
            smallest_input=smallest_input(report.graph),
            bundled=False,
        )
    name = name.rpartition("#")[2].removesuffix(".yaml")  # as `zoo --format json` names the spec
    path, variant = bundled(name)
    spec = bundled_spec(path)
    family = spec.members
    if variant is None and None not in family:
        # the base has the name of the variant that changes nothing
        variants = spec.document.variants or {}
        variant = next(name for name, own in variants.items() if own is None or not own.params)
    report = analyze(spec, variant)
    return ZooEntry(
        network=of_report(variant or path.stem, _target(path.stem, variant), report),
        report=report,
        family=[member or path.stem for member in family],
        smallest_input=smallest_input(report.graph),
    )


def filtered(found: list[BundledNetwork], conditions: Iterable[str]) -> list[BundledNetwork]:
    """Return the networks that meet every condition, such as ``params < 10M``.

    A network without the figure meets no condition on it.

    Errors: a Mistake for a condition that cannot be read.
    """
    for text in conditions:
        match = _CONDITION.match(text)
        number = printed(match[3], "bytes" in match[1]) if match else None
        if match is None or number is None:
            odd = f": `{match[3]}` is not a number" if match else ""
            raise Mistake(
                Diagnostic(
                    "CNN111",
                    f"--where takes a condition such as `params < 10M`, not `{text}`{odd}",
                    help="write a figure, one of < <= > >= =, and a number such as 10M or 2018",
                )
            )
        what = _figure_name(match[1])
        holds = _HOLDS[_SIGNS.get(match[2], match[2])]
        kept = []
        for network in found:
            ours = _sortable(network, what)
            if ours is not None and holds(ours, number.value):
                kept.append(network)
        found = kept
    return found


def ordered(
    found: list[BundledNetwork], by: str | None, reverse: bool = False
) -> list[BundledNetwork]:
    """Return the networks sorted by a figure or by name; in their order if `by` is None.

    Networks without the figure always come last.

    Errors: a Mistake for an unknown figure.
    """
    if by is None:
        return found[::-1] if reverse else found
    what = _figure_name(by, also=("name",))
    if what == "name":
        return sorted(found, key=lambda network: network.name, reverse=reverse)
    having = [network for network in found if _sortable(network, what) is not None]
    lacking = [network for network in found if network not in having]
    return sorted(having, key=lambda network: _sortable(network, what), reverse=reverse) + lacking


def _sortable(network: BundledNetwork, what: str) -> Any:
    """Return a figure of a network as one number; for a receptive field, the longest axis."""
    if what == "year":
        return network.year
    if what in network.totals:
        return network.totals[what]
    field = network.fields[what]
    size = one_size(field) if field else None
    return max(size) if isinstance(size, tuple) else size


def _figure_name(word: str, also: tuple[str, ...] = ()) -> str:
    """Return the figure that a word names, or the word itself if it is in `also`.

    Errors: a Mistake for an unknown figure.
    """
    what = _ALIASES.get(word.lower(), word.lower())
    known = (*also, *FIGURES)
    if what not in known:
        fault = Diagnostic("CNN111", f"unknown figure `{what}`")
        raise Mistake(
            misspelled(fault, what, (*known, *_ALIASES), f"the figures are {', '.join(known)}")
        )
    return what
