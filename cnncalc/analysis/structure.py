"""The structure of a network for drawings: blocks inside blocks, and equal ones in a row as one.

A `Part` is a layer or a block; `cells` are the parts that a drawing shows. A layer shares its cell
with the norms and activations after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import NamedTuple

from ..graph import Graph, Node
from ..ops import HOMES

# What shares the cell of the layer before it, by the modules of `ops`.
_MINOR = frozenset(
    ("norm", "lrn", "activation", "smooth", "softmax", "maxout", "scale", "pointwise")
)
_VIEWS = frozenset(("flatten",))


class Part(NamedTuple):
    """A layer, or a block of parts.

    Attributes:
        path: its path.
        name: the end of its path that says what it is: ``conv1``, ``bottleneck1.0``.
        start: its first node.
        stop: the node after its last one.
        parts: the parts inside, none for a layer.
        word: the word of its block in the spec, if it is one.
    """

    path: str
    name: str
    start: int
    stop: int
    parts: tuple[Part, ...] = ()
    word: str | None = None


@dataclass
class Cell:
    """What a drawing shows as one box.

    Attributes:
        parts: what it stands for: one part, or equal ones in a row.
        nodes: the layers of the first part.
        every: the layers of all parts.
        sources: the cells that it reads, each with the nodes read there.
        is_block: whether it stands for a block, and not for a layer with what follows it.
    """

    parts: list[Part]
    nodes: list[int]
    is_block: bool
    every: list[int]
    sources: dict[int, list[int]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Return how many equal parts it stands for."""
        return len(self.parts)

    @property
    def path(self) -> str:
        """Return the path of its first part."""
        return self.parts[0].path

    @property
    def label(self) -> str:
        """Return a name: that of the part, or of what is repeated."""
        first = self.parts[0]
        base, _, copy = first.name.rpartition(".")
        if first.word and (self.count > 1 or copy.isdigit()):
            return first.word
        return base.rstrip("0123456789") or base if self.count > 1 else first.name


def family(node: Node) -> str:
    """Return the module of `ops` that has the operator of a node: ``conv``, ``pool``."""
    return HOMES[node.op.key].partition(":")[0] if node.op else "input"


def is_minor(node: Node) -> bool:
    """Return whether a layer shares the box of the layer before it."""
    assert node.op is not None
    return family(node) in _MINOR or node.op.key in _VIEWS


def tree(graph: Graph) -> Part:
    """Return the whole network as a part; its inputs are in none."""
    first = len(graph.inputs)
    split = [node.path.split(".") for node in graph.nodes]
    numbers = range(first, len(graph.nodes))
    parts = tuple(_inside(graph, split, numbers, 0, in_join=False))
    return Part("", "", first, len(graph.nodes), parts)


def _inside(
    graph: Graph, split: list[list[str]], numbers: Sequence[int], depth: int, in_join: bool
) -> Iterator[Part]:
    """Yield the parts of nodes whose paths agree in the first `depth` parts."""
    for key, group in groupby(numbers, key=lambda n: split[n][depth : depth + 1]):
        found = list(group)
        path = ".".join(split[found[0]][: depth + 1])
        name = _name(split[found[0]][: depth + 1])
        start, stop = found[0], found[-1] + 1
        if not key or len(found) == 1 and len(split[start]) == depth + 1:
            yield from (Part(graph.nodes[n].path, _name(split[n]), n, n + 1) for n in found)
            continue
        is_join = len(split[found[-1]]) == depth + 1
        parts = tuple(_inside(graph, split, found, depth + 1, is_join))
        word = graph.blocks.get(path)
        is_copy = name.rpartition(".")[2].isdigit()
        is_chain = not is_join and not in_join and not _is_repeat(split, found, depth)
        if word is not None or is_copy or is_chain and len(parts) > 1:
            yield Part(path, name, start, stop, parts, word)
        else:
            yield from parts


def _is_repeat(split: list[list[str]], numbers: Sequence[int], depth: int) -> bool:
    """Return whether the parts inside are numbered copies."""
    return all(len(split[n]) > depth + 1 and split[n][depth + 1].isdigit() for n in numbers)


def _name(parts: list[str]) -> str:
    """Return the end of a path, with the name before a bare number."""
    return ".".join(parts[-2:]) if parts[-1].isdigit() and len(parts) > 1 else parts[-1]


def unfolded(graph: Graph, part: Part, depth: int) -> list[Part]:
    """Return the parts inside a part, with blocks as one down to a depth; 1 is the outermost.

    A block that is one layer with its norm and activation is not opened.
    """
    found: list[Part] = []
    for inner in part.parts:
        if depth > 1 and inner.parts and _majors(graph, inner) > 1:
            found += unfolded(graph, inner, depth - 1)
        else:
            found.append(inner)
    return found


def height(part: Part) -> int:
    """Return how many levels of blocks are in a part; 1 if it holds layers alone."""
    return 1 + max((height(inner) for inner in part.parts if inner.parts), default=0)


def chosen_depth(graph: Graph, part: Part, most: int) -> int:
    """Return the depth that shows most, but not more than so many boxes."""
    for depth in range(height(part), 1, -1):
        if len(cells(graph, unfolded(graph, part, depth))) <= most:
            return depth
    return 1


