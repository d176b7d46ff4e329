"""Finds every error of a file in one run, by repairing the errors found so far in copies of it.

The first error of a network hides those after it. Therefore, each error is repaired in a copy of
the text, or replaced by a placeholder, and the copy is checked again, until nothing new is found.
All places are reported as places in the text as written.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ...analysis.analyze import Settings
from ...analysis.result import Report
from ...diagnostic import Diagnostic, Edit, Fix, Position
from ..finding import Finding
from .case import Case, reading_cost
from .edited_text import EditedText
from .entry import REPAIRABLE, Entry, Key, key_of
from .follow_on_errors import Doubts, is_consequence, settle_together
from .placeholder import placeholder_at
from .revision import Revision

_ROUNDS = 24  # most repaired copies
_SEARCHES = 12  # most findings for which repairs are searched
_WORK = 700_000  # most characters to read for a file, after the first time
_OF_A_SEARCH = 4  # searching so many characters for a layer takes as long as reading one
# These do not hide later errors: for a duplicate key, the first value is used, and a failed
# `expect` does not change a shape.
_HARMLESS = ("CNN003", "CNN301")


class Examined(NamedTuple):
    """The findings of a file, and the reports of its networks as written.

    The base is among the reports also where it is a member of the family under the name of a
    variant, if it has requirements of its own.
    """

    findings: list[Finding]
    reports: dict[str | None, Report]
    members: list[str | None]  # those of the family: each network once
    places: dict[str, Position]  # where each variant is declared; "": the network itself


def examine(text: str, file: str, variant: str | None = None) -> Examined:
    """Find all errors of a spec, of one variant or of all, in the order of its lines."""
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
    return _examined(first, entries)


def examine_under(text: str, file: str, variant: str | None, settings: Settings) -> Examined:
    """Find what is wrong with the networks of a spec under other parameters or inputs.

    Each network is examined up to its first error. No repairs are searched, because they would be
    for the networks as written.
    """
    revision = Revision(EditedText(text), file, variant, settings)
    entries: dict[Key, Entry] = {}
    for diagnostic, name in revision.diagnosed():
        key = key_of(diagnostic, diagnostic.position)
        entry = entries.setdefault(key, Entry(diagnostic, later=False))
        if name not in entry.variants:
            entry.variants.append(name)
    return _examined(revision, entries.values())


def _examined(revision: Revision, entries: Iterable[Entry]) -> Examined:
    """Return the entries to report as findings, with the networks of a revision."""
    reported = [entry.finding() for entry in entries if entry.is_reported]
    return Examined(
        findings=sorted(reported, key=lambda finding: finding.place),
        reports=revision.reports,
        members=revision.members,
        places=revision.variant_places(),
    )


class _Search:
    """The findings so far, and how much work is left."""

    def __init__(self) -> None:
        self.entries: dict[Key, Entry] = {}
        self.work = _WORK
        self.layers = 0  # of the revision with the most layers
        self._searches = 0
        self._doubts = Doubts()

    def collect(self, revision: Revision) -> list[Entry]:
        """Add the findings of a revision; return the new ones."""
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
        """Search repairs of a finding, and choose the edits with which later layers are checked."""
        case: Case | None = None
        if diagnostic.code.startswith(REPAIRABLE):
            case = revision.case(diagnostic, variant)
        entry.consequence = is_consequence(
            entry, case, variant, self.entries.values(), self._doubts
        )
        fixes: list[Fix] = [diagnostic.fix] if diagnostic.fix else []
        complete: list[Fix] = []
        if case is not None and self._searches < _SEARCHES:
            from .trial import search_repairs  # only for errors

            fixes, complete, done = search_repairs(case, self.work)
            self._searches += 1
            self.work -= done
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
        """Return edits that set `padding: same` for a window that does not fit, if possible."""
        if case is None or entry.diagnostic.code != "CNN204":
            return ()
        from .candidates import same_padding

        edits = same_padding(case)
        if not edits:
            return ()
        self._doubts.sizes = True
        entry.placeholder = revision.original_fix(Fix("`padding: same`", edits))
        return edits

    def _placeholder(
        self, entry: Entry, revision: Revision, diagnostic: Diagnostic
    ) -> tuple[Edit, ...]:
        """Return edits that leave out a layer without a repair, or only its wrong field."""
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
        """Report that there may be more errors."""
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
            "there are too many errors to check everything after them: there may be more",
            last,
            "fix these first",
        )
        self.entries[key_of(diagnostic, last)] = Entry(diagnostic, later=False, variants=[None])


def _preferred(complete: list[Fix], fixes: list[Fix], diagnostic: Diagnostic) -> tuple[Edit, ...]:
    """Return the edits to apply: a complete repair on the same line, otherwise the first one."""
    for fix in complete:
        if diagnostic.position and fix.edits[0].line == diagnostic.position.line:
            return fix.edits  # preferred to another input size
    return fixes[0].edits if fixes else ()
