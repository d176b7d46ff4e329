"""Adds layers to a graph that is imported, and checks each against the tensor it stands for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from ..diagnostic import Mistake
from ..graph import Graph, Node, checked
from ..num import NoFormula, Shape, product
from ..ops import BY_KEY, OPS
from ..ops.base import Op
from ..ops.called import Called
from ..ops.meanings import Dispatched
from ..ops.reshape import Flatten, Rearrangement
from .axes import Group, Value, plain


class Unknown(Exception):
    """No operator is what a call computes."""


class Tied(Unknown):
    """A call reads weights of a layer that differs from it, which no spec says."""

    def __init__(self, lender: str):
        super().__init__(f"it has weights of `{lender}`, from which it differs")


def _operators() -> dict[str, list[tuple[Mapping[str, Any], type[Op]]]]:
    """Return the operators by the names of calls; those for certain arguments come first."""
    found: dict[str, list[tuple[Mapping[str, Any], type[Op]]]] = {}
    for attribute in ("traced", "aten"):
        for op in OPS:
            for entry in vars(op).get(attribute, ()):
                name, arguments = entry if isinstance(entry, Dispatched) else Dispatched(entry)
                found.setdefault(name, []).append((arguments, op))
    return {name: sorted(entries, key=lambda e: not e[0]) for name, entries in found.items()}


_OPERATORS = _operators()


def operators_called(name: str) -> list[type[Op]]:
    """Return the operators that a call of this name may be."""
    return list(dict.fromkeys(op for _, op in _OPERATORS.get(name, ())))


def _candidates(call: Called) -> Iterator[tuple[type[Op], Mapping[str, Any]]]:
    """Yield the operators that a call may be, each with its fields."""
    if call.key:
        yield BY_KEY[call.key], call.settings
        return
    for arguments, op in _OPERATORS.get(call.name, ()):
        if any(call.settings.get(name) != value for name, value in arguments.items()):
            continue
        rest = {k: v for k, v in call.settings.items() if k not in arguments}
        body = op.of_call(call._replace(settings=rest) if arguments else call)
        if body is not None:
            yield op, body


class Layers:
    """A graph that grows by one layer at a time."""

    def __init__(self) -> None:
        self.graph = Graph()
        self.owners: dict[str, int] = {}  # the nodes by the names of their parameters
        self.dropped: set[str] = set()  # paths of layers that were taken back
        self._paths: Counter[str] = Counter()

    def input(self, path: str, shape: Shape, integers: bool = False) -> Value:
        """Add an input of the network."""
        node = Node(path, None, (), shape)
        node.integers = integers
        self.graph.nodes.append(node)
        self._paths[path] += 1
        return plain(len(self.graph.nodes) - 1, shape)

    def shape(self, value: Value) -> Shape:
        """Return the shape of the node that a tensor is the output of."""
        return self.graph.nodes[value.node].shape

    def add(
        self,
        key: str,
        body: Mapping[str, Any],
        inputs: Sequence[int],
        path: str,
        wanted: Shape | None = None,
    ) -> Value:
        """Add a layer, and return its output.

        Errors: Unknown if the body is none of this operator, or the output has not this shape.
        """
        nodes = self.graph.nodes
        xs = [nodes[n].shape for n in inputs]
        try:
            op = BY_KEY[key](**body)
            if op.reads_places:
                op = op.attached(nodes[inputs[1]].op, xs[2])
            y = checked(op, xs)
        except (ValueError, Mistake, NoFormula) as error:
            raise Unknown(f"{key}: {why_refused(error)}") from None
        if wanted is not None and tuple(y) != tuple(wanted):
            raise Unknown(f"{key} would give {tuple(y)}, not {tuple(wanted)}")
        nodes.append(Node(self._unique(path), op, tuple(inputs), y))
        return plain(len(nodes) - 1, y)

    def add_with(
        self,
        key: str,
        body: Mapping[str, Any],
        inputs: Sequence[int],
        path: str,
        wanted: Shape,
        weights: Mapping[str, Shape],
    ) -> Value:
        """Add a layer that has these parameters, whatever their names.

        Errors: Unknown, as by `add`, and if it has others.
        """
        value = self.add(key, _with_defaults(BY_KEY[key], body), inputs, path, wanted)
        call = Called(key, {}, frozenset(), weights, (), wanted)
        if not self._has_weights(value, call):
            self.drop_after(value.node)
            raise Unknown(f"{key} has other parameters")
        return value

    def own(self, n: int, names: Sequence[str], merged: bool = False) -> int:
        """Note that node n has these parameters; return the node of the first layer with them.

        If equal ones may be `merged`, a layer that has only some of them has its own.

        Errors: Tied if that layer differs from this one.
        """
        owners = {self.owners.get(name, n) for name in names}
        if merged and len(owners) > 1:
            owners = {n}
        for m in owners - {n}:
            if len(owners) > 1 or self.graph.nodes[m].op != self.graph.nodes[n].op:
                raise Tied(self.graph.nodes[m].path)
        self.owners |= {name: n for name in names if name not in self.owners}
        return min(owners, default=n)

    def drop_after(self, count: int) -> None:
        """Take all layers back but the first `count`."""
        gone = self.graph.nodes[count:]
        del self.graph.nodes[count:]
        self.dropped = {node.path for node in gone}
        for node in gone:
            self._paths[node.path] -= 1
        self.owners = {name: n for name, n in self.owners.items() if n < count}

    def _unique(self, path: str) -> str:
        self._paths[path] += 1
        return path if self._paths[path] == 1 else self._unique(f"{path}_{self._paths[path]}")

    def called(self, call: Called, inputs: Sequence[int], path: Any) -> Value:
        """Add the layer that is this call. `path` makes one from the key of an operator.

        Errors: Unknown if there is no such operator.
        """
        reasons = []
        for op, body in _candidates(call):
            try:
                value = self.add(op.key, _with_defaults(op, body), inputs, path(op.key), call.y)
            except Unknown as error:
                reasons.append(str(error))
                continue
            if self._has_weights(value, call):
                return value
            self._paths[self.graph.nodes.pop().path] -= 1
            reasons.append(f"{op.key} has other parameters")
        raise Unknown("; ".join(reasons) or f"no operator is {call.name}")

    def _has_weights(self, value: Value, call: Called) -> bool:
        """Return whether a layer has the parameters of a call, whatever their names."""
        node = self.graph.nodes[value.node]
        assert node.op is not None
        xs = self.graph.shapes_into(node)
        own = node.op.weights(*xs), node.op.buffers(*xs)
        given: tuple[list[Shape], list[Shape]] = [*call.trained], []
        for name, shape in call.weights.items() if not call.trained else ():
            given[name in call.buffers].append(tuple(shape))
        return all(
            sorted(tuple(shape) for shape in shapes.values() if shape != ()) == sorted(held)
            for shapes, held in zip(own, given)
        )

    def laid_out(self, node: int, groups: Sequence[Group], path: str) -> int:
        """Return a node whose axes are groups of another one's, each merged, in this order.

        An empty group is an axis of 1; axes of 1 may be in no group.
        """
        shape = self.graph.nodes[node].shape
        sizes = tuple(product(shape[axis] for axis in group) for group in groups)
        held = [axis for group in groups for axis in group]
        gone = [axis for axis in range(len(shape)) if axis not in held]
        long = [axis for axis in held if shape[axis] != 1]
        order = (*held, *gone)
        if long != sorted(long):
            if self.is_shuffle(node, groups):
                return self._shuffled(node, path)
            node = self.add("permute", {"order": order}, [node], f"{path}permute").node
            shape = self.graph.nodes[node].shape
            groups = _counted(groups)
            held = sorted(held)
        if sizes == tuple(shape):
            return node
        merged = [group for group in groups if len(group) > 1]
        if len(sizes) == 1 and len(shape) in Flatten.ranks:
            return self.add("flatten", {}, [node], f"{path}flatten").node
        alone = len(merged) == 1 and len(sizes) == len(shape) - len(merged[0]) + 1
        was_divided = self._is_reshape(node)
        if alone and held == sorted(held) and len(shape) in Flatten.ranks and not was_divided:
            first, last = merged[0][0], merged[0][-1]
            body = {"first": first} if last == len(shape) - 1 else {"first": first, "last": last}
            return self.add("flatten", body, [node], f"{path}flatten").node
        return self._reshaped(node, sizes, path)

    def _reshaped(self, node: int, sizes: Shape, path: str) -> int:
        """Return the values of a node with these sizes; two reshapes in a row are one.

        Errors: Unknown for a single value without axes.
        """
        if not sizes:
            raise Unknown("it returns one value for each image, without an axis")
        if self._is_reshape(node):
            node = self.graph.nodes[node].inputs[0]
        opened = with_one_open(self.graph.nodes[node].shape, sizes)
        return self.add("reshape", {"sizes": opened}, [node], f"{path}reshape").node

    def _is_reshape(self, node: int) -> bool:
        op = self.graph.nodes[node].op
        return op is not None and op.key == "reshape"

    def is_shuffle(self, node: int, groups: Sequence[Group]) -> bool:
        """Return whether a reshape has divided channels, and they are merged in another order."""
        if not self._is_reshape(node):
            return False
        divided = self.graph.nodes[node]
        x, y = self.graph.nodes[divided.inputs[0]].shape, divided.shape
        rest = [(axis,) for axis in range(2, len(y))]
        return tuple(x[1:]) == tuple(y[2:]) and [*groups] == [(1, 0), *rest]

    def _shuffled(self, node: int, path: str) -> int:
        """Return a shuffle of channels in place of the reshape that divides them."""
        divided = self.graph.nodes[node]
        body = {"groups": divided.shape[0]}
        return self.add("channel_shuffle", body, divided.inputs, f"{path}channel_shuffle").node


def without_unread_moves(graph: Graph) -> Graph:
    """Return a graph without the layers that only move values and that nothing reads.

    Such a layer may have been added before it was known that another one computes the same.
    """
    read = {*graph.outputs}
    kept: list[int] = []
    for n, node in reversed([*enumerate(graph.nodes)]):
        if n in read or node.op is None or not isinstance(node.op, Rearrangement):
            kept.append(n)
            read.update(node.inputs)
    return with_nodes(graph, kept[::-1])


def with_sums_joined(graph: Graph) -> Graph:
    """Return a graph in which a sum of a sum that nothing else reads is one: a + b + c."""
    readers = Counter(m for node in graph.nodes for m in node.inputs)
    readers.update(graph.outputs)
    gone: set[int] = set()
    for node in graph.nodes:
        if not _is_plain_sum(graph, node):
            continue
        for m in node.inputs:
            if readers[m] == 1 and m not in gone and _is_plain_sum(graph, graph.nodes[m]):
                others = [other for other in node.inputs if other != m]
                node.inputs = (*graph.nodes[m].inputs, *others)
                gone.add(m)
                break
    return with_nodes(graph, [n for n in range(len(graph.nodes)) if n not in gone])


def _is_plain_sum(graph: Graph, node: Node) -> bool:
    """Return whether a node adds up tensors of one shape."""
    is_sum = node.op is not None and node.op.key == "add"
    return is_sum and all(shape == node.shape for shape in graph.shapes_into(node))


def with_nodes(graph: Graph, kept: Sequence[int]) -> Graph:
    """Keep some of the nodes of a graph; the others are not read."""
    places = {old: new for new, old in enumerate(kept)}
    nodes = [graph.nodes[n] for n in places]
    for node in nodes:
        node.inputs = tuple(places[n] for n in node.inputs)
        if node.shares is not None:
            node.shares = places[node.shares]
    graph.nodes = nodes
    graph.outputs = tuple(places[n] for n in graph.outputs)
    return graph


def _counted(groups: Sequence[Group]) -> list[Group]:
    """Return groups of as many axes, which are counted in a row.

    >>> _counted([(2,), (), (0, 1)])
    [(0,), (), (1, 2)]
    """
    found, at = [], 0
    for group in groups:
        found.append(tuple(range(at, at + len(group))))
        at += len(group)
    return found


def with_one_open(x: Shape, sizes: Shape) -> Shape:
    """Return sizes of which the largest new one is left open, so that other inputs fit.

    >>> with_one_open((8, 5, 6), (8, 30))
    (8, -1)
    >>> with_one_open((16,), (16, 1, 1))
    (-1, 1, 1)
    """
    new = [n for n, size in enumerate(sizes) if size not in (*x, 1)]
    largest = max(new or range(len(sizes)), key=lambda n: sizes[n])
    return (*sizes[:largest], -1, *sizes[largest + 1 :])


def _with_defaults(op: type[Op], body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body without what is the default of a field, however it is written."""
    fields = op.fields()
    found: dict[str, Any] = {}
    for name, value in body.items():
        field = fields[name]
        if field.is_required() or value != field.default:
            found[name] = value
    return found


def why_refused(error: Exception) -> str:
    """Return why an operator refuses its fields, on one line."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return f"`{first['loc'][0] if first['loc'] else ''}`: {first['msg']}"
