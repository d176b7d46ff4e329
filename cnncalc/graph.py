"""The network as a graph: layers in order, each with its operator, inputs and shape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from functools import cached_property

from .diagnostic import Diagnostic, Mistake, Position
from .num import Num, Open, Shape
from .ops.base import Op
from .wording import plural, shape_text

INTEGER_BYTES = 8
Group = tuple[int, int, int]  # of a layer, block or chain: first node, node after the last, result


class Sized(tuple[Num, ...]):
    """A shape with axes that an operator reduced to 1, so that they may broadcast."""

    units: frozenset[int]


class Node:
    """A layer of the network, or one of its inputs; an input has no operator."""

    __slots__ = (
        "context",
        "frozen",
        "inputs",
        "integers",
        "op",
        "path",
        "position",
        "read",
        "shape",
        "shares",
    )

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
        self.position = position  # where the layer is written, if it is
        self.context = context  # the blocks around it, innermost first
        self.shares: int | None = None  # the node whose weights this one uses
        self.integers = False  # whether it is an input of integers
        self.frozen = False  # whether training leaves its parameters as they are
        self.read: list[Shape] | None = None  # the shapes of its inputs, once they are known

    def width(self, usual: int) -> int:
        """Return the bytes of a number of its output; `usual` are those of the network's numbers.

        NOTE: torch's integers, which count rows, take 8 bytes whatever the dtype.
        """
        return INTEGER_BYTES if self.integers else usual

    @property
    def reads(self) -> tuple[int, ...]:
        """Return the inputs whose values the layer reads, and not their size alone."""
        first_only = self.op is not None and self.op.reads_first_only()
        return self.inputs[:1] if first_only else self.inputs

    @property
    def holds(self) -> tuple[int, ...]:
        """Return the inputs that are in memory until the layer has run.

        An input of which only the size is read is held too, since torch asks the tensor for it; of
        a pool whose maxima are put back, only the places are held.
        """
        return self.inputs[:1] if self.op is not None and self.op.reads_places else self.inputs


class Graph:
    """Nodes in the order they run; inputs come first."""

    def __init__(self, diagnostics: Sequence[Diagnostic] = ()):
        self.nodes: list[Node] = []
        self.outputs: tuple[int, ...] = ()
        self.groups: dict[str, Group] = {}  # by path
        self.blocks: dict[str, str] = {}  # the block that is used at a path, by its word
        self.checkpoints: list[range] = []  # nodes whose values backward computes again
        self.diagnostics: list[Diagnostic] = list(diagnostics)
        self.follows_input = False  # whether layers, and not their shapes alone, depend on its size

    def copy(self) -> Graph:
        """Return the same network, which may freeze and checkpoint other layers than this one."""
        found = copy(self)
        found.nodes = [copy(node) for node in self.nodes]
        found.checkpoints = list(self.checkpoints)
        return found

    @property
    def inputs(self) -> list[Node]:
        """Return the inputs of the network."""
        return [node for node in self.nodes if node.op is None]

    @property
    def returned(self) -> list[Node]:
        """Return the outputs of the network, in order; a node that is named twice appears twice."""
        return [self.nodes[n] for n in self.outputs]

    def shapes_into(self, node: Node) -> list[Shape]:
        """Return the shapes of a node's inputs."""
        if node.read is None:
            nodes = self.nodes
            node.read = [nodes[n].shape for n in node.inputs]
        return node.read

    def owner(self, node: Node) -> Node:
        """Return the node that has the parameters which a node uses."""
        return node if node.shares is None else self.nodes[node.shares]

    def trains(self, node: Node) -> bool:
        """Return whether training changes parameters that a node uses."""
        return self.has_parameters(node) and not self.owner(node).frozen

    def has_parameters(self, node: Node) -> bool:
        """Return whether a node has parameters, or shares them."""
        owner = self.owner(node)
        return owner.op is not None and bool(owner.op.weights(*self.shapes_into(owner)))

    def freeze(self, numbers: Iterable[int], frozen: bool = True) -> None:
        """Let training leave the parameters of these nodes as they are, or change them again.

        Shared ones are those of their owner, and so of all layers that use them.
        """
        for n in numbers:
            node = self.nodes[n]
            if self.has_parameters(node):
                node.frozen = self.owner(node).frozen = frozen

    def within(self, path: str) -> list[int]:
        """Return the nodes of a layer, block, branch, chain or copy of one; none if unknown."""
        if path in self.groups:
            start, end, _ = self.groups[path]
            return list(range(start, end))
        inside = f"{path}."
        return [n for n, m in enumerate(self.nodes) if m.path == path or m.path.startswith(inside)]

    def checkpoint(self, numbers: range) -> Diagnostic | None:
        """Let backward compute the values of these nodes again; return why that cannot be.

        Other nodes and the network's outputs may need one value of them alone: that of the last.
        """
        others = [m for known in self.checkpoints for m in known if m in numbers]
        if others:
            message = f"`{self.nodes[others[0]].path}` would be in two checkpoints"
            return Diagnostic("CNN103", message, help="checkpoint one of them only")
        inner = range(numbers.start, numbers.stop - 1)
        read = [m for m in self.outputs if m in inner]
        for node in self.nodes[numbers.stop :]:
            read += [m for m in node.inputs if m in inner]
            if node.op is not None and node.op.reads_places:
                read += [m for m in node.inputs[1:2] if m in numbers]
        if read:
            path = self.nodes[read[0]].path
            message = (
                f"`{path}` is inside a checkpoint, and what comes after it needs its value too"
            )
            help = "end the checkpoint at that layer, or include all layers that read it"
            return Diagnostic("CNN103", message, help=help)
        if numbers:
            self.checkpoints.append(numbers)
        return None

    def before(self, n: int) -> set[int]:
        """Return a node and all nodes that it is computed from."""
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
        """Return the nodes that an output is computed from."""
        return set().union(*(self.before(n) for n in self.outputs))

    @cached_property
    def places(self) -> dict[int, int]:
        """Return the pools whose places are read, and the last layer that reads those of each."""
        found = {}
        for n, node in enumerate(self.nodes):
            if node.op is not None and node.op.reads_places:
                found[node.inputs[1]] = n
        return found

    def readers(self) -> list[int]:
        """Count the readers of each node: layers, and one more for an output of the network."""
        counts = [0] * len(self.nodes)
        for node in self.nodes:
            sources = node.inputs
            for source in sources if len(sources) == 1 else node.reads:
                counts[source] += 1
        for output in self.outputs:
            counts[output] += 1
        return counts