def opened(graph: Graph, shown: Sequence[Cell], most: int) -> Iterator[tuple[Part, list[Cell]]]:
    """Yield each kind of block once, with the cells inside it: those that hold others first.

    A block has at most `most` cells, if it can have so few. One that only repeats another is left
    out.
    """
    waiting = [part for cell in shown if cell.is_block for part in cell.parts]
    seen: set[object] = set()
    for part in waiting:  # it grows on the way
        kind = signature(graph, part)
        if kind in seen or len(kind) == 1:
            continue
        seen.add(kind)
        inside = cells(graph, unfolded(graph, part, chosen_depth(graph, part, most)))
        waiting += [inner for cell in inside if cell.is_block for inner in cell.parts]
        if len(inside) > 1:
            yield part, inside


def cells(graph: Graph, parts: Sequence[Part], fold: bool = True) -> list[Cell]:
    """Return the boxes of parts in the order in which they run.

    Equal parts in a row are one cell if `fold`.
    """
    readers: dict[int, int] = {}
    for node in graph.nodes:
        for n in set(node.inputs):
            readers[n] = readers.get(n, 0) + 1
    for n in graph.outputs:
        readers[n] = readers.get(n, 0) + 1
    merged: list[Cell] = []
    for part in parts:
        inside = list(range(part.start, part.stop))
        cell = Cell([part], inside, _majors(graph, part) > 1, list(inside))
        cell.is_block = cell.is_block or not _is_run(graph, cell.nodes, readers)
        before = merged[-1] if merged else None
        if before and not cell.is_block and _shares(graph, before, cell, readers):
            before.nodes += cell.nodes
            before.every += cell.nodes
        else:
            merged.append(cell)
    _connect(graph, merged)
    return _folded(graph, merged) if fold else merged


def _majors(graph: Graph, part: Part) -> int:
    nodes = graph.nodes[part.start : part.stop]
    return sum(not is_minor(node) for node in nodes)


def _is_run(graph: Graph, nodes: Sequence[int], readers: dict[int, int]) -> bool:
    """Return whether each node is read by the next one alone."""
    for before, n in pairwise(nodes):
        if graph.nodes[n].inputs != (before,) or readers.get(before) != 1:
            return False
    return True


def _shares(graph: Graph, before: Cell, cell: Cell, readers: dict[int, int]) -> bool:
    """Return whether the layers of a cell belong into the one before."""
    last, first = before.nodes[-1], graph.nodes[cell.nodes[0]]
    if before.is_block or first.inputs != (last,) or readers.get(last) != 1:
        return False
    minor = [is_minor(graph.nodes[n]) for n in cell.nodes]
    begun = [is_minor(graph.nodes[n]) for n in before.nodes]
    return all(minor) or all(begun) and sum(not each for each in minor) <= 1


def _connect(graph: Graph, found: list[Cell]) -> None:
    """Say which cells each cell reads."""
    home = {n: number for number, cell in enumerate(found) for n in cell.nodes}
    for number, cell in enumerate(found):
        for n in cell.nodes:
            for source in graph.nodes[n].inputs:
                at = home.get(source, -1 - source)  # an input or a node outside is negative
                if at != number and source not in cell.sources.setdefault(at, []):
                    cell.sources[at].append(source)


def _folded(graph: Graph, found: list[Cell]) -> list[Cell]:
    """Return the cells with equal ones in a row as one."""
    readers: dict[int, set[int]] = {}
    for number, cell in enumerate(found):
        for source in cell.sources:
            readers.setdefault(source, set()).add(number)
    outputs = set(graph.outputs)
    result: list[Cell] = []
    at: list[int] = []  # where each cell went
    for number, cell in enumerate(found):
        before = result[-1] if result else None
        in_row = set(cell.sources) == {number - 1} and readers.get(number - 1) == {number}
        in_row = in_row and not outputs & set(found[number - 1].nodes)
        if before and in_row and _are_alike(graph, before, found[number - 1], cell):
            before.parts += cell.parts
            before.every += cell.every
        else:
            moved = {at[n] if n >= 0 else n: read for n, read in cell.sources.items()}
            result.append(Cell(cell.parts, cell.nodes, cell.is_block, cell.every, moved))
        at.append(len(result) - 1)
    return result


def _are_alike(graph: Graph, first: Cell, before: Cell, cell: Cell) -> bool:
    """Return whether a cell repeats those before it."""
    shape, last = graph.nodes[cell.nodes[-1]].shape, graph.nodes[before.nodes[-1]].shape
    here, there = cell.parts[0], first.parts[0]
    if not cell.is_block or not first.is_block:
        words = [[str(graph.nodes[n].op) for n in each.nodes] for each in (first, cell)]
        return cell.is_block == first.is_block and shape == last and words[0] == words[1]
    if here.word is not None and here.word == there.word and shape == last:
        return True
    around, _, number = here.path.rpartition(".")
    if not number.isdigit() or there.path.rpartition(".")[0] != around or shape[1:] != last[1:]:
        return False
    return signature(graph, here) == signature(graph, there)


def signature(graph: Graph, part: Part) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Return the operators of a part and what each reads, without sizes."""
    outside: dict[int, int] = {}
    found = []
    for n in range(part.start, part.stop):
        node = graph.nodes[n]
        assert node.op is not None
        reads = []
        for source in node.inputs:
            if source >= part.start:
                reads.append(source - part.start)
            else:
                reads.append(-1 - outside.setdefault(source, len(outside)))
        found.append((node.op.key, tuple(reads)))
    return tuple(found)


def result_of(graph: Graph, cell: Cell) -> Node:
    """Return the layer whose output leaves a cell: of equal parts in a row, of the last one."""
    end = graph.groups.get(cell.parts[-1].path) if cell.is_block else None
    return graph.nodes[end[2] if end else cell.every[-1]]
