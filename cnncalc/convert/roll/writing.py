"""Writes blocks and lists of items as the text of a spec."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from typing import Any

from ...graph import Graph
from ...language.layer_arguments import OF
from ...language.yaml_flow import in_yaml, quoted
from ...ops import BY_KEY
from ...ops.field_types import ARGUMENTS
from .branch_names import branch_names
from .branches import Branches, Joined
from .names import layer_name
from .parts import ABSENT, COUNT, Arg, Block, Source, Text, same
from .rolling import Found
from .yaml_values import first_or_rest, flow, yaml_value

_COLUMNS = 100
_FEWEST_ROWS, _FEWEST_CELLS, _MOST_CELLS = 5, 3, 5
_PLAIN = re.compile(r"[A-Za-z][\w .+-]*\Z")
Lines = list[str]


def text_of(found: Found, graph: Graph, name: str) -> str:
    """Write a spec: its head, its blocks and its layers."""
    shapes = {node.path: list(node.shape) for node in graph.inputs}
    given = shapes["input"] if list(shapes) == ["input"] else shapes
    title = name if _PLAIN.match(name) else quoted(name)
    lines = ["cnncalc: 1", f"name: {title}", f"input: {in_yaml(given)}"]
    taken: set[str] = set()
    if found.blocks:
        lines += ["", "blocks:"]
    for block in found.blocks:
        lines += _block_lines(block, taken)
    writer = ListWriter(found.top, taken, [*shapes], graph.outputs)
    layers = writer.lines(2)
    outputs: Lines = []
    if graph.outputs != (found.top.items[-1].node,):
        numbers = {item.node: n for n, item in enumerate(found.top.items)}
        numbers.update((n, ~n) for n in range(len(graph.inputs)))
        for n in graph.outputs:
            writer.name(numbers[n])
        layers = writer.lines(2)  # names may be others now
        names = ", ".join(writer.name(numbers[n]) for n in graph.outputs)
        outputs = [f"outputs: [{names}]"]
    return "\n".join([*lines, "", "layers:", *layers, *outputs, ""])


def _block_lines(block: Block, taken: set[str]) -> Lines:
    lines = [f"  {block.name}:"]
    params = [(name, "") for name in block.layer_params]
    for name in block.params:
        default = yaml_value(block.defaults[name]) if name in block.defaults else ""
        params.append((name, default))
    if params:
        lines.append(f"    params: {flow(params)}")
    writer = ListWriter(block, taken, ["input", *block.layer_params])
    return [*lines, "    layers:", *writer.lines(6)]


class ListWriter:
    """Writes the items of one block; what it calls layers that others read is in `taken`."""

    def __init__(
        self,
        block: Block,
        taken: set[str],
        inputs: Sequence[str],
        outputs: Sequence[int] = (),
    ):
        self._block = block
        self._inputs = inputs
        self._branches = Branches(block, frozenset(outputs))
        words = "|".join({item.word for item in block.items})
        self._automatic = re.compile(rf"(?:{words})_?\d+\Z")
        self._taken = taken
        self._before = frozenset(taken)
        # A called block would find its own layer first, were it called like one that it is given.
        calls = [item for item in block.items if item.called]
        self._given = {source for item in calls for source in item.sources[1:]}
        chains = [(n, item.chain) for n, item in enumerate(block.items) if item.chain]
        self._chain_ends = {n + count - 1: n for n, count in chains}
        self._names: dict[int, str] = {}
        self._wanted: dict[int, str] = {}  # the layers that have names, and what else to call them

    def name(self, source: Source, otherwise: str = "") -> str:
        """Return the name by which a layer or input is read; the layer then has it.

        One that has no name in the graph gets the other.
        """
        if source < 0:
            return self._inputs[~source]
        if source not in self._names:
            self._wanted[source] = otherwise
            reserved = {*self._block.params, *self._inputs, *self._names.values()}
            if source in self._given:
                reserved |= self._taken
            item = self._block.items[source]
            numbered = source not in self._chain_ends and not item.repeated
            word = layer_name(item, otherwise, reserved, self._automatic, numbered)
            self._names[source] = word
            self._taken.add(word)
        return self._names[source]

    def _name_in_order(self) -> None:
        """Name the layers once more, from the first to the last, so that numbers ascend."""
        self._taken -= {*self._names.values()} - self._before
        self._names.clear()
        for source, otherwise in sorted(self._wanted.items()):
            self.name(source, otherwise)

    def lines(self, indent: int) -> Lines:
        """Write the list; the second time it is known which layers have names."""
        items = range(len(self._block.items))
        self._list(items, ~0, indent, True)
        self._name_in_order()
        return self._list(items, ~0, indent, True)

    def _list(
        self, numbers: Sequence[int], current: Source, indent: int, in_list: bool = False
    ) -> Lines:
        joins: dict[int, Joined] = {}
        hidden: set[int] = set()
        for n in reversed(numbers):
            joined = self._branches.of(n)
            if n not in hidden and joined is not None:
                joins[n] = joined
                hidden.update(joined.inside)
        for n in numbers:
            hidden.update(range(n + 1, n + self._block.items[n].chain))
        written = [n for n in numbers if n not in hidden]
        lines: Lines = []
        for group in self._groups(written, joins) if in_list else ([n] for n in written):
            if self._is_table(group, current):
                lines += self._table(group, indent)
                current = group[-1]
                continue
            for n in group:
                if self._block.items[n].chain:
                    lines += self._chain(n, current, indent)
                    n += self._block.items[n].chain - 1
                elif n in joins:
                    lines += self._join(n, joins[n], current, indent)
                else:
                    lines += self._step(n, current, indent)
                current = n
        return lines

    def _chain(self, n: int, current: Source, indent: int) -> Lines:
        """Write items that are repeated together."""
        pad, last = " " * indent, n + self._block.items[n].chain - 1
        lines = [f"{pad}- chain:", *self._step(n, current, indent + 4, in_chain=True)]
        lines += self._list(range(n + 1, last + 1), n, indent + 4)
        if last in self._names:
            lines.append(f"{pad}  name: {self._names[last]}")
        return [*lines, f"{pad}  repeat: {yaml_value(self._block.values[n, COUNT])}"]

    def _groups(self, numbers: Sequence[int], joins: Container[int]) -> Iterator[list[int]]:
        """Yield the items, those together that call one block once each."""
        group: list[int] = []
        for n in numbers:
            item = self._block.items[n]
            called = None if n in joins or item.repeated else item.called
            if group and (called is None or called is not self._block.items[group[0]].called):
                yield group
                group = []
            group.append(n)
            if called is None:
                yield group
                group = []
        if group:
            yield group

    def _words(self, n: int, current: Source, in_chain: bool = False) -> list[tuple[str, str]]:
        """Return the words beside an item; those of a chain are beside the chain."""
        item, words = self._block.items[n], []
        if not item.join and item.sources[0] != current:
            words.append(("from", self.name(item.sources[0])))
        if item.repeated and not in_chain:
            words.append(("repeat", yaml_value(self._block.values[n, COUNT])))
        if n in self._block.whens:
            words.append(("when", yaml_value(self._block.whens[n])))
        if item.words.share is not None:
            words.append(("share", self.name(item.words.share)))
        if item.words.freeze:
            words.append(("freeze", "true"))
        if item.words.checkpoint:
            words.append(("checkpoint", "true"))
        if n in self._names and n not in self._chain_ends:
            words.append(("name", self._names[n]))
        return words

    def _pairs(self, n: int) -> list[tuple[str, Any]]:
        """Return the fields or arguments of an item that are not the defaults."""
        item, values = self._block.items[n], self._block.values
        if item.called is None:
            fields = BY_KEY[item.key].fields()
            found = [(arg.name, values[n, arg]) for arg in item.args if arg != COUNT]
            pairs = [(k, v) for k, v in found if not same(v, fields[k].default)]
            named = zip(item.carriers, item.sources[1:])
            pairs += [(key, Text(self.name(source))) for key, source in named]
        else:
            called = item.called
            named = zip(called.layer_params, item.sources[1:])
            pairs = [(key, Text(self.name(source))) for key, source in named]
            for name in called.params:
                if item.repeated and not item.chain:
                    first, rest = values[n, Arg(name, "first")], values[n, Arg(name, "rest")]
                    value = first if rest is ABSENT else first_or_rest(first, rest)
                else:
                    value = values[n, Arg(name)]
                default = called.defaults.get(name, ABSENT)
                if default is ABSENT or not same(value, default):
                    pairs.append((name, value))
        return [(key, value) for key, value in pairs if value is not ABSENT]

    def _body(self, n: int) -> str:
        """Return the body of an item: a bare value, a mapping, or nothing."""
        item = self._block.items[n]
        if item.join:
            names = f"[{', '.join(self._joined_names(n))}]"
            fields = self._fields(n)
            return flow([*fields, (OF, names)]) if fields else names
        pairs = self._fields(n)
        main = BY_KEY[item.key].main if item.called is None else item.called.main
        if len(pairs) == 1 and pairs[0][0] == main:
            return pairs[0][1]
        return flow(pairs) if pairs else ""

    def _joined_names(self, n: int) -> Iterator[str]:
        """Yield the names of what a join reads; all copies of a row have one."""
        item = self._block.items[n]
        for slot, source in enumerate(item.sources):
            if slot in item.starred:
                yield f"{self.name(source, 'unit')}.*"
            else:
                yield self.name(source, "body" if item.key == "add" and source == n - 1 else "")
        if item.grows:
            yield f"{self.name(n + item.chain - 1, 'unit')}.*"

    def _fields(self, n: int) -> list[tuple[str, str]]:
        """Return the fields or arguments of an item as YAML."""
        item = self._block.items[n]
        none = "null" if item.called is None else "none"
        fields = {} if item.called else BY_KEY[item.key].fields()
        found = []
        for key, value in self._pairs(n):
            if key in fields and ARGUMENTS in fields[key].metadata:
                value = dict(value)
            found.append((key, none if value is None else yaml_value(value)))
        return found

    def _step(self, n: int, current: Source, indent: int, in_chain: bool = False) -> Lines:
        word, body = self._block.items[n].word, self._body(n)
        words = self._words(n, current, in_chain)
        pad = " " * indent
        if not words:
            return [f"{pad}- {word}: {body}" if body else f"{pad}- {word}"]
        line = f"{pad}- {flow([(word, body), *words])}"
        if len(line) <= _COLUMNS:
            return [line]
        return [f"{pad}- {word}: {body}".rstrip(), *(f"{pad}  {k}: {v}" for k, v in words)]

    def _join(self, n: int, joined: Joined, current: Source, indent: int) -> Lines:
        item, pad = self._block.items[n], " " * indent
        chains = [[self._block.items[m] for m in chain] for chain in joined.chains]
        fields = self._fields(n)
        lines = [f"{pad}- {item.key}:", *(f"{pad}    {key}: {value}" for key, value in fields)]
        branches = [self._list(chain, joined.entry, indent + 6) for chain in joined.chains]
        for name, inner in zip(branch_names(item, chains), branches):
            lines.append(f"{pad}    {name}:" if inner else f"{pad}    {name}: []")
            lines += inner
        words = self._words(n, current)
        if joined.entry != current:
            words.insert(0, ("from", self.name(joined.entry)))
        return [*lines, *(f"{pad}  {key}: {value}" for key, value in words)]

    def _is_table(self, numbers: Sequence[int], current: Source) -> bool:
        """Return whether calls of one block are so many that a table is clearer."""
        if len(numbers) < _FEWEST_ROWS:
            return False
        for n in numbers:
            if self._block.items[n].sources != (current,) or self._words(n, current):
                return False
            current = n
        return max(len(self._pairs(n)) for n in numbers) >= _FEWEST_CELLS

    def _table(self, numbers: Sequence[int], indent: int) -> Lines:
        """Write calls of one block as a table of their arguments."""
        called = self._block.items[numbers[0]].called
        assert called is not None
        keys = {key for n in numbers for key, _ in self._pairs(n)}
        pad = " " * indent
        lines = [f"{pad}- {called.name}: {{}}", f"{pad}  each:"]
        for n in numbers:
            given = dict(self._pairs(n))
            if len(keys) <= _MOST_CELLS:
                given = {key: self._block.values[n, Arg(key)] for key in called.params}
                given = {key: value for key, value in given.items() if key in keys}
            cells = flow((key, yaml_value(value)) for key, value in given.items())
            lines.append(f"{pad}    - {cells}")
        return lines
