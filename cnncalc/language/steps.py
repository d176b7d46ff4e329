"""Defines steps and blocks: layers as written, after reading."""

from __future__ import annotations

from typing import Any, Literal

from ..diagnostic import Position
from ..ops.base import Op
from .yaml_tree import Marks

REQUIRED = object()  # the default of a parameter that must be given


class Step:
    """One layer as written: an operator, join, block or chain, with the graph's words beside it.

    A step of kind `fault` could not be read, which is reported at once.
    """

    kind: Literal["op", "join", "block", "chain", "fault"] = "op"
    op: type[Op] | None = None
    ready: Op | None = None  # the operator, if its body has no parameters
    branches: dict[str, list[Step]] | None = None
    sources: tuple[str, ...] | None = None  # the names that a join of earlier layers lists
    layers: list[Step] | None = None
    source: str | None = None  # the value of `from`
    repeat: Any = None
    each: list[dict[str, Any]] | None = None
    when: Any = None
    expect: Any = None
    share: str | None = None
    freeze: Any = None
    checkpoint: Any = None

    def __init__(self, key: str, name: str, marks: Marks, place: Position):
        self.key, self.name, self.marks = key, name, marks
        self.place = place  # of the key
        self.body: dict[str, Any] = {}
        self.body_marks = marks.find(key)

    @classmethod
    def faulty(cls, marks: Marks, file: str) -> Step:
        """Return a step for an item that could not be read as a layer."""
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
        """The first required parameter, which a bare value sets; None if there is none."""
        return next((name for name, default in self.params.items() if default is REQUIRED), None)
