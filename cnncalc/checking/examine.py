"""One file examined: every error of every variant in one run, each as it would be met after the ones before it were mended.

The first error of a network hides those behind it. So a repair is put into a copy of the text, which is examined
again, until nothing new comes up; places are those of the text as written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..analysis.analyze import analyze
from ..analysis.fold import Report
from ..analysis.zoo import members
from ..diagnostic import Diagnostic, Edit, Fix, Mistake, Position
from ..spec.load import from_text
from ..spec.spec import Spec
from .candidates import Case, stand_in
from .guidelines import guidelines
from .repair import OFFERED, persists, remaining, repairs
from .text import Text

ROUNDS, SEARCHES = 16, 12  # most repaired copies, and most findings for which repairs are searched
MAX_LAYERS = 30_000  # of all variants of a file together


class Finding(NamedTuple):
    """A diagnostic in a file, and the variants that have it (None: the network without a variant)."""

    diagnostic: Diagnostic
    variants: tuple[str | None, ...] = ()
    later: bool = False  # met once the errors before it were mended
    fingerprint: str = ""


class Examined(NamedTuple):
    """A file with its findings, and the reports of its networks as written."""

    file: str
    text: str
    findings: list[Finding]
    reports: dict[str | None, Report]
    places: dict[str, Position]  # where each variant is declared, and the network itself ("")


def examine(text: str, file: str, variant: str | None = None) -> Examined:
    """All that is wrong with a spec, in the order of its lines; of one variant, or of all of them."""
    first = version = Version(Text(text), file, variant)
    entries: dict[tuple, Entry] = {}
    for round in range(ROUNDS):
        edits = list(version.mend(entries, as_written=round == 0))
        if not edits:
            break
        version = Version(version.text.apply(edits), file, variant)
    settle(first.text, file, list(entries.values()))
    ordered = sorted((entry for entry in entries.values() if not entry.consequence), key=lambda entry: entry.place)
    return Examined(file, text, [Finding(entry.diagnostic, tuple(entry.variants), entry.later) for entry in ordered], first.reports, first.places())


class Entry:
    """A finding at its place in the text as written. In several variants it counts once."""

    def __init__(self, diagnostic: Diagnostic):
        self.diagnostic = diagnostic
        self.variants: list[str | None] = []
        self.fixes: list[Fix] = []  # those whose edits can be made in the text as written
        self.going_on: tuple[Edit, ...] = ()  # the edits that were put in to see what lies behind it
        self.later = False
        self.consequence = False  # of an earlier finding, as far as can be known

    @property
    def place(self) -> tuple[int, int]:
        position = self.diagnostic.position
        return (position.line, position.column) if position else (0, 0)

    def offer(self) -> None:
        """Makes the fixes its help, and the first the fix to be applied."""
        if self.fixes:
            self.diagnostic = self.diagnostic._replace(help="; or ".join(fix.title for fix in self.fixes[:OFFERED]), fix=self.fixes[0])


class Version:
    """The text as written, or with repairs put in; its networks."""

    def __init__(self, text: Text, file: str, variant: str | None):
        self.text, self.file = text, file
        self.reports: dict[str | None, Report] = {}
        self.spec: Spec | None = None
        try:
            self.spec = from_text(text.text, file)
            self.diagnostics = list(self.spec.diagnostics)
        except Mistake as mistake:
            self.diagnostics = list(mistake.diagnostics)
            return
        layers = 0
        for name in [variant] if variant is not None else members(self.spec):
            if layers > MAX_LAYERS:
                self.diagnostics.append(Diagnostic(
                    "CNN004", f"the variants have more than {MAX_LAYERS:,} layers in all; those from `{name}` on are not checked",
                    self.spec.marks.find("variants").key(file, name or ""), help="check them one by one: `file.yaml#variant`, or split the file"))  # fmt: skip
                break
            self.reports[name] = analyze(self.spec, name)
            layers += len(self.reports[name].graph.nodes)

    def places(self) -> dict[str, Position]:
        """Where each variant is declared; the network itself where its layers begin."""
        if self.spec is None:
            return {}
        marks = self.spec.marks
        return {"": marks.key(self.file, "layers"), **{name: marks.find("variants").key(self.file, name) for name in self.spec.variants}}

    def mend(self, entries: dict[tuple, Entry], as_written: bool) -> Iterator[Edit]:
        """Notes what is wrong here; gives the edits that mend the errors among it. Warnings count in the text as written alone."""
        for diagnostic in self.diagnostics:
            yield from self._note(entries, diagnostic, None)
        for variant, report in self.reports.items():
            for diagnostic in report.diagnostics:
                if diagnostic not in self.diagnostics and (as_written or diagnostic.severity == "error" or diagnostic.code == "CNN302"):
                    yield from self._note(entries, diagnostic, variant)
            if as_written and report.ok:
                for note in guidelines(report):
                    yield from self._note(entries, note, variant)

    def _note(self, entries: dict[tuple, Entry], diagnostic: Diagnostic, variant: str | None) -> Iterator[Edit]:
        """One diagnostic; where it is a new error, the repair that is put in to see what lies behind it."""
        place = diagnostic.position and self.text.original(diagnostic.position)
        entry = Entry(diagnostic._replace(position=place))
        key = (diagnostic.code, entry.place, diagnostic.message if diagnostic.severity == "error" else "")  # that the numbers of a note differ between variants is no news
        known, entry = key in entries, entries.setdefault(key, entry)
        if variant not in entry.variants:
            entry.variants.append(variant)
        if known:
            return
        entry.later = self.text.before is not None
        fixes, edits = self._fixes(diagnostic, variant, entries)
        entry.fixes = [fix for fix in map(self._original, fixes) if fix]
        entry.consequence = self._follows(diagnostic, entries, entry, variant)
        entry.diagnostic = entry.diagnostic._replace(fix=entry.fixes[0] if entry.fixes else None)
        if diagnostic.severity == "error" and diagnostic.code != "CNN301" and edits:  # what is not as expected hides nothing
            entry.going_on = tuple(edit for edit in map(self.text.original_edit, edits) if edit)
            yield from edits

    def _fixes(self, diagnostic: Diagnostic, variant: str | None, entries: dict[tuple, Entry]) -> tuple[list[Fix], tuple[Edit, ...]]:
        """What mends a finding, and what of it is put in."""
        report = self.reports.get(variant)
        fault = next((f for f in report.graph.faults if f.diagnostic.message == diagnostic.message), None) if report else None
        if fault is None or report is None or self.spec is None or sum(bool(entry.fixes) for entry in entries.values()) >= SEARCHES:
            return ([diagnostic.fix] if diagnostic.fix else []), diagnostic.fix.edits if diagnostic.fix else ()
        case = Case(self.text, self.spec, variant, report.graph, fault._replace(diagnostic=diagnostic))
        fixes = repairs(case)
        return fixes, stand_in(case) or (fixes[0].edits if fixes else ())

    def _original(self, fix: Fix) -> Fix | None:
        """The same fix on the text as written, if it can be made there."""
        edits = [self.text.original_edit(edit) for edit in fix.edits]
        return fix._replace(edits=tuple(edit for edit in edits if edit)) if all(edits) else None

    def _follows(self, diagnostic: Diagnostic, entries: dict[tuple, Entry], entry: Entry, variant: str | None) -> bool:
        """Whether a window would fit, were it not for an earlier one that did not: any that is no larger than the network's input."""
        if diagnostic.code != "CNN204":
            return False
        earlier = any(other is not entry and other.diagnostic.code == diagnostic.code and variant in other.variants for other in entries.values())
        if not earlier or variant not in self.reports:
            return False
        fault = next((f for f in self.reports[variant].graph.faults if f.diagnostic.message == diagnostic.message), None)
        kernel = getattr(fault and fault.op, "kernel", 0)
        sizes = [n for node in self.reports[variant].graph.inputs for n in node.shape[1:]]
        return max(kernel if isinstance(kernel, tuple) else (kernel,)) <= min(sizes, default=0)


