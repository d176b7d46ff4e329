"""Finds every error of a file in one run, by repairing the errors found so far in copies of it.

The first error of a network hides those after it. So each error is repaired in a copy of the text,
or covered by a placeholder, and the copy is checked again, until nothing new is found. Places are
reported as those of the text as written.
"""

from __future__ import annotations

from typing import NamedTuple

from ...analysis.result import Report
from ...diagnostic import Diagnostic, Edit, Fix, Position
from ..finding import Finding
from .candidates import same_padding
from .case import Case
from .edited_text import EditedText
from .entry import REPAIRABLE, Entry, Key, key_of
from .follow_on_errors import Doubts, is_consequence, settle_together
from .placeholder import placeholder_at
from .revision import Revision
from .trial import reading_cost, search_repairs

_ROUNDS = 24  # most repaired copies
_SEARCHES = 12  # most findings for which repairs are searched
_WORK = 700_000  # characters that are read for a file, beyond the first time
_OF_A_SEARCH = 4  # characters in which a layer is looked for in the time that it takes to read one
# These hide no later errors: for a duplicate key the first value is used, and a failed `expect`
# changes no shape.
_HARMLESS = ("CNN003", "CNN301")


class Examined(NamedTuple):
    """The findings of a file, and the reports of its networks as written."""

    findings: list[Finding]
    reports: dict[str | None, Report]
    places: dict[str, Position]  # where each variant is declared, and the network itself ("")


def examine(text: str, file: str, variant: str | None = None) -> Examined:
    """Finds all errors of a spec, of one variant or of all, in the order of its lines."""
    first = revision = Revision(EditedText(text), file, variant)
    search = _Search()
    for turn in range(_ROUNDS + 1):
        search.layers = max(search.layers, revision.layers)
        edits = [entry.applied for entry in search.collect(revision) if entry.applied]
        if not edits or revision.passes_a_limit:
            break
        search.work -= reading_cost(revision.text, revision.layers)
        if turn == _ROUNDS or search.work < 0:
            search.give_up(file)
            break
        revision = Revision(revision.text.apply(*edits), file, variant)
    entries = list(search.entries.values())
    trials = search.work // reading_cost(first.text, search.layers)
    settle_together(first.text, file, entries, trials)
    reported = [entry.finding() for entry in entries if entry.is_reported]
    return Examined(
        findings=sorted(reported, key=lambda finding: finding.place),
        reports=first.member_reports,
        places=first.variant_places(),
    )


class _Search:
    """What has been found, and how much work is left."""

    def __init__(self) -> None:
        self.entries: dict[Key, Entry] = {}
        self.work = _WORK
        self.layers = 0  # of the longest revision
        self._searches = 0
        self._doubts = Doubts()

    def collect(self, revision: Revision) -> list[Entry]:
        """Adds the findings of a revision; returns the new ones."""
        new: list[Entry] = []
        for diagnostic, variant in revision.diagnosed():
            place = diagnostic.position and revision.text.original_position(diagnostic.position)
            key = key_of(diagnostic, place)
            if key not in self.entries:
                entry = Entry(diagnostic._replace(position=place), later=not revision.as_written)
                self._repair(entry, revision, diagnostic, variant)
                self.entries[key] = entry
                new.append(entry)
            if variant not in self.entries[key].variants:
                self.entries[key].variants.append(variant)
        return new

    def _repair(
        self, entry: Entry, revision: Revision, diagnostic: Diagnostic, variant: str | None
    ) -> None:
        """Searches the repairs of a finding, and decides what to apply to see what comes after."""
        case: Case | None = None
        if diagnostic.code.startswith(REPAIRABLE):
            case = revision.case(diagnostic, variant)
        entry.consequence = is_consequence(
            entry, case, variant, self.entries.values(), self._doubts
        )
        fixes: list[Fix] = [diagnostic.fix] if diagnostic.fix else []
        complete: list[Fix] = []
        if case is not None and self._searches < _SEARCHES:
            fixes, complete, trials = search_repairs(case, self.work)
            self._searches += 1
            self.work -= trials * reading_cost(revision.text, len(case.graph.nodes))
        entry.fixes = revision.original_fixes(fixes)
        entry.complete_fixes = revision.original_fixes(complete)
        if (
            not entry.is_error
            or diagnostic.code in _HARMLESS
            or not revision.may_hide_errors(variant, _HARMLESS)
        ):
            return
        entry.applied = (
            self._padding(entry, revision, case)
            or _preferred(complete, fixes, diagnostic)
            or self._placeholder(entry, revision, diagnostic)
        )
        original = revision.original_fix(Fix("", entry.applied))
        entry.repaired_by = original.edits if original else ()

    def _padding(self, entry: Entry, revision: Revision, case: Case | None) -> tuple[Edit, ...]:
        """`padding: same` for a window that does not fit, where that can be written."""
        if case is None or entry.diagnostic.code != "CNN204":
            return ()
        edits = same_padding(case)
        if not edits:
            return ()
        self._doubts.sizes = True
        entry.placeholder = revision.original_fix(Fix("`padding: same`", edits))
        return edits

    def _placeholder(
        self, entry: Entry, revision: Revision, diagnostic: Diagnostic
    ) -> tuple[Edit, ...]:
        """Edits that leave out a layer without a repair, or only its wrong field."""
        if revision.spec is None or diagnostic.position is None:
            entry.hides = revision.spec is None
            return ()
        self.work -= len(revision.text.text) // _OF_A_SEARCH
        if self.work < 0:
            entry.hides = True
            return ()
        found = placeholder_at(
            revision.text,
            revision.spec,
            diagnostic.position,
            keeps_name=diagnostic.code != "CNN108",
        )
        if found.keeps_size:
            return found.edits
        entry.hides = True
        self._doubts.layers |= bool(found.edits)
        return found.edits

    def give_up(self, file: str) -> None:
        """Reports that there may be more errors."""
        last = max(
            (
                entry.diagnostic.position
                for entry in self.entries.values()
                if entry.is_error and entry.diagnostic.position
            ),
            default=Position(file, 1, 1),
        )
        diagnostic = Diagnostic(
            "CNN004",
            "too many mistakes to look behind: there may be more",
            last,
            "mend these first",
        )
        self.entries[key_of(diagnostic, last)] = Entry(diagnostic, later=False, variants=[None])


def _preferred(complete: list[Fix], fixes: list[Fix], diagnostic: Diagnostic) -> tuple[Edit, ...]:
    """The edits of the repair to apply: a complete one of the same line, else the first."""
    for fix in complete:
        if diagnostic.position and fix.edits[0].line == diagnostic.position.line:
            return fix.edits  # rather than another input
    return fixes[0].edits if fixes else ()
