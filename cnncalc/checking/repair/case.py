"""Defines a finding to repair, and a candidate: edits that may repair it, with a title."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ...diagnostic import Diagnostic
from ...graph import Graph
from ...language.limits import MAX_LAYERS
from ...language.scope import Expansion, Fault
from ...language.spec import Spec
from ...num import Shape
from . import yaml_edits as e
from .edited_text import EditedText

FAR = 12  # most layers to search backward from a fault


class Candidate(NamedTuple):
    """Edits that may repair a finding."""

    title: str
    edits: e.Edits
    shape: bool = True  # the title is followed by the resulting shape
    plain: bool = False  # if it works, no other candidate is tried
    restates: bool = False  # it changes what is expected, not the network
    resizes: bool = False  # it changes the input, so that all sizes change
    drops: bool = False  # it removes a layer


class Rank(NamedTuple):
    """How wrong a network is; a network with a smaller rank is better."""

    incomplete: bool  # its shapes are not known up to its end
    errors: int

    @classmethod
    def of(cls, graph: Graph) -> Rank:
        """Return the rank of a network."""
        return cls(not graph.outputs, error_count(graph.diagnostics))


def error_count(diagnostics: Iterable[Diagnostic]) -> int:
    """Return how many diagnostics are errors."""
    return sum(d.severity == "error" for d in diagnostics)


def reading_cost(text: EditedText, layers: int) -> int:
    """Return the work to check a text, in characters; a layer takes as long as 60 of them."""
    return 1000 + len(text.text) + 60 * layers


def expanded_layers(graph: Graph) -> int:
    """Return how many layers were expanded; a graph of too many keeps none of them."""
    if any(d.code == "CNN004" for d in graph.diagnostics):
        return MAX_LAYERS
    return len(graph.nodes)


class Case(NamedTuple):
    """A finding to repair, in the text of a spec, for one variant."""

    text: EditedText
    spec: Spec
    variant: str | None
    expansion: Expansion
    fault: Fault
    beside: tuple[tuple[str | None, Rank], ...] = ()  # variants that a repair must not make worse

    @property
    def graph(self) -> Graph:
        """The network, as far as it is right."""
        return self.expansion.graph

    @property
    def shapes(self) -> list[Shape]:
        """The shapes of the layer's inputs."""
        return [self.graph.nodes[n].shape for n in self.fault.inputs]

    def setting(self, field: str, value: Any, n: int | None = None) -> e.Edits:
        """Return edits that set a field of the layer itself, or of node n."""
        own = (self.fault.step, self.fault.scope)
        source = own if n is None else self.expansion.written[n]
        if source is None:
            return None
        return e.setting(self.text, self.spec, self.variant, *source, field, value)
