"""A text as written or with edits applied: its networks, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...analysis.analyze import analyze
from ...analysis.result import Report
from ...diagnostic import Diagnostic, Fix, Mistake, Position
from ...language.load import from_text
from ...language.scope import Expansion, Fault
from ...language.spec import Spec
from ..guidelines import guidelines
from .case import Case, Rank
from .edited_text import EditedText

_OTHER_VARIANTS = 8  # most other variants that a repair is tried on
_FEW_LAYERS = 2000  # of all variants together, up to which other variants are tried at all
_MOST_LAYERS = 30_000  # of all variants of a file together
_OF_A_VARIANT = 20  # layers that take as long as what every variant takes beside its own


class Revision:
    """One revision of a file. `reports` has each variant; `layers` counts those of all variants."""

    def __init__(self, text: EditedText, file: str, variant: str | None):
        self.text, self.file = text, file
        self.reports: dict[str | None, Report] = {}
        self._expansions: dict[str | None, Expansion] = {}
        self.spec: Spec | None = None
        self.layers = 0
        try:
            spec = from_text(text.text, file)
        except Mistake as mistake:
            self.diagnostics = list(mistake.diagnostics)
            return
        self.spec = spec
        self.diagnostics = list(spec.diagnostics)
        names = _networks(spec) if variant is None else [variant]
        for number, name in enumerate(names):
            if self.layers + number * _OF_A_VARIANT > _MOST_LAYERS:
                self.diagnostics.append(_too_many_layers(spec, name))
                break
            self.reports[name] = analyze(spec, name)
            self.layers += len(self.reports[name].graph.nodes)

    @property
    def member_reports(self) -> dict[str | None, Report]:
        """The reports of the family's members, each network once."""
        members = self.spec.members if self.spec else []
        return {name: one for name, one in self.reports.items() if name in members or name}

    @property
    def as_written(self) -> bool:
        """Whether no edits were applied."""
        return self.text.previous is None

    @property
    def passes_a_limit(self) -> bool:
        """Whether the file exceeds a limit of size; then what else is wrong stays unknown."""
        found = [self.diagnostics, *(report.diagnostics for report in self.reports.values())]
        return any(_has_code(diagnostics, "CNN004") for diagnostics in found)

    def variant_places(self) -> dict[str, Position]:
        """Where each variant is declared; for the network itself (""), where its layers begin."""
        if self.spec is None:
            return {}
        marks = self.spec.marks
        places = {"": marks.key(self.file, "layers")}
        for name in self.spec.variants:
            places[name] = marks.find("variants").key(self.file, name)
        return places

    def may_hide_errors(self, variant: str | None, harmless: tuple[str, ...]) -> bool:
        """Whether errors of a variant, or of the text, may hide more; `harmless` codes do not."""
        report = self.reports.get(variant)
        if report is None or not report.complete:
            return True
        return any(d.severity == "error" and d.code not in harmless for d in self.diagnostics)

    def diagnosed(self) -> Iterator[tuple[Diagnostic, str | None]]:
        """Each diagnostic with its variant. After edits, only errors and exceeded budgets count."""
        for diagnostic in self.diagnostics:
            if self.as_written or diagnostic.severity == "error":
                yield diagnostic, None
        of_text = len(self.spec.diagnostics) if self.spec else 0  # they come first in each report
        for variant, report in self.reports.items():
            for diagnostic in report.diagnostics[of_text:]:
                if self.as_written or diagnostic.severity == "error" or diagnostic.code == "CNN302":
                    yield diagnostic, variant
            if self.as_written and report.ok:
                for note in guidelines(report):
                    yield note, variant

    def case(self, diagnostic: Diagnostic, variant: str | None) -> Case | None:
        """What a search of repairs needs to know of a wrong shape; None for other findings."""
        report = self.reports.get(variant)
        if report is None or self.spec is None:
            return None
        if variant not in self._expansions:
            self._expansions[variant] = self.spec.expansion(variant)
        expansion = self._expansions[variant]
        fault = _fault_of(diagnostic, expansion.faults)
        if fault is None:
            return None
        others: list[str | None] = []
        if self.layers < _FEW_LAYERS:
            others = [name for name in self.reports if name != variant][:_OTHER_VARIANTS]
        return Case(
            text=self.text,
            spec=self.spec,
            variant=variant,
            expansion=expansion,
            fault=fault._replace(diagnostic=diagnostic),
            beside=tuple((name, Rank.of(self.reports[name].graph)) for name in others),
        )

    def original_fix(self, fix: Fix) -> Fix | None:
        """A fix of this revision as one of the text as written; None if it cannot be made there."""
        edits = [self.text.original_edit(edit) for edit in fix.edits]
        return fix._replace(edits=tuple(edit for edit in edits if edit)) if all(edits) else None

    def original_fixes(self, fixes: Iterable[Fix]) -> list[Fix]:
        """Those fixes that can be made in the text as written."""
        return [fix for fix in map(self.original_fix, fixes) if fix]


def _networks(spec: Spec) -> list[str | None]:
    """The members of the family, and the base if more is demanded of it than of its namesake.

    A variant that changes nothing is the base under its own name, but the budget at the top level
    is the base's own, and a variant may expect other shapes.
    """
    variants = (spec.document.variants or {}).values()
    expects = any(own is not None and not own.params and own.expect for own in variants)
    if None not in spec.members and (spec.document.budget or expects):
        return [None, *spec.members]
    return spec.members


def _too_many_layers(spec: Spec, variant: str | None) -> Diagnostic:
    return Diagnostic(
        "CNN004",
        f"the variants have more than {_MOST_LAYERS:,} layers in all; "
        f"those from `{variant}` on are not checked",
        spec.marks.find("variants").key(spec.file, variant or ""),
        help="check them one by one: `file.yaml#variant`, or split the file",
    )


def _has_code(diagnostics: Iterable[Diagnostic], code: str) -> bool:
    return any(diagnostic.code == code for diagnostic in diagnostics)


def _fault_of(diagnostic: Diagnostic, faults: Iterable[Fault]) -> Fault | None:
    """The fault that a diagnostic reports: the first one of its code at its place."""
    wanted = (diagnostic.code, diagnostic.position)
    for fault in faults:
        if (fault.diagnostic.code, fault.diagnostic.position) == wanted:
            return fault
    return None