def settle(text: Text, file: str, entries: list[Entry]) -> None:
    """Of several repairs, those first after which the network is whole, all other findings mended too.

    A finding that is not there after the repairs that were chosen was a consequence of others that were tried first.
    """
    errors = [entry for entry in entries if entry.going_on or entry.fixes]
    if sum(bool(entry.going_on) for entry in errors) > 1 or any(entry.later for entry in errors):
        for entry in errors:
            if len(entry.fixes) > 1:
                others = [edit for other in errors if other is not entry for edit in other.going_on]
                ranks = {id(fix): remaining(text, [*fix.edits, *others], file, entry.variants[0]) for fix in entry.fixes[: 2 * OFFERED]}
                best = min(ranks.values())
                entry.fixes = [fix for fix in entry.fixes if ranks.get(id(fix)) == best]
                entry.going_on = entry.fixes[0].edits if entry.going_on else ()
        for entry in errors:
            if entry.later and entry.diagnostic.severity == "error" and entry.diagnostic.position:
                others = [edit for other in errors if other is not entry for edit in other.going_on]
                entry.consequence |= not persists(entry.diagnostic, text, others, entry.variants[0])
    for entry in errors:
        if len(entry.fixes) > 1 or entry.diagnostic.code[:4] in ("CNN2",) or entry.diagnostic.code == "CNN301":
            entry.offer()
