"""Holds what is known of one text of a spec: the spec, and the network of it that is shown."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from ..analysis.analyze import Settings, report_of
from ..analysis.result import Report
from ..checking.finding import Finding
from ..checking.guidelines import guidelines
from ..checking.repair.search import Examined
from ..diagnostic import Diagnostic, Mistake, Position, internal_fault
from ..graph import Graph
from ..language.load import from_text
from ..language.scope import Expansion
from ..language.spec import Spec
from .names import Names
from .places import Places
from .uses import LayerUse, Uses

MOST_ROWS = 1200  # layers of a network whose figures are shown while one types
MOST_SHAPES = 6000  # layers of a network whose shapes are shown


class View:
    """One text of a spec, and the network that is shown.

    Attributes:
        text: the text.
        file: what messages call it.
        version: the editor's number of the text.
        spec: the spec; None if the text cannot be read as one.
        faults: why it cannot.
        variant: the network that is shown; None for the base.
        chosen: for blocks, which of their uses is shown, from 0.
        encoding: that in which the editor counts columns.
        left_out: lines of the editor's text that are empty in this one, by number from 0.
    """

    def __init__(
        self,
        text: str,
        file: str,
        version: int | None = None,
        variant: str | None = None,
        chosen: Mapping[str, int] | None = None,
        encoding: str = "utf-16",
    ):
        self.text, self.file, self.version, self.encoding = text, file, version, encoding
        self.chosen = dict(chosen or {})
        self.spec: Spec | None = None
        self.faults: tuple[Diagnostic, ...] = ()
        self.left_out: dict[int, str] = {}
        self.variant: str | None = None
        self._graphs: dict[str | None, Graph] = {}
        self._diagnostics: dict[str | None, list[Diagnostic]] = {}
        try:
            spec = from_text(text, file)
        except Mistake as mistake:
            self.faults = mistake.diagnostics
            return
        except Exception as error:
            self.faults = (internal_fault(error, Position(file, 1, 1)),)
            return
        self.spec = spec
        self.variant = variant if variant in spec.variants else None

    @cached_property
    def expansion(self) -> Expansion:
        """The network that is shown, with the source of every layer."""
        return self.spec.expansion(self.variant) if self.spec is not None else Expansion()

    @cached_property
    def places(self) -> Places:
        """The places of the text."""
        return Places(self.text, self.encoding)

    @property
    def names_shown(self) -> set[str | None]:
        """The network that is shown; if that is the base, also the variants that are the base."""
        if self.spec is None or self.variant is not None:
            return {self.variant}
        variants = self.spec.document.variants or {}
        return {None, *(name for name, own in variants.items() if own is None or not own.params)}

    @property
    def is_sound(self) -> bool:
        """Whether the text itself has no error, so that every layer as written is known."""
        return self.spec is not None and self.spec.ok

    @property
    def has_figures(self) -> bool:
        """Whether the network is small enough to show more than shapes while one types."""
        return len(self.expansion.graph.nodes) <= MOST_ROWS

    @cached_property
    def report(self) -> Report | None:
        """The figures of the network that is shown; None if the text cannot be read."""
        if self.spec is None:
            return None
        return report_of(self.spec, self.variant, self.expansion.graph, Settings())

    @cached_property
    def uses(self) -> Uses | None:
        """The layers of the network, by where they are written."""
        return Uses(self.spec, self.expansion.graph) if self.spec is not None else None

    @cached_property
    def shown(self) -> list[LayerUse]:
        """Each layer as written, with the use of it that is shown."""
        return self.uses.shown(self.chosen) if self.uses is not None else []

    @cached_property
    def names(self) -> Names | None:
        """The names of layers, blocks, parameters and variants, where they are written."""
        return Names(self.spec, self.places) if self.spec is not None else None

    def graph_of(self, variant: str | None) -> Graph:
        """Return the network of a variant."""
        assert self.spec is not None
        if variant == self.variant:
            return self.expansion.graph
        if variant not in self._graphs:
            self._graphs[variant] = self.spec.graph(variant)
        return self._graphs[variant]

    def diagnostics_of(self, variant: str | None) -> list[Diagnostic]:
        """Return what is wrong with a network, as far as its size allows."""
        if variant not in self._diagnostics:
            self._diagnostics[variant] = self._diagnosed(variant)
        return self._diagnostics[variant]

    def _diagnosed(self, variant: str | None) -> list[Diagnostic]:
        assert self.spec is not None
        graph = self.graph_of(variant)
        if len(graph.nodes) > MOST_ROWS:
            return [*self.spec.diagnostics, *graph.diagnostics]
        is_shown = variant == self.variant and self.report is not None
        report = self.report if is_shown else report_of(self.spec, variant, graph, Settings())
        assert report is not None
        return [*report.diagnostics, *(guidelines(report) if report.ok else ())]

    def examined(self) -> Examined:
        """Return what is wrong with the text and the network that is shown, without repairs."""
        if self.spec is None:
            return Examined([Finding(found) for found in self.faults], {}, [], {})
        findings: dict[Diagnostic, Finding] = {}
        for diagnostic in self.diagnostics_of(self.variant):
            findings.setdefault(diagnostic, Finding(diagnostic, (self.variant,)))
        ordered = sorted(findings.values(), key=lambda finding: finding.place)
        return Examined(ordered, {}, [], {})
