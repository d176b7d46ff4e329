"""A text as written, or with repairs put in: its networks, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator

from ...analysis.analyze import analyze
from ...analysis.rows import Report
from ...analysis.zoo import members
from ...diagnostic import Diagnostic, Fix, Mistake, Position
from ...language.load import from_text
from ...language.spec import Spec
from ...language.steps import Fault
from ..guidelines import guidelines
from .case import Case
from .edited_text import Text
from .trial import faulty

BESIDE, FEW_LAYERS = 8, 2000  # other variants that a repair is tried on, if they are small
MOST_LAYERS = 30_000  # of all variants of a file together


class Version:
    """One version of a file."""

    def __init__(self, text: Text, file: str, variant: str | None):
        self.text, self.file = text, file
        self.reports: dict[str | None, Report] = {}
        self.spec: Spec | None = None
        self.layers = 0  # of all variants
        self.faults: dict[str | None, dict[tuple[str, str], Fault]] = {}
        try:
            self.spec = from_text(text.text, file)
            self.diagnostics = list(self.spec.diagnostics)
        except Mistake as mistake:
            self.diagnostics = list(mistake.diagnostics)
            return
        for name in [variant] if variant is not None else members(self.spec):
            if self.layers > MOST_LAYERS:
                self.diagnostics.append(
                    Diagnostic(
                        "CNN004",
                        f"the variants have more than {MOST_LAYERS:,} layers in all; those from `{name}` on are not checked",
                        self.spec.marks.find("variants").key(file, name or ""),
                        help="check them one by one: `file.yaml#variant`, or split the file",
                    )
                )
                break
            self.reports[name] = analyze(self.spec, name)
            self.layers += len(self.reports[name].graph.nodes)

    @property
    def as_written(self) -> bool:
        """Whether nothing was put in."""
        return self.text.before is None

    def places(self) -> dict[str, Position]:
        """Where each variant is declared; the network itself where its layers begin."""
        if self.spec is None:
            return {}
        marks = self.spec.marks
        return {
            "": marks.key(self.file, "layers"),
            **{name: marks.find("variants").key(self.file, name) for name in self.spec.variants},
        }

    def blocked(self, variant: str | None, harmless: tuple[str, ...]) -> bool:
        """Whether something may be hidden behind what is wrong with a variant, or with the text, harmless codes apart."""
        report = self.reports.get(variant)
        return (
            report is None
            or not report.complete
            or any(d.severity == "error" and d.code not in harmless for d in self.diagnostics)
        )

    def wrong(self) -> Iterator[tuple[Diagnostic, str | None]]:
        """Each diagnostic with its variant. Of a text with repairs, errors and budgets alone."""
        for diagnostic in self.diagnostics:
            if self.as_written or diagnostic.severity == "error":
                yield diagnostic, None
        for variant, report in self.reports.items():
            for diagnostic in report.diagnostics[
                len(self.spec.diagnostics) if self.spec else 0 :
            ]:  # those of the text come first
                if self.as_written or diagnostic.severity == "error" or diagnostic.code == "CNN302":
                    yield diagnostic, variant
            if self.as_written and report.ok:
                yield from ((note, variant) for note in guidelines(report))

    def case(self, diagnostic: Diagnostic, variant: str | None) -> Case | None:
        """What a search of repairs needs to know of a fault in a shape; None of other findings."""
        report = self.reports.get(variant)
        if report is None or self.spec is None:
            return None
        if variant not in self.faults:
            self.faults[variant] = {
                (fault.diagnostic.code, fault.diagnostic.message): fault
                for fault in reversed(report.graph.faults)
            }
        fault = self.faults[variant].get((diagnostic.code, diagnostic.message))
        others = (
            [name for name in self.reports if name != variant][:BESIDE]
            if self.layers < FEW_LAYERS
            else []
        )
        beside = tuple((name, faulty(self.reports[name].graph)) for name in others)
        return (
            Case(
                self.text,
                self.spec,
                variant,
                report.graph,
                fault._replace(diagnostic=diagnostic),
                beside,
            )
            if fault
            else None
        )

    def original(self, fix: Fix) -> Fix | None:
        """A fix of this version as one of the text as written, if it can be made there."""
        edits = [self.text.original_edit(edit) for edit in fix.edits]
        return fix._replace(edits=tuple(edit for edit in edits if edit)) if all(edits) else None
