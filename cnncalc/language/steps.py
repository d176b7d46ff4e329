"""Defines steps and blocks: layers as written, after reading."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal, NamedTuple

from ..diagnostic import BlockUse, Position
from ..ops.base import Op
from .yaml_tree import Marks

EVERY_COPY = ".*"  # after the name of a repeated layer
REQUIRED = object()  # the default of a parameter that must be given


class Chosen(NamedTuple):
    """One of two names: `left if condition else right`."""

    left: LayerName
    condition: Any  # a prepared value
    right: LayerName


class Numbered(NamedTuple):
    """A name with the numbers of copies in brackets, `stage[i - 1].conv1`."""

    copies: tuple[tuple[str, Any], ...]  # what stands before each bracket, and its prepared value
    rest: str  # what stands after the last bracket


LayerName = str | Chosen | Numbered


class Step:
    """One layer as written: an operator, join, block or chain, with the graph's words beside it.

    A branch of a join is a chain: it has layers, or only the name of an earlier layer. A step of
    kind `fault` could not be read, which is reported at once.
    """

    kind: Literal["op", "join", "block", "chain", "fault"] = "op"
    op: type[Op] | None = None
    ready: Op | None = None  # the operator, if its body has no parameters
    branches: Sequence[Step] = ()  # of a join
    layers: list[Step] | None = None
    source: LayerName | None = None  # the value of `from`
    repeat: Any = None
    counter = "i"  # the name by which expressions know the number of a copy
    each: list[dict[str, Any]] | None = None
    when: Any = None
    expect: Any = None
    share: LayerName | None = None
    freeze: Any = None
    checkpoint: Any = None

    def __init__(self, key: str, name: str, marks: Marks, place: Position):
        self.key, self.name, self.marks = key, name, marks
        self.place = place  # of the key
        self.body: dict[str, Any] = {}
        self.body_marks = marks.find(key)

    @cached_property
    def use(self) -> BlockUse:
        """The use of a block that this is, for messages about the layers in it."""
        return BlockUse(self.key, self.place)

    @property
    def is_name(self) -> bool:
        """Whether this is a branch that is an earlier layer, and nothing else."""
        return self.source is not None and self.layers is None

    @property
    def is_many(self) -> bool:
        """Whether this is a branch that names every copy of a repeated layer."""
        return isinstance(self.source, str) and EVERY_COPY in self.source

    @property
    def begins_at(self) -> Step | None:
        """Of a branch, what has the `from` that it begins with: itself, or its first layer."""
        first = self.layers[0] if self.source is None and self.layers else self
        return None if first.source is None else first

    @property
    def fixed_branches(self) -> Sequence[Step]:
        """The branches of a join, if each of them is one of its inputs whatever the parameters."""
        fixed = all(branch.is_single and not branch.is_many for branch in self.branches)
        return self.branches if fixed else ()

    @property
    def is_repeated(self) -> bool:
        """Whether this may have several copies."""
        return self.repeat is not None or self.each is not None

    @property
    def is_single(self) -> bool:
        """Whether this is always there, and once."""
        return not self.is_repeated and self.when is None

    @property
    def reads_previous(self) -> bool:
        """Whether this reads the layer before it."""
        starts = [branch.begins_at is None for branch in self.branches] or [True]
        return self.source is None and any(starts)

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
        self.reads: set[str] = set()  # names of values and layers that are written in it

    @property
    def main(self) -> str | None:
        """The first required parameter, which a bare value sets; None if there is none."""
        return next((name for name, default in self.params.items() if default is REQUIRED), None)
