"""Defines what is found in a graph: items of lists, the blocks they call, the members of blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, NamedTuple

from ...ops import BY_KEY
from .tree import Scope

Source = int  # what an item reads: item n of its list, or ~k for input k of the list


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Any = _Absent()  # the value of an argument in a member that lacks the item


class Text(str):
    """An expression, as it is written in a spec."""


class Arg(NamedTuple):
    """An argument of an item: a field of an operator, or a parameter of a block.

    `copies` says which copies of a repeated call have it: all, the first or the rest. The number of
    copies is an argument without a name.
    """

    name: str
    copies: str = "all"


COUNT = Arg("", "count")


class Words(NamedTuple):
    """The words beside an item."""

    share: Source | None = None
    freeze: bool = False
    checkpoint: bool = False


class Item:
    """A step of a list: an operator, or a call of a block, which may be repeated."""

    __slots__ = (
        "args",
        "branch",
        "called",
        "carriers",
        "chain",
        "grows",
        "join",
        "key",
        "label",
        "node",
        "sources",
        "starred",
        "words",
    )

    def __init__(
        self,
        key: str,
        args: dict[Arg, Any],
        sources: tuple[Source, ...],
        node: int,
        label: str,
        words: Words = Words(),
        *,
        called: Block | None = None,
        join: bool = False,
        carriers: tuple[str, ...] = (),
        branch: str = "",
    ):
        self.key = key  # of the operator; empty for a call
        self.args = args
        self.sources = sources
        self.node = node  # whose value is the result
        self.label = label  # its path in the module around it
        self.words = words
        self.called = called
        self.join = join
        self.carriers = carriers  # the fields of the operator that name its further sources
        self.branch = branch  # the name of the branch that it is in
        self.chain = 0  # how many items, from this one on, are repeated together
        self.grows = False  # it also joins what all copies of its chain before this one return
        self.starred: tuple[int, ...] = ()  # the sources that stand for all copies of a row

    def read_from(self, sources: tuple[Source, ...]) -> Item:
        """Return the same step with other sources."""
        found = copy(self)
        found.sources = sources
        return found

    @property
    def repeated(self) -> bool:
        """Whether it is repeated."""
        return COUNT in self.args

    @property
    def defaults(self) -> Mapping[str, Any]:
        """The defaults of its fields or parameters."""
        if self.called is not None:
            return self.called.defaults
        return {key: field.default for key, field in BY_KEY[self.key].fields().items()}

    @property
    def word(self) -> str:
        """The word in a spec: the operator or the block."""
        return self.key if self.called is None else self.called.name

    @property
    def form(self) -> tuple[Any, ...]:
        """What must be equal for two items to be one step with other values."""
        called = id(self.called) if self.called is not None else self.key
        freeze, checkpoint = self.words.freeze, self.words.checkpoint
        row = self.chain, self.grows, self.starred
        return called, tuple(self.args), self.carriers, len(self.sources), freeze, checkpoint, *row


class Member:
    """A stretch of the network that one list of items describes."""

    __slots__ = ("arguments", "channels", "items", "places", "read", "result", "scope")

    def __init__(
        self,
        scope: Scope,
        items: list[Item],
        read: Sequence[int],
        channels: int,
        result: int,
    ):
        self.scope = scope
        self.items = items
        self.read = tuple(read)  # the nodes of its inputs
        self.channels = channels  # of its first input
        self.result = result  # the channels of its result
        self.places: list[int | None] = list(range(len(items)))  # its item for each of the block's
        self.arguments: dict[str, Any] = {}  # the values of the block's parameters


class Block:
    """Items that several members have in common, up to values."""

    def __init__(self, items: list[Item], members: list[Member]):
        self.items = items
        self.members = members
        self.name = ""
        self.params: dict[str, list[Any]] = {}  # the value in each member
        self.quantities: dict[str, str] = {}  # what the parameters count
        self.defaults: dict[str, Any] = {}
        self.layer_params: list[str] = []  # names of the inputs after the first
        self.values: dict[tuple[int, Arg], Any] = {}  # literals or Text, by item and argument
        self.whens: dict[int, Text] = {}  # the conditions of optional items
        self.is_root = False

    @property
    def optional(self) -> set[int]:
        """The items that some members lack."""
        return {k for k in range(len(self.items)) if any(m.places[k] is None for m in self.members)}

    def column(self, k: int, arg: Arg) -> list[Any]:
        """Return the value of an argument of item k in each member."""
        values = []
        for member in self.members:
            place = member.places[k]
            values.append(ABSENT if place is None else member.items[place].args[arg])
        return values

    @property
    def main(self) -> str | None:
        """The first required parameter, which a bare value sets."""
        if self.layer_params:
            return self.layer_params[0]
        return next((name for name in self.params if name not in self.defaults), None)


def same(a: Any, b: Any) -> bool:
    """Return whether two values are equal and of one type: 1 is not true."""
    return type(a) is type(b) and bool(a == b)
