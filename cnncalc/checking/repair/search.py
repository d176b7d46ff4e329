"""One file examined: every error of every variant in one run, each as it would be met after the ones before it were mended.

The first error of a network hides those behind it. So a repair is put into a copy of the text, which is examined
again, until nothing new comes up; places are those of the text as written.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ...analysis.rows import Report
from ...diagnostic import Diagnostic, Edit, Fix, Position
from ..finding import Finding
from .candidates import stand_in
from .case import Case
from .edited_text import Text
from .placeholder import DOUBTFUL, SIZING, field_dropped, passed_over
from .revision import Version
from .trial import OFFERED, cost, persists, remaining, repairs

ROUNDS, SEARCHES = 24, 12  # most repaired copies, and most findings for which repairs are searched
WORK = 1_200_000  # characters that are read for a file, beyond the first time
LOOKED_BEHIND = (
    "CNN003",
    "CNN301",
)  # of a key that stands twice, the first is read; what is not as expected hides nothing
ONCE = ("CNN003", "CNN2", "CNN301")  # codes that count once at a place, whatever their numbers
SEARCHED = ("CNN2", "CNN301")  # codes whose repairs are searched
EXACT = (
    "params",
    "weights",
    "biases",
    "buffers",
    "param_bytes",
)  # budgets that a stand-in for a size does not touch


class Examined(NamedTuple):
    """The findings of a file, and the reports of its networks as written."""

    findings: list[Finding]
    reports: dict[str | None, Report]
    places: dict[str, Position]  # where each variant is declared, and the network itself ("")


def examine(text: str, file: str, variant: str | None = None) -> Examined:
    """All that is wrong with a spec, in the order of its lines; of one variant, or of all of them."""
    first = version = Version(Text(text), file, variant)
    search = Search()
    for turn in range(ROUNDS + 1):
        search.layers = max(search.layers, version.layers)
        edits = [entry.put_in for entry in search.collect(version) if entry.put_in]
        if not edits or any(
            d.code == "CNN004" for d, _ in version.wrong()
        ):  # a limit is passed: what else there is, is not told
            break
        search.work -= cost(version.text, version.layers)
        if turn == ROUNDS or search.work < 0:
            search.give_up(file)
            break
        version = Version(version.text.apply(*edits), file, variant)
    entries = list(search.entries.values())
    settle(first.text, file, entries, search.work // cost(first.text, search.layers))
    told = [entry.finding() for entry in entries if not entry.consequence]
    return Examined(sorted(told, key=lambda finding: finding.place), first.reports, first.places())


class Entry:
    """A finding at its place in the text as written. In several variants it counts once."""

    def __init__(self, diagnostic: Diagnostic, later: bool):
        self.diagnostic, self.later = diagnostic, later
        self.variants: list[str | None] = []
        self.fixes: list[Fix] = []  # those whose edits can be made in the text as written
        self.whole: list[Fix] = []  # those of them after which the network is whole
        self.stand: Fix | None = None  # what was put in only to see what lies behind
        self.put_in: tuple[
            Edit, ...
        ] = ()  # the edits, of the version it was found in, that let us see what lies behind it
        self.mended: tuple[
            Edit, ...
        ] = ()  # the edits, of the text as written, that it counts as mended by
        self.hides = False  # whether what depends on it is not checked
        self.consequence = False  # of an earlier finding, as far as can be known

    @property
    def error(self) -> bool:
        """Whether it is one."""
        return self.diagnostic.severity == "error"

    def finding(self) -> Finding:
        """The finding, with its repairs as its help and the first of them as its fix."""
        told = self.diagnostic._replace(fix=self.fixes[0] if self.fixes else None)
        if self.fixes and told.code.startswith(SEARCHED):
            told = told._replace(help="; or ".join(fix.title for fix in self.fixes[:OFFERED]))
        return Finding(told, tuple(self.variants), self.later, self.hides)


class Search:
    """What was found so far, and how much may still be done for it."""

    def __init__(self) -> None:
        self.entries: dict[tuple, Entry] = {}
        self.work, self.layers = WORK, 0  # of the longest version so far
        self.searched = 0
        self.sizes_doubtful = False  # a stand-in has a size of ours
        self.passed_over = False  # a layer was left out

    def collect(self, version: Version) -> list[Entry]:
        """Notes what is wrong in a version; gives what is new, with what is put in for it."""
        new = []
        for diagnostic, variant in version.wrong():
            place = diagnostic.position and version.text.original(diagnostic.position)
            # that sizes and the numbers of a note differ between variants is no news
            told = (
                diagnostic.message
                if diagnostic.severity == "error" and not diagnostic.code.startswith(ONCE)
                else ""
            )
            key = (diagnostic.code, place and place[1:3], told)
            if key not in self.entries:
                entry = self.entries[key] = Entry(
                    diagnostic._replace(position=place), later=not version.as_written
                )
                self._mend(entry, version, diagnostic, variant)
                new.append(entry)
            if variant not in self.entries[key].variants:
                self.entries[key].variants.append(variant)
        return new

    def _mend(
        self, entry: Entry, version: Version, diagnostic: Diagnostic, variant: str | None
    ) -> None:
        """The repairs of a finding, and what is put in to see what lies behind it."""
        case = version.case(diagnostic, variant) if diagnostic.code.startswith(SEARCHED) else None
        entry.consequence = self._follows(entry, case, variant)
        fixes: list[Fix] = [diagnostic.fix] if diagnostic.fix else []
        whole: list[Fix] = []
        if case is not None and self.searched < SEARCHES:
            fixes, whole, tried = repairs(case, self.work)
            self.searched += 1
            self.work -= tried * cost(version.text, len(case.graph.nodes))
        entry.fixes, entry.whole = (
            [fix for fix in map(version.original, some) if fix] for some in (fixes, whole)
        )
        if (
            not entry.error
            or diagnostic.code in LOOKED_BEHIND
            or not version.blocked(variant, LOOKED_BEHIND)
        ):
            return
        stand = stand_in(case) if case is not None and diagnostic.code == "CNN204" else None
        if stand:
            self.sizes_doubtful = True
            entry.stand = version.original(Fix("`padding: same`", stand))
        here = [
            fix
            for fix in whole
            if diagnostic.position and fix.edits[0].line == diagnostic.position.line
        ]  # rather than another input
        entry.put_in = (
            stand
            or next((fix.edits for fix in (*here, *fixes)), ())
            or self._pass_over(entry, version, diagnostic)
        )
        known = version.original(Fix("", entry.put_in))
        entry.mended = known.edits if known else ()

    def _pass_over(
        self, entry: Entry, version: Version, diagnostic: Diagnostic
    ) -> tuple[Edit, ...]:
        """A layer without a repair is left out, or only the field that is wrong."""
        if version.spec is None or diagnostic.position is None:
            entry.hides = version.spec is None
            return ()
        field, without = field_dropped(version.text, version.spec, diagnostic.position)
        if without is not None and field not in SIZING:
            return without
        edits = without or passed_over(
            version.text, version.spec, diagnostic.position, named=diagnostic.code != "CNN108"
        )
        entry.hides = True
        self.passed_over |= edits is not None
        return edits or ()

    def _follows(self, entry: Entry, case: Case | None, variant: str | None) -> bool:
        """Whether a finding may be owed to what was put in for earlier ones, as far as its code and its numbers tell."""
        diagnostic = entry.diagnostic
        if not entry.later:
            return False
        counted = diagnostic.code == "CNN105" and re.search(
            r"`[a-z_]+\d+`", diagnostic.message
        )  # a name that counts layers, of which one is missing
        if self.passed_over and (diagnostic.code.startswith(DOUBTFUL) or counted):
            return True
        if (
            self.sizes_doubtful
            and diagnostic.code == "CNN302"
            and not diagnostic.message.startswith(EXACT)
        ):
            return True
        if case is None or diagnostic.code != "CNN204":
            return False
        earlier = any(
            other is not entry and other.diagnostic.code == "CNN204" and variant in other.variants
            for other in self.entries.values()
        )
        return (earlier or self.passed_over) and would_fit(case)

    def give_up(self, file: str) -> None:
        """Says that there may be more."""
        last = max(
            (
                entry.diagnostic.position
                for entry in self.entries.values()
                if entry.error and entry.diagnostic.position
            ),
            default=Position(file, 1, 1),
        )
        told = Diagnostic(
            "CNN004",
            "too many mistakes to look behind: there may be more",
            last,
            "mend these first",
        )
        entry = self.entries[("CNN004", file)] = Entry(told, later=False)
        entry.variants.append(None)


def would_fit(case: Case) -> bool:
    """Whether a window would fit, were it not for what comes before it: any that is no larger than the network's input."""
    kernel = getattr(case.fault.op, "kernel", 0)
    sizes = [n for node in case.graph.inputs for n in node.shape[1:]]
    return max(kernel if isinstance(kernel, tuple) else (kernel,)) <= min(sizes, default=0)


