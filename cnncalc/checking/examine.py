"""One file examined: every error of every variant in one run, each as it would be met after the ones before it were mended.

The first error of a network hides those behind it. So a repair is put into a copy of the text, which is examined
again, until nothing new comes up; places are those of the text as written.
"""

from __future__ import annotations

from typing import NamedTuple

from ..analysis.fold import Report
from ..diagnostic import Diagnostic, Edit, Fix, Position
from .candidates import stand_in
from .case import Case
from .finding import Finding
from .repair import OFFERED, persists, remaining, repairs
from .text import Text
from .version import Version

ROUNDS, SEARCHES = 16, 12  # most repaired copies, and most findings for which repairs are searched
SEARCHED = ("CNN2", "CNN301")  # codes whose repairs are searched


class Examined(NamedTuple):
    """The findings of a file, and the reports of its networks as written."""

    findings: list[Finding]
    reports: dict[str | None, Report]
    places: dict[str, Position]  # where each variant is declared, and the network itself ("")


def examine(text: str, file: str, variant: str | None = None) -> Examined:
    """All that is wrong with a spec, in the order of its lines; of one variant, or of all of them."""
    first = version = Version(Text(text), file, variant)
    entries: dict[tuple, Entry] = {}
    for _ in range(ROUNDS):
        new = collect(version, entries)
        edits = [entry.put_in for entry in new if entry.put_in]
        if not edits:
            break
        version = Version(version.text.apply(*edits), file, variant)
    settle(first.text, file, list(entries.values()))
    told = sorted((entry for entry in entries.values() if not entry.consequence), key=lambda entry: entry.place)
    return Examined([entry.finding() for entry in told], first.reports, first.places())


class Entry:
    """A finding at its place in the text as written. In several variants it counts once."""

    def __init__(self, diagnostic: Diagnostic, later: bool):
        self.diagnostic, self.later = diagnostic, later
        self.variants: list[str | None] = []
        self.fixes: list[Fix] = []  # those whose edits can be made in the text as written
        self.whole: list[Fix] = []  # those of them after which the network is whole
        self.stand: Fix | None = None  # what was put in only to see what lies behind
        self.put_in: tuple[Edit, ...] = ()  # the edits, of the version it was found in, that let us see what lies behind it
        self.mended: tuple[Edit, ...] = ()  # the edits, of the text as written, that it counts as mended by
        self.consequence = False  # of an earlier finding, as far as can be known

    @property
    def place(self) -> tuple[int, int]:
        """Its line and column."""
        position = self.diagnostic.position
        return (position.line, position.column) if position else (0, 0)

    @property
    def error(self) -> bool:
        return self.diagnostic.severity == "error"

    def finding(self) -> Finding:
        """The finding, with its repairs as its help and the first of them as its fix."""
        told = self.diagnostic._replace(fix=self.fixes[0] if self.fixes else None)
        if self.fixes and told.code.startswith(SEARCHED):
            told = told._replace(help="; or ".join(fix.title for fix in self.fixes[:OFFERED]))
        return Finding(told, tuple(self.variants), self.later)


def collect(version: Version, entries: dict[tuple, Entry]) -> list[Entry]:
    """Notes what is wrong in a version; gives what is new."""
    new = []
    searched = sum(entry.diagnostic.code.startswith(SEARCHED) for entry in entries.values())
    for diagnostic, variant in version.wrong():
        place = diagnostic.position and version.text.original(diagnostic.position)
        # that the numbers of a note differ between variants is no news
        key = (diagnostic.code, place and place[1:3], diagnostic.message if diagnostic.severity == "error" else "")
        if key not in entries:
            entry = entries[key] = Entry(diagnostic._replace(position=place), later=not version.as_written)
            case = version.case(diagnostic, variant) if diagnostic.code.startswith(SEARCHED) else None
            entry.consequence = case is not None and follows(case, variant, list(entries.values()))
            mend(entry, version, diagnostic, case if searched < SEARCHES else None)
            searched += case is not None
            new.append(entry)
        if variant not in entries[key].variants:
            entries[key].variants.append(variant)
    return new


def mend(entry: Entry, version: Version, diagnostic: Diagnostic, case: Case | None) -> None:
    """The repairs of a finding, and what of them is put in; what is only not as expected hides nothing."""
    fixes, whole = repairs(case) if case is not None else ([diagnostic.fix] if diagnostic.fix else [], [])
    entry.fixes, entry.whole = ([fix for fix in map(version.original, some) if fix] for some in (fixes, whole))
    if entry.error and diagnostic.code != "CNN301":
        stand = stand_in(case) if case is not None and diagnostic.code == "CNN204" else None
        entry.put_in = stand or (fixes[0].edits if fixes else ())
        entry.stand = version.original(Fix("`padding: same`", stand)) if stand else None
        known = version.original(Fix("", entry.put_in))
        entry.mended = known.edits if known else ()


def follows(case: Case, variant: str | None, entries: list[Entry]) -> bool:
    """Whether a window would fit, were it not for an earlier one that did not: any that is no larger than the network's input."""
    if case.fault.diagnostic.code != "CNN204" or not any(entry.diagnostic.code == "CNN204" and variant in entry.variants for entry in entries):
        return False
    kernel = getattr(case.fault.op, "kernel", 0)
    sizes = [n for node in case.graph.inputs for n in node.shape[1:]]
    return max(kernel if isinstance(kernel, tuple) else (kernel,)) <= min(sizes, default=0)


def settle(text: Text, file: str, entries: list[Entry]) -> None:
    """Of several repairs, those after which the network is right, all other findings mended too.

    A finding that is not there after the repairs that were chosen was a consequence of others that were tried first.
    """
    errors = [entry for entry in entries if entry.error and not entry.consequence and (entry.mended or entry.fixes)]
    if sum(bool(entry.mended) for entry in errors) < 2 and not any(entry.later for entry in errors):
        for entry in errors:
            entry.fixes = entry.whole or entry.fixes
        return
    for entry in errors:
        if len(entry.fixes) > 1:
            ranks = [remaining(text, [fix.edits, *others(errors, entry)], file, entry.variants[0]) for fix in entry.fixes]
            entry.fixes = [fix for fix, rank in zip(entry.fixes, ranks) if rank == min(ranks)]
        if entry.fixes and entry.mended and entry.stand is None:
            entry.mended = entry.fixes[0].edits
    for entry in errors:
        if entry.later and entry.diagnostic.position:
            entry.consequence = not persists(entry.diagnostic, text, others(errors, entry), entry.variants[0])
    chosen = [entry.fixes[0].edits for entry in errors if entry.fixes and not entry.consequence]
    if remaining(text, chosen, file, errors[0].variants[0])[1]:  # each is right beside what was put in, but not beside each other
        for entry in errors:
            if entry.stand is not None:
                entry.fixes = [entry.stand, *(fix for fix in entry.fixes if fix.edits != entry.stand.edits)]


def others(errors: list[Entry], one: Entry) -> list[tuple[Edit, ...]]:
    """What mends all the findings but one."""
    return [entry.mended for entry in errors if entry is not one and entry.mended]
