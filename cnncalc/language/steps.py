"""What a list of layers is read into: steps and blocks, as written."""

from __future__ import annotations

from typing import Any, Literal

from ..diagnostic import Position
from ..ops.base import Op
from .yaml_tree import Marks

REQUIRED = object()  # the default of a parameter that must be given


class Step:
    """One layer as written: an operator, join, block or chain, with the graph's words beside it.

    A step of kind `fault` is wrong in itself, which is reported when it is read.
    """

    kind: Literal["op", "join", "block", "chain", "fault"] = "op"
    op: type[Op] | None = None
    ready: Op | None = None  # the operator, if its body holds no parameters
    branches: dict[str, list[Step]] | None = None
    sources: tuple[str, ...] | None = None  # the names that a join of earlier layers lists
    layers: list[Step] | None = None
    source: str | None = None  # from
    repeat: Any = None
    each: list[dict[str, Any]] | None = None
    when: Any = None
    expect: Any = None
    share: str | None = None

    def __init__(self, key: str, name: str, marks: Marks, place: Position):
        self.key, self.name, self.marks = key, name, marks
        self.place = place  # of the key
        self.body: dict[str, Any] = {}
        self.body_marks = marks.find(key)

    @classmethod
    def faulty(cls, marks: Marks, file: str) -> Step:
        """A step for what could not be read as a layer."""
        step = cls("", "", marks, marks.position(file))
        step.kind = "fault"
        return step


class BlockSteps:
    """A block as written."""

    def __init__(self, name: str, marks: Marks):
        self.name, self.marks = name, marks
        self.params: dict[str, Any] = {}  # prepared defaults, or REQUIRED
        self.layers: list[Step] = []
        self.uses: set[str] = set()  # names of blocks

    @property
    def main(self) -> str | None:
        """The first required parameter, which a bare value sets."""
        return next((name for name, default in self.params.items() if default is REQUIRED), None)
