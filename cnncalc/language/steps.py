"""What a list of layers is read into: steps and blocks, as written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ..diagnostic import Diagnostic, Position
from ..num import Shape
from ..ops.base import Op
from .yaml_tree import Marks

if TYPE_CHECKING:
    from .expand import Scope

REQUIRED = object()  # the default of a parameter that must be given


class Step:
    """One layer as written: an operator, join, block or chain, with the graph's words beside it."""

    op: type[Op] | None = None
    ready: Op | None = None  # the operator, where its body holds no parameters
    branches: dict[str, list[Step]] | None = None
    sources: tuple[str, ...] | None = None  # a join of earlier layers
    layers: list[Step] | None = None
    source: str | None = None  # from
    repeat: Any = None
    each: list[dict[str, Any]] | None = None
    when: Any = None
    expect: Any = None
    share: str | None = None

    def __init__(self, key: str, name: str, marks: Marks, place: Position):
        self.kind: Literal["op", "join", "block", "chain", "fault"] = (
            "op"  # fault: wrong in itself, which is reported
        )
        self.key, self.name, self.marks, self.place = (
            key,
            name,
            marks,
            place,
        )  # the place is that of the key
        self.body: dict[str, Any] = {}
        self.body_marks = marks.find(key)

    @classmethod
    def faulty(cls, marks: Marks, file: str) -> Step:
        """What could not be read as a layer."""
        step = cls("", "", marks, marks.position(file))
        step.kind = "fault"
        return step


class BlockSteps:
    """A block as written; `params` holds prepared defaults, or REQUIRED."""

    def __init__(self, name: str, marks: Marks):
        self.name, self.marks = name, marks
        self.params: dict[str, Any] = {}
        self.layers: list[Step] = []
        self.uses: set[str] = set()

    @property
    def main(self) -> str | None:
        """The first required parameter, which a bare value sets."""
        return next((name for name, default in self.params.items() if default is REQUIRED), None)


class Fault(NamedTuple):
    """A layer whose inputs do not suit it, or whose output is not as expected: where it was written, and what came in."""

    diagnostic: Diagnostic
    step: Step
    scope: Scope
    path: str
    inputs: tuple[int, ...]  # the nodes that came in
    op: Op | None  # none of a block or chain
    wanted: Shape | None = (
        None  # what was expected of the one input, which is the layer's own output
    )
