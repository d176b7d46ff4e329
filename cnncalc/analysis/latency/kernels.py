"""Lists the kernels that a device runs for a network, with the work of each.

Eager, every layer is a kernel of its own, and each copy that autocast makes is one more. Compiled,
layers that work value by value join the one before them that does: what passes between them stays
on the chip.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ...cost import FREE
from ...graph import Graph, Node
from ...num import Num, Open, Shape, product
from ...ops.autocast import FLOAT32, HALF, Amp, Autocast, Device, Types
from ...ops.base import Op
from ...ops.shapes import values

# What multiplies: filters with several taps, with one tap, in groups of channels, of one channel
# each, and matrices on vectors. What does not: value by value, norms, windows, and copies.
PRODUCTS = ("dense", "pointwise", "grouped", "depthwise", "linear")
MOVES = ("elementwise", "broadcast", "norm", "window", "reduction", "copy")
KINDS = (*PRODUCTS, *MOVES)
# On a CPU, a norm makes factors and shifts before it starts, and a mean is several operators.
LAUNCHES_ON_CPU = {"norm": 3, "reduction": 5}
DIRECT = 20_480  # values of an image up to which torch multiplies without oneDNN
NARROW = 3  # taps along one of the last two axes, up to which it does


class Way(NamedTuple):
    """How a network runs. `width` is the bytes of a number, 4 under automatic mixed precision."""

    width: int = FLOAT32
    amp: Amp | None = None
    channels_last: bool = False
    compile: bool = False
    device: Device = "cuda"

    @property
    def autocast(self) -> Autocast | None:
        """Automatic mixed precision, if the network runs in it."""
        return None if self.amp is None else Autocast(self.device, self.amp)

    @property
    def eager_cpu(self) -> bool:
        """Whether a CPU runs one layer after the other, as the network is written."""
        return self.device == "cpu" and not self.compile


@dataclass(frozen=True)
class Kernel:
    """One kernel.

    Attributes:
        layer: the number of the node whose layer it belongs to.
        kind: one of `KINDS`.
        macs: its multiply–accumulates for one image.
        outputs: the values that it computes for one image.
        channels: what each filter reads, and how many filters a group has.
        taps: the taps of a filter.
        read, written: bytes for one image.
        weights: bytes for the batch, whatever its size.
        width: bytes of the numbers that it computes with.
        functions: transcendental functions that it computes for one image.
        windows: values that it computes from windows on a CPU, for one image.
        allocates: whether a CPU takes memory for what it writes.
        in_library: whether oneDNN computes it, which has its own order of values.
        direct_below: values of a single image up to which oneDNN does not.
        launches: how many kernels it is.
        shared: equal for all kernels that are equal but for their layer.
    """

    layer: int
    kind: str
    outputs: Num = 0
    macs: Num = 0
    channels: tuple[Num, Num] = (1, 1)
    taps: Num = 1
    read: Num = 0
    written: Num = 0
    weights: Num = 0
    width: int = FLOAT32
    functions: Num = 0
    windows: Num = 0
    allocates: bool = False
    in_library: bool = False
    direct_below: int = 0
    launches: int = 1
    shared: object = field(default_factory=object, compare=False)  # one for all alike

    @property
    def work(self) -> tuple[object, ...]:
        """All but the layer: kernels with the same work take the same time."""
        return tuple([getattr(self, name) for name in _WORK])

    def at(self, layer: int) -> Kernel:
        """The same for another layer."""
        if layer == self.layer:
            return self
        found = copy(self)
        object.__setattr__(found, "layer", layer)
        object.__setattr__(found, "shared", self.shared)
        return found


_WORK = tuple(name for name in Kernel.__dataclass_fields__ if name not in ("layer", "shared"))


def kernels(graph: Graph, way: Way) -> list[Kernel]:
    """Return the kernels of inference, in the order they run."""
    found = _Found(graph, way)
    for n, node in enumerate(graph.nodes):
        found.add(n, node)
    return _fused(graph, found) if way.compile else found.kernels


class _Found:
    """Collects kernels; knows the bytes of a number of each output."""

    def __init__(self, graph: Graph, way: Way):
        self.graph, self.way = graph, way
        self.kernels: list[Kernel] = []
        self.bytes: list[Num] = []  # of each node's output, for one image
        self.widths: list[int] = []
        self.homes = list(range(len(graph.nodes)))
        self.by_node: dict[int, list[Kernel]] = {}
        self._known: dict[tuple[object, ...], Kernel] = {}

    def add(self, n: int, node: Node) -> None:
        """Add the kernels of a node, if it has any."""
        op, way = node.op, self.way
        given = tuple([self.widths[m] for m in node.reads])
        if op is None:
            self.widths.append(node.width(way.width))
            self.bytes.append(product(node.shape) * self.widths[n])
            return
        xs = self.graph.shapes_into(node)
        types = _types(op, xs, given, way)
        self.widths.append(types.returns)
        self.bytes.append(product(node.shape) * types.returns)
        if op.storage(*xs) == "view":
            self.homes[n] = self.homes[node.inputs[0]]
            return
        key = id(op), tuple(map(_same, xs)), types
        if key not in self._known:
            self._known[key] = kernel(n, op, xs, node.shape, types, way.eager_cpu)
        known = self._known[key]
        made = [*self._casts(n, node, types), known.at(n)]
        self.kernels += made
        self.by_node[n] = made

    def _casts(self, n: int, node: Node, types: Types) -> Iterator[Kernel]:
        """Yield the copies in another type that autocast makes of what a layer reads."""
        for m, given, read in zip(node.reads, types.given, types.read):
            if given != read:
                count = product(self.graph.nodes[m].shape)
                yield Kernel(
                    layer=n,
                    kind="elementwise",
                    outputs=count,
                    read=count * given,
                    written=count * read,
                    width=read,
                )


def _same(shape: Shape) -> tuple[object, ...]:
    """Return what is equal for the very same open sizes, or for equal numbers."""
    return tuple([id(n) if isinstance(n, Open) else n for n in shape])


def _types(op: Op, xs: Sequence[Shape], given: tuple[int, ...], way: Way) -> Types:
    if way.autocast is None:
        return Types(given, given, given, way.width, way.width, way.width, False)
    return op.autocast(*xs, by=way.autocast).types(given)


def kernel(n: int, op: Op, xs: Sequence[Shape], y: Shape, types: Types, eager_cpu: bool) -> Kernel:
    """Return the kernel that computes a layer."""
    outputs = product(y)
    read: Num = sum([values(x) * width for x, width in zip(xs, types.read)])
    parameters = op.weights(*xs)
    held = sum(map(product, parameters.values())) if parameters else 0
    written = outputs * types.returns
    allocates = eager_cpu and op.storage(*xs) == "new"
    if not op.multiplies:
        kind, cost = kind_of(op, xs, y), op.cost(*xs, y=y)
        counts = eager_cpu and kind == "window" and cost != FREE  # upsampling only copies
        return Kernel(
            layer=n,
            kind=kind,
            outputs=outputs,
            read=read,
            written=written,
            weights=held * FLOAT32,
            width=types.computes,
            functions=cost.exp,
            windows=outputs if counts else 0,
            allocates=allocates,
            launches=LAUNCHES_ON_CPU.get(kind, 1) if eager_cpu else 1,
        )
    filters = op.filters(*xs)
    kind, channels, taps = shape_of_product(filters, xs[0], y)
    copied = held * (FLOAT32 + HALF) if types.casts_parameters else 0
    narrow = len(filters) < 4 or min(filters[-2:]) <= NARROW
    return Kernel(
        layer=n,
        kind=kind,
        outputs=outputs,
        macs=op.cost(*xs, y=y).mac,
        channels=channels,
        taps=taps,
        read=read,
        written=written,
        weights=held * types.computes + copied,
        width=types.computes,
        allocates=allocates,
        in_library=eager_cpu and len(filters) > 2,
        direct_below=DIRECT if narrow and kind in ("dense", "pointwise") else 0,
    )


def kind_of(op: Op, xs: Sequence[Shape], y: Shape) -> str:
    """Return the kind of a kernel that multiplies nothing by weights."""
    if op.affine_weights and not op.elementwise:
        return "norm"
    if op.elementwise:
        alike = all(tuple(x[1:]) == tuple(y[1:]) for x in xs)
        return "elementwise" if alike else "broadcast"
    if op.channelwise:
        return "reduction" if len(xs[0]) > 1 and all(n == 1 for n in y[1:]) else "window"
    return "copy"


def shape_of_product(filters: Shape, x: Shape, y: Shape) -> tuple[str, tuple[Num, Num], Num]:
    """Return the kind of a product, the channels of a group that it reads and makes, and taps."""
    if len(filters) < 2:
        return "pointwise", (x[0], y[0]), 1
    taps = product(filters[2:])
    groups = x[0] // filters[1] if len(filters) > 2 else 1  # a linear layer has none
    if groups == 1:
        if len(y) == 1:
            return "linear", (filters[1], filters[0]), 1
        return ("dense" if taps > 1 else "pointwise"), (filters[1], filters[0]), taps
    kind = "depthwise" if filters[1] == 1 else "grouped"
    return kind, (filters[1], filters[0] // groups), taps


def _fused(graph: Graph, found: _Found) -> list[Kernel]:
    """Let kernels that multiply nothing join those that read them.

    A value that only such kernels read is not written: each of its readers computes it again. After
    a mean over a map, what needs the mean must wait, so a kernel ends there.
    """
    homes = found.homes
    joins = {n for n, made in found.by_node.items() if made[-1].kind not in PRODUCTS}
    joins = {n for n in joins if found.by_node[n][-1].kind != "window"}
    readers: dict[int, set[int]] = {}
    for n, node in enumerate(graph.nodes):
        if n in found.by_node:
            for m in node.reads:
                readers.setdefault(homes[m], set()).add(n)
    written = {homes[n] for n in graph.outputs}
    for m, by in readers.items():
        copy = m in joins and found.by_node[m][-1].kind == "copy"
        if len(by) > 1 or copy or not by <= joins:
            written.add(m)
    group: dict[int, int] = {}
    members: dict[int, list[int]] = {}
    ended: set[int] = set()
    for n in sorted(joins):
        kind = found.by_node[n][-1].kind
        members[n], group[n] = [n], n
        for m in dict.fromkeys(homes[m] for m in graph.nodes[n].reads):
            root = group.get(m)
            if root is None or root in ended or root == n:
                continue
            alone = len(readers[m]) == 1 and found.by_node[m][-1].kind != "copy"
            if alone or kind == "reduction":
                for other in members.pop(root):
                    group[other] = n
                    members[n].append(other)
        if kind == "reduction":
            ended.add(n)
    merged: list[Kernel] = []
    for n, made in sorted(found.by_node.items()):
        if n not in joins:
            merged.append(made[-1])
        elif group[n] == n and (written & set(members[n]) or n in ended):
            merged.append(_joined(graph, found, members[n], written))
    return merged


def _joined(graph: Graph, found: _Found, nodes: list[int], written: set[int]) -> Kernel:
    """Return one kernel for several layers: it reads what enters, and writes what leaves."""
    inside = set(nodes)
    read: dict[int, Num] = {}
    for n in nodes:
        for m in graph.nodes[n].reads:
            home = found.homes[m]
            if home not in inside:
                read[home] = found.bytes[m]
    parts = [found.by_node[n][-1] for n in nodes]
    kinds = [part.kind for part in parts]
    last = nodes[0]
    leaving = [n for n in nodes if n in written or n == last and "reduction" in kinds]
    leaves = [found.bytes[n] for n in leaving]
    enters = [(_same(graph.nodes[home].shape), found.widths[home]) for home in read]
    return replace(
        parts[0],
        shared=(
            tuple([part.shared for part in parts]),
            tuple([nodes.index(n) for n in leaving]),
            tuple(enters),
        ),
        read=sum(read.values()),
        written=sum(leaves),
        weights=sum(part.weights for part in parts),
        outputs=parts[0].outputs,
        functions=sum(part.functions for part in parts),
        kind=_kind_of_all(kinds),
    )


def _kind_of_all(kinds: list[str]) -> str:
    """Return the kind of several kernels that are one."""
    if "reduction" in kinds:
        return "reduction"
    return kinds[0] if len(kinds) == 1 else "elementwise"
