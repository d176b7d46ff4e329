"""A finding to be mended, and what may be tried: a candidate is edits with words for them."""

from __future__ import annotations

from typing import Any, NamedTuple

from ...graph import Graph
from ...language.spec import Spec
from ...language.steps import Fault
from ...num import Shape
from . import yaml_edits as e
from .edited_text import Text

FAR = 12  # layers that are looked through on the way back from a fault


class Candidate(NamedTuple):
    """Edits that may mend a finding. `shape`: whether to tell the shape that comes of them; `plain`: nothing else is worth trying if they do."""

    title: str
    edits: e.Edits
    shape: bool = True
    plain: bool = False
    restates: bool = False  # it changes what is expected, not the network


class Case(NamedTuple):
    """A finding to be mended, in a text, for a variant."""

    text: Text
    spec: Spec
    variant: str | None
    graph: Graph
    fault: Fault
    beside: tuple[
        tuple[str | None, tuple[bool, int]], ...
    ] = ()  # other variants, and how wrong they are: a repair must not make them worse

    @property
    def shapes(self) -> list[Shape]:
        """Of what came into the layer."""
        return [self.graph.nodes[n].shape for n in self.fault.inputs]

    def setting(self, field: str, value: Any, n: int | None = None) -> e.Edits:
        """A field set, of the layer itself or of node n."""
        where = self.fault if n is None else self.graph.nodes[n]
        return (
            e.setting(self.text, self.spec, self.variant, where.step, where.scope, field, value)
            if where.step
            else None
        )
