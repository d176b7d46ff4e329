"""The network as a graph: layers in order, each with its operator, its inputs and its shape."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from .diagnostic import Diagnostic, Mistake, Position
from .num import Num, Shape
from .ops.base import Op
from .wording import shape_text

Group = tuple[int, int, int]  # nodes of a layer, block or chain: the first, the end, the result


class Sized(tuple[Num, ...]):
    """A shape in which an operator made some axes 1, so that they may broadcast."""

    units: frozenset[int]


class Node:
    """A layer of the network, or one of its inputs, which have no operator."""

    __slots__ = ("context", "inputs", "op", "path", "position", "read", "shape", "shares")

    def __init__(
        self,
        path: str,
        op: Op | None,
        inputs: tuple[int, ...],
        shape: Shape,
        position: Position | None = None,
        context: tuple[str, ...] = (),
    ):
        self.path = path
        self.op = op
        self.inputs = inputs
        self.shape = shape
        self.position = position  # where the layer was written, if it was
        self.context = context  # the blocks around it, innermost first
        self.shares: int | None = None  # the node whose weights this one uses
        self.read: list[Shape] | None = None  # the shapes of its inputs, once they were asked for


class Graph:
    """Nodes in the order they run; inputs come first."""

    def __init__(self, diagnostics: Sequence[Diagnostic] = ()):
        self.nodes: list[Node] = []
        self.outputs: tuple[int, ...] = ()
        self.groups: dict[str, Group] = {}  # by path
        self.diagnostics: list[Diagnostic] = list(diagnostics)

    @property
    def inputs(self) -> list[Node]:
        """The inputs of the network."""
        return [node for node in self.nodes if node.op is None]

    @property
    def returned(self) -> list[Node]:
        """What the network returns, in order: the same node twice where it is named twice."""
        return [self.nodes[n] for n in self.outputs]

    def shapes_into(self, node: Node) -> list[Shape]:
        """The shapes of a node's inputs."""
        if node.read is None:
            nodes = self.nodes
            node.read = [nodes[n].shape for n in node.inputs]
        return node.read

    def before(self, n: int) -> set[int]:
        """A node and all nodes it is computed from."""
        found: set[int] = set()
        open_ = [n]
        while open_:
            node = open_.pop()
            if node not in found:
                found.add(node)
                open_ += self.nodes[node].inputs
        return found

    @cached_property
    def live(self) -> set[int]:
        """The nodes that an output is computed from."""
        return set().union(*(self.before(n) for n in self.outputs))

    def readers(self) -> list[int]:
        """Count the layers that read each node's values; being an output counts as one more."""
        counts = [0] * len(self.nodes)
        for node in self.nodes:
            size_only = bool(node.op and node.op.layers_named)  # of the inputs after the first
            for source in node.inputs[:1] if size_only else node.inputs:
                counts[source] += 1
        for output in self.outputs:
            counts[output] += 1
        return counts


def infer(op: Op, xs: Sequence[Shape]) -> Shape:
    """Return the output shape, without checking the needs of the operator."""
    y = op.shape(*xs)
    units = op.units(*xs)
    if units:
        y = Sized(y)
        y.units = units
    return y


def checked(op: Op, xs: Sequence[Shape]) -> Shape:
    """Return the output shape.

    Errors: a Mistake for a wrong number or rank of inputs, or for a need that fails.
    """
    fewest, most = op.inputs
    if len(xs) < fewest or most is not None and len(xs) > most:
        raise Mistake(Diagnostic("CNN103", f"`{op.key}` takes {fewest} inputs, not {len(xs)}"))
    if fewest == 1 and len(xs[0]) not in op.ranks:
        raise Mistake(_wrong_rank(op, xs[0]))
    for margin, fault, equal in op.needs(*xs):
        if margin < 0 or equal and margin != 0:
            raise Mistake(fault())
    return infer(op, xs)


def _wrong_rank(op: Op, x: Shape) -> Diagnostic:
    """Describe an input that has too many or too few axes, with the usual repair."""
    is_vector = len(x) == 1
    found = f"a vector of {x[0]}" if is_vector else shape_text(x)
    if op.ranks == (1,):
        return Diagnostic(
            "CNN201",
            f"`{op.key}` takes a vector, not {found}",
            help="put `- flatten` before it, or `- globalavgpool` and `- flatten`",
        )
    takes = " or ".join(f"[C{', n' * (rank - 1)}]" for rank in op.ranks)
    return Diagnostic(
        "CNN201",
        f"`{op.key}` takes {takes}, not {found}",
        help="put it before `flatten`, or `reshape` its input" if is_vector else None,
    )


def propagate(graph: Graph, inputs: Sequence[Shape]) -> list[Shape]:
    """Return the shape of every node for other inputs: ints, arrays or symbols alike.

    Needs are not checked; `conditions` returns them.
    """
    shapes: list[Shape] = []
    given = iter(inputs)
    for node in graph.nodes:
        if node.op is None:
            shapes.append(next(given))
        else:
            shapes.append(infer(node.op, [shapes[n] for n in node.inputs]))
    return shapes


def conditions(graph: Graph, inputs: Sequence[Shape]) -> list[tuple[Node, Num, bool]]:
    """Return every need of every node for other inputs: (node, margin, whether it must be 0)."""
    shapes = propagate(graph, inputs)
    found: list[tuple[Node, Num, bool]] = []
    for node in graph.nodes:
        if node.op is not None:
            needs = node.op.needs(*(shapes[n] for n in node.inputs))
            found += [(node, need.margin, need.equal) for need in needs]
    return found
