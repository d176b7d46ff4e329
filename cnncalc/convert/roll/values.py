"""Finds for the values of a block's members what its text says: literals, expressions, parameters.

A column is the value in each member; it is ABSENT in those that lack the item.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from .names import is_telling, parameter_name
from .parts import ABSENT, COUNT, Arg, Block, Item, Text, same
from .quantities import quantity_of
from .relations import related, window_relations

Column = list[Any]
_GENERIC = ("out", "width", "hidden", "squeezed")  # numbers of channels
_MOST_GENERIC = 2
_USUAL = {"stride": 1, "dilation": 1, "padding": 0}  # by what a parameter counts


class Known(NamedTuple):
    """An expression that the text has already, with its value in each member."""

    text: Text
    column: Column
    quantity: str


class Values:
    """Fills in the values, parameters and defaults of one block."""

    def __init__(self, block: Block, taken: Iterable[str], detailed: bool = False):
        self._block = block
        self._taken = taken  # names of blocks
        self._detailed = detailed  # whether parameters are named after branches
        self.channels: Column = [member.channels for member in block.members]
        self.results: Column = [member.result for member in block.members]
        self.known: list[Known] = []  # expressions, not parameters
        self.lacking: dict[str, list[bool]] = {}  # by parameter: the members that have no use of it

    def fill(self) -> None:
        """Fill in all items, those first that leave least to chance.

        These are the ones that every member has; then values that differ among the others.
        """
        block = self._block
        columns = {}
        for k, item in enumerate(block.items):
            for arg in sorted(item.args, key=lambda arg: arg.name == "padding"):
                columns[k, arg] = block.column(k, arg)
        optional = block.optional
        later = [place for place in columns if place[0] in optional]
        constant = [place for place in later if _is_constant(columns[place])]
        first = [place for place in columns if place[0] not in optional]
        for k, arg in [*first, *(place for place in later if place not in constant), *constant]:
            block.values[k, arg] = self._value(columns[k, arg], arg, block.items[k], k)

    def parameters(self) -> list[Known]:
        """Return the parameters as expressions."""
        block = self._block
        return [
            Known(Text(name), column, block.quantities[name])
            for name, column in block.params.items()
        ]

    def _value(self, column: Column, arg: Arg, item: Item, k: int) -> Any:
        there = [value for value in column if value is not ABSENT]
        if not there:
            return ABSENT
        first = Arg(arg.name, "first")
        if arg.copies == "rest" and fits(column, self._block.column(k, first)):
            return self._block.values[k, first]
        if all(same(value, there[0]) for value in there) and not (arg == COUNT and self._is_stage):
            chosen = self._chosen(column, there[0], arg, item)
            return there[0] if chosen is None else chosen
        quantity = quantity_of(item, arg)
        if all(type(value) is int for value in there):
            return self._integer(column, quantity, arg, item, k)
        lengths = {len(value) for value in there if isinstance(value, tuple)}
        if len(lengths) == 1 and all(isinstance(value, tuple) for value in there):
            return self._entries(column, lengths.pop(), arg, item, k)
        found = self._parameter(column, quantity)
        return found or self.new(arg.name, column, quantity)

    @property
    def _is_stage(self) -> bool:
        """Whether the block is a run and no more: then its depth and channels are parameters."""
        block = self._block
        return len(block.items) == 1 and block.items[0].repeated and not block.is_root

    def _chosen(self, column: Column, value: Any, arg: Arg, item: Item) -> Text | None:
        """Return a parameter for the one value of an item that some members lack.

        A literal would be right by accident, unless it is what the field is by default.
        """
        defaults = item.defaults
        if ABSENT not in column or type(value) is not int or same(value, defaults.get(arg.name)):
            return None
        return self._parameter(column, quantity_of(item, arg))

    def _entries(self, column: Column, length: int, arg: Arg, item: Item, k: int) -> Any:
        """Return a list whose entries are found one by one."""
        entries = []
        for n in range(length):
            part = [value if value is ABSENT else value[n] for value in column]
            entries.append(self._value(part, arg, item, k))
        return tuple(entries)

    def _integer(self, column: Column, quantity: str, arg: Arg, item: Item, k: int) -> Text:
        found = self._parameter(column, quantity)
        if found:
            return found
        for text, other, of in self.known:
            if of == quantity and holds(column, other):
                return text
        if quantity == "padding":
            for relation, other in window_relations(self._block, k):
                if holds(column, other):
                    return self._kept(relation, other, quantity)
        if quantity == "channels":
            return self._channels(column, arg, item, k)
        return self.new(arg.name or "depth", column, quantity)

    def _channels(self, column: Column, arg: Arg, item: Item, k: int) -> Text:
        named = [] if self._is_stage else [("c", self.channels)]
        named += [(p.text, p.column) for p in self.parameters() if p.quantity == "channels"]
        text = related(column, named)
        if text is not None:
            return self._kept(text[0], text[1], "channels")
        ratios = ratios_of(column, self.channels)
        if (
            ratios
            and not self._is_stage
            and arg.name != "groups"
            and not holds(column, self.results)
        ):
            name = self.new("expand", ratios, "ratio")
            return self._kept(f"{name} * c", column, "channels")
        return self.new(self._channels_name(column, arg, item), column, "channels")

    def _channels_name(self, column: Column, arg: Arg, item: Item) -> str:
        if arg.name not in _GENERIC and arg.name not in self._branch_names():
            return arg.name
        if holds(column, self.results):
            return "out"
        if self._detailed:
            label = item.label.partition(".")[0]
            return item.branch or (label if is_telling(label) else "") or arg.name
        return "hidden" if self.results == self.channels else "width"

    def _branch_names(self) -> set[str]:
        return {item.branch for item in self._block.items}

    def _parameter(self, column: Column, quantity: str) -> Text | None:
        """Return a parameter that has these values, and fill it in where it had none."""
        block = self._block
        for name, other in block.params.items():
            if block.quantities[name] == quantity and fits(column, other):
                block.params[name] = [b if a is ABSENT else a for a, b in zip(column, other)]
                return Text(name)
        return None

    def new(self, base: str, column: Column, quantity: str) -> Text:
        """Make a parameter for a column."""
        name = parameter_name(base, {*self._block.params, *self._taken})
        self._block.params[name] = column
        self._block.quantities[name] = quantity
        return Text(name)

    def _kept(self, text: str, column: Column, quantity: str) -> Text:
        found = Text(text)
        self.known.append(Known(found, column, quantity))
        return found

    def complete(self) -> None:
        """Give the parameters values, and defaults, where members lack what they are for.

        A step of one and a factor of one change nothing.
        """
        block = self._block
        for name, column in block.params.items():
            self.lacking[name] = [value is ABSENT for value in column]
            there = [value for value in column if value is not ABSENT]
            default = self._default(name, there)
            if default is not ABSENT:
                block.defaults[name] = default
            neutral = block.quantities[name] in ("stride", "ratio")
            filling = 1 if neutral else usual_of(there)
            block.params[name] = [filling if value is ABSENT else value for value in column]

    def finish(self) -> None:
        """Give every member its arguments, and the parameters their order."""
        block = self._block
        for name, column in block.params.items():
            default = self._default(name, column)
            if name not in block.defaults and default is not ABSENT:
                block.defaults[name] = default
        order = sorted(block.params, key=self._rank)
        block.params = {name: block.params[name] for name in order}
        for n, member in enumerate(block.members):
            member.arguments = {name: column[n] for name, column in block.params.items()}

    def _rank(self, name: str) -> tuple[bool, bool, bool]:
        """Return the order of a parameter: required ones come first, and channels before others."""
        is_channels = self._block.quantities[name] == "channels" and name != "groups"
        return name in self._block.defaults, name != "out", not is_channels

    def _default(self, name: str, there: Column) -> Any:
        """Return the default of a parameter, or ABSENT if a person would always give it."""
        quantity = self._block.quantities[name]
        if name == "groups":
            return 1
        if quantity in ("channels", "count"):
            return ABSENT
        usual = usual_of(there)
        plain = _USUAL.get(quantity)
        if plain is not None and any(same(value, plain) for value in there):
            return plain
        often = 3 * sum(same(value, usual) for value in there) > len(there)
        return usual if often or isinstance(usual, bool) or quantity == "flag" else ABSENT


def fill_values(
    block: Block, conditions: Callable[[Values, Block], None], taken: Iterable[str]
) -> None:
    """Fill in the text of a block; its parameters do not get names that are taken."""
    for detailed in (False, True):
        block.params, block.quantities, block.defaults = {}, {}, {}
        block.values, block.whens = {}, {}
        values = Values(block, taken, detailed)
        values.fill()
        generic = [name for name in block.params if name.rstrip("0123456789_") in _GENERIC]
        if len(generic) <= _MOST_GENERIC or detailed:
            break
    values.complete()
    conditions(values, block)
    values.finish()


def _is_constant(column: Column) -> bool:
    there = [value for value in column if value is not ABSENT]
    return all(same(value, there[0]) for value in there)


def holds(column: Column, other: Sequence[Any]) -> bool:
    """Return whether a column has the values of another one wherever it has any."""
    return all(a is ABSENT or b is not ABSENT and same(a, b) for a, b in zip(column, other))


def fits(column: Column, other: Sequence[Any]) -> bool:
    """Return whether two columns are equal where both have values, and somewhere both have."""
    both = [(a, b) for a, b in zip(column, other) if a is not ABSENT and b is not ABSENT]
    return bool(both) and all(same(a, b) for a, b in both)


def ratios_of(column: Column, channels: Sequence[int]) -> Column | None:
    """Return the multiples of the channels that a column holds, if they are fewer than these."""
    ratios: Column = []
    for value, c in zip(column, channels):
        if value is not ABSENT and value % c:
            return None
        ratios.append(value if value is ABSENT else value // c)
    few = {r for r in ratios if r is not ABSENT}
    return ratios if len(few) < len({v for v in column if v is not ABSENT}) else None


def usual_of(values: Sequence[Any]) -> Any:
    """Return the value that occurs most often."""
    usual = Counter(map(repr, values)).most_common(1)[0][0]
    return next(value for value in values if repr(value) == usual)