def infer(op: Op, xs: Sequence[Shape]) -> Shape:
    """Return the output shape without checking what the operator needs."""
    y = op.shape(*xs)
    units = op.units(*xs)
    if units:
        y = Sized(y)
        y.units = units
    return y


def checked(op: Op, xs: Sequence[Shape]) -> Shape:
    """Return the output shape.

    Needs that depend on a symbol are not checked: `conditions` returns them.

    Errors: a Mistake for a wrong number or rank of inputs, or for a need that is not met; NoFormula
    for a rule that symbols cannot express.
    """
    fewest, most = op.inputs
    if len(xs) < fewest or most is not None and len(xs) > most:
        raise Mistake(
            Diagnostic("CNN103", f"`{op.key}` takes {plural(fewest, 'input')}, not {len(xs)}")
        )
    if not op.joins() and len(xs[0]) not in op.ranks:
        raise Mistake(_wrong_rank(op, xs[0]))
    for margin, fault, equal in op.needs(*xs):
        if isinstance(margin, Open) and margin.has_symbols:
            continue
        if margin < 0 or equal and margin != 0:
            raise Mistake(fault())
    return infer(op, xs)


def refuse_wrong_numbers(op: Op, sources: Sequence[Node]) -> None:
    """Raise a Mistake if an operator reads integers, and is given other numbers, or vice versa."""
    takes_integers = op.choices is not None
    for node in sources:
        if node.integers is takes_integers:
            continue
        if node.integers:
            message = f"`{op.key}` computes with numbers, but `{node.path}` holds integers"
            help = "`embedding` turns integers into vectors"
        else:
            message = f"`{op.key}` reads an input of integers, not the numbers of `{node.path}`"
            help = "declare one with `input: {tokens: {shape: [12], dtype: integer}}`"
        raise Mistake(Diagnostic("CNN212", message, help=help))


def _wrong_rank(op: Op, x: Shape) -> Diagnostic:
    """Return a finding for an input with too many or too few axes, with the usual repair."""
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
    """Return the shape of every node for other inputs, which may be ints, arrays or symbols.

    It does not check what the operators need; `conditions` returns that.
    """
    shapes: list[Shape] = []
    given = iter(inputs)
    for node in graph.nodes:
        if node.op is None:
            shapes.append(next(given))
        else:
            shapes.append(infer(node.op, [shapes[n] for n in node.inputs]))
    return shapes


def remarks(graph: Graph) -> list[Diagnostic]:
    """Return the notes on layers that could be meant otherwise, one for each place in the spec."""
    found: dict[Position | None, Diagnostic] = {}
    for node in graph.nodes:
        if node.op is not None and type(node.op).remarks is not Op.remarks:
            for remark in node.op.remarks(*graph.shapes_into(node)):
                if node.position not in found:
                    found[node.position] = remark.at(node.position, *node.context)
    return list(found.values())


def conditions(graph: Graph, shapes: Sequence[Shape]) -> Iterator[tuple[Node, Num, bool]]:
    """Yield what each node needs if the nodes have these shapes, as `propagate` returns them.

    A condition is a node, a margin, and whether it must be 0; otherwise it must be 0 or more.
    """
    for node in graph.nodes:
        if node.op is not None:
            for need in node.op.needs(*[shapes[n] for n in node.inputs]):
                yield node, need.margin, need.equal
