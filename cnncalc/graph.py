"""The network as a graph: layers in order, each with its operator, its inputs and its shape."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from .diagnostic import Diagnostic, Mistake, Position
from .num import Num, Shape
from .ops.base import Op

if TYPE_CHECKING:
    from .language.expand import Scope
    from .language.steps import Fault, Step


class Sized(tuple):
    """A shape some of whose axes an operator made 1, so that they may broadcast."""

    units: frozenset[int]


class Node:
    """One layer, or an input of the network (without an operator)."""

    __slots__ = ("inputs", "op", "path", "scope", "shape", "shares", "step")

    def __init__(
        self,
        path: str,
        op: Op | None,
        inputs: tuple[int, ...],
        shape: Shape,
        step: Step | None = None,
        scope: Scope | None = None,
    ):
        self.path, self.op, self.inputs, self.shape, self.step, self.scope = (
            path,
            op,
            inputs,
            shape,
            step,
            scope,
        )
        self.shares: int | None = None  # the node whose weights this one uses

    @property
    def position(self) -> Position | None:
        return self.step.place if self.step else None

    @property
    def context(self) -> tuple[str, ...]:
        """The blocks that it stands in, innermost first."""
        return self.scope.context if self.scope else ()


class Graph:
    """Nodes in the order they run; inputs come first."""

    def __init__(self, diagnostics: Sequence[Diagnostic] = ()):
        self.nodes: list[Node] = []
        self.outputs: tuple[int, ...] = ()
        self.groups: dict[
            str, tuple[int, int, int]
        ] = {}  # path of a block or chain: first node, end, result
        self.diagnostics: list[Diagnostic] = list(diagnostics)
        self.faults: list[Fault] = []  # what a search of repairs needs to know of them

    @property
    def inputs(self) -> list[Node]:
        return [node for node in self.nodes if node.op is None]

    def before(self, n: int) -> set[int]:
        """A node and all those it is computed from."""
        found, open_ = set(), [n]
        while open_:
            node = open_.pop()
            if node not in found:
                found.add(node)
                open_ += self.nodes[node].inputs
        return found

    @cached_property
    def live(self) -> set[int]:
        """The layers that an output is computed from."""
        return set().union(*(self.before(n) for n in self.outputs))

    def readers(self) -> list[int]:
        """How many layers read the values of each node; an output of the network counts as read once more."""
        counts = [0] * len(self.nodes)
        for node in self.nodes:
            for slot, source in enumerate(node.inputs):
                if (
                    slot == 0 or not node.op or not node.op.layers_named
                ):  # a further input of those gives its size alone
                    counts[source] += 1
        for output in self.outputs:
            counts[output] += 1
        return counts


def infer(op: Op, xs: Sequence[Shape]) -> Shape:
    """The output's shape, without asking whether the inputs suit."""
    y = op.shape(*xs)
    units = op.units(*xs)
    if units:
        y = Sized(y)
        y.units = units
    return y


def checked(op: Op, xs: Sequence[Shape]) -> Shape:
    """The output's shape, or a Mistake: wrong number or rank of inputs, or a need that fails."""
    fewest, most = op.inputs
    if len(xs) < fewest or most is not None and len(xs) > most:
        raise Mistake(Diagnostic("CNN103", f"`{op.key}` takes {fewest} inputs, not {len(xs)}"))
    if op.inputs[0] == 1 and len(xs[0]) not in op.ranks:
        raise Mistake(wrong_rank(op, xs[0]))
    for margin, fault, equal in op.needs(*xs):
        if margin < 0 or equal and margin != 0:
            raise Mistake(fault())
    return infer(op, xs)


def wrong_rank(op: Op, x: Shape) -> Diagnostic:
    """The input has too many or too few axes: what would mend it."""
    is_vector = len(x) == 1
    found = f"a vector of {x[0]}" if is_vector else "×".join(str(n) for n in x)
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
    """The shape of every node for other inputs: ints, arrays or symbols alike. Needs are not asked."""
    shapes: list[Shape] = []
    given = iter(inputs)
    for node in graph.nodes:
        shapes.append(
            next(given) if node.op is None else infer(node.op, [shapes[n] for n in node.inputs])
        )
    return shapes


def conditions(graph: Graph, inputs: Sequence[Shape]) -> list[tuple[Node, Num, bool]]:
    """Every need of every node for other inputs: (node, margin, must it be 0)."""
    shapes = propagate(graph, inputs)
    return [
        (node, need.margin, need.equal)
        for node in graph.nodes
        if node.op
        for need in node.op.needs(*(shapes[n] for n in node.inputs))
    ]