def settle(text: Text, file: str, entries: list[Entry], most: int) -> None:
    """Of several repairs, those after which the network is right, all other findings mended too; tried `most` times.

    A finding that is not there after the repairs that were chosen was a consequence of others that were tried first.
    """
    errors = [
        entry
        for entry in entries
        if entry.error and not entry.consequence and (entry.mended or entry.fixes)
    ][: 2 * SEARCHES]
    alone = sum(entry.error and not entry.consequence for entry in entries) < 2
    if alone or most < 1 or any(entry.diagnostic.code == "CNN004" for entry in entries):
        for entry in errors if alone else ():
            entry.fixes = entry.whole or entry.fixes
        return
    for entry in errors:
        if len(entry.fixes) > 1 and (most := most - len(entry.fixes)) >= 0:
            ranks = [
                remaining(text, [fix.edits, *others(entries, entry)], file, entry.variants[0])
                for fix in entry.fixes
            ]
            entry.fixes = [fix for fix, rank in zip(entry.fixes, ranks) if rank == min(ranks)]
        if entry.fixes and entry.mended and entry.stand is None:
            entry.mended = entry.fixes[0].edits
    candidates = [
        entry
        for entry in entries
        if entry.error and not entry.consequence and entry.diagnostic.position
    ][: 2 * SEARCHES]
    sure = [
        entry
        for entry in candidates
        if entry.diagnostic.code == "CNN101" and any(fix.certain for fix in entry.fixes)
    ]
    gone: list[Entry] = []
    for _ in range(
        2
    ):  # what is left of one that went may show another to have been its consequence
        before = len(gone)
        for entry in reversed(
            [entry for entry in candidates if entry not in sure and entry not in gone]
        ):  # of two that one edit mends, the first stays
            rest = others([other for other in entries if other not in gone], entry)
            if (
                rest
                and (most := most - 1) >= 0
                and not persists(entry.diagnostic, text, rest, entry.variants[0])
            ):
                gone.append(entry)
        if len(gone) == before:
            break
    for entry in gone:
        entry.consequence = True
    chosen = [entry.fixes[0].edits for entry in errors if entry.fixes and not entry.consequence]
    if (
        errors and most > 0 and remaining(text, chosen, file, errors[0].variants[0])[1]
    ):  # each is right beside what was put in, but not beside each other
        for entry in errors:
            if entry.stand is not None:
                entry.fixes = [
                    entry.stand,
                    *(fix for fix in entry.fixes if fix.edits != entry.stand.edits),
                ]


def others(entries: list[Entry], one: Entry) -> list[tuple[Edit, ...]]:
    """What mends all the findings but one."""
    return [entry.mended for entry in entries if entry is not one and entry.mended]
