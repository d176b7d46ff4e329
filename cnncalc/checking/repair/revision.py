"""Analyses a text, as written or with edits applied: its networks, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...analysis.analyze import Settings, report_of
from ...analysis.result import Report
from ...diagnostic import Diagnostic, Fix, Mistake, Position
from ...graph import Graph
from ...language.limits import MAX_LAYERS
from ...language.load import from_text
from ...language.scope import Expansion, Fault
from ...language.spec import Spec
from ..guidelines import guidelines
from .case import Case, Rank
from .edited_text import EditedText

_OTHER_VARIANTS = 8  # most other variants that a repair is tried on
_FEW_LAYERS = 2000  # of all variants together; with more, other variants are not tried
_MOST_LAYERS = 15_000  # of all variants of a file together
_OF_A_VARIANT = 20  # fixed cost of a variant, in layers
_OF_A_LAYER = 2000  # so many characters of a file take as long, for each variant, as a layer


class Revision:
    """One revision of a file. `reports` is by variant; `layers` counts those of all variants."""

    def __init__(
        self, text: EditedText, file: str, variant: str | None, settings: Settings = Settings()
    ):
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
        of_each = _OF_A_VARIANT + len(text.text) // _OF_A_LAYER
        for number, name in enumerate(names):
            allowed = _MOST_LAYERS - number * of_each
            graph = None
            if self.layers <= allowed:
                graph = spec.graph(name, settings.set, settings.input)
                self.layers += len(graph.nodes) or _written_out(graph)
            if graph is None or number and graph.nodes and self.layers > allowed:
                self.diagnostics.append(_too_many_layers(spec, name))
                break
            self.reports[name] = report_of(spec, name, graph, settings)

    @property
    def members(self) -> list[str | None]:
        """The members of the family that have a report, each network once."""
        members = self.spec.members if self.spec else []
        return [name for name in self.reports if name in members or name]

    @property
    def as_written(self) -> bool:
        """Whether no edits were applied."""
        return self.text.previous is None

    @property
    def passes_a_limit(self) -> bool:
        """Whether the file exceeds a limit of size; what else is wrong then stays unknown."""
        found = [self.diagnostics, *(report.diagnostics for report in self.reports.values())]
        return any(_has_code(diagnostics, "CNN004") for diagnostics in found)

    def variant_places(self) -> dict[str, Position]:
        """Return where each variant is declared; for the network itself (""), its `layers`."""
        if self.spec is None:
            return {}
        marks = self.spec.marks
        places = {"": marks.key(self.file, "layers")}
        for name in self.spec.variants:
            places[name] = marks.find("variants").key(self.file, name)
        return places

    def may_hide_errors(self, variant: str | None, harmless: tuple[str, ...]) -> bool:
        """Return whether errors of a variant or the text may hide others, as `harmless` cannot."""
        report = self.reports.get(variant)
        if report is None or not report.complete:
            return True
        return any(d.severity == "error" and d.code not in harmless for d in self.diagnostics)

    def diagnosed(self) -> Iterator[tuple[Diagnostic, str | None]]:
        """Yield each diagnostic with its variant; after edits, only errors and exceeded budgets.

        One about the text concerns every variant.
        """
        for diagnostic in self.diagnostics:
            if self.as_written or diagnostic.severity == "error":
                for variant in self.reports or (None,):
                    yield diagnostic, variant
        of_text = len(self.spec.diagnostics) if self.spec else 0  # they come first in each report
        for variant, report in self.reports.items():
            for diagnostic in report.diagnostics[of_text:]:
                if self.as_written or diagnostic.severity == "error" or diagnostic.code == "CNN302":
                    yield diagnostic, variant
            if self.as_written and report.ok:
                for note in guidelines(report):
                    yield note, variant

    def case(self, diagnostic: Diagnostic, variant: str | None) -> Case | None:
        """Return what the search for repairs needs for a wrong shape; None for other findings."""
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
        """Return a fix of this revision as a fix of the text as written; None if impossible."""
        edits = [self.text.original_edit(edit) for edit in fix.edits]
        return fix._replace(edits=tuple(edit for edit in edits if edit)) if all(edits) else None

    def original_fixes(self, fixes: Iterable[Fix]) -> list[Fix]:
        """Return the fixes that can be made in the text as written."""
        return [fix for fix in map(self.original_fix, fixes) if fix]


def _networks(spec: Spec) -> list[str | None]:
    """Return the members of the family, and also the base if its requirements are its own.

    A variant that changes nothing is the base under another name. But the budget at the top level
    applies only to the base, and a variant may expect other shapes.
    """
    variants = (spec.document.variants or {}).values()
    expects = any(own is not None and not own.params and own.expect for own in variants)
    if None not in spec.members and (spec.document.budget or expects):
        return [None, *spec.members]
    return spec.members


def _written_out(graph: Graph) -> int:
    """Return how many layers a graph without nodes took to write out."""
    return MAX_LAYERS if _has_code(graph.diagnostics, "CNN004") else 0


def _too_many_layers(spec: Spec, variant: str | None) -> Diagnostic:
    return Diagnostic(
        "CNN004",
        f"the variants have more than {_MOST_LAYERS:,} layers in total; "
        f"`{variant}` and the variants after it are not checked",
        spec.marks.find("variants").key(spec.file, variant or ""),
        help="check them one by one: `file.yaml#variant`, or split the file",
    )


def _has_code(diagnostics: Iterable[Diagnostic], code: str) -> bool:
    return any(diagnostic.code == code for diagnostic in diagnostics)


def _fault_of(diagnostic: Diagnostic, faults: Iterable[Fault]) -> Fault | None:
    """Return the fault that a diagnostic reports: the first with its code at its place."""
    wanted = (diagnostic.code, diagnostic.position)
    for fault in faults:
        if (fault.diagnostic.code, fault.diagnostic.position) == wanted:
            return fault
    return None
