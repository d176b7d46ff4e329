"""Makes random graphs with many views and in-place layers, such as slices of permutations.

They are drawn from the operators' own schemas, so a new operator is covered at once.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator

from cnncalc.diagnostic import Mistake
from cnncalc.graph import Graph, Node, checked
from cnncalc.num import Shape, product
from cnncalc.ops.base import Op

from .cases import COMPUTED, body_of, instance, plausible, shape

LARGEST = 3000  # values of an output of one image
OFTEN = {"slice": 5, "permute": 5, "flatten": 4, "reshape": 4, "crop": 4, "relu": 5, "dropout": 3}


def graphs(seed: int, count: int, keys: Collection[str] = ()) -> Iterator[Graph]:
    """Yield random graphs of the operators with these keys; of all operators if none are given."""
    rng = random.Random(seed)
    ops = [op for op in COMPUTED if not keys or op.key in keys]
    for _ in range(count):
        yield graph(rng, ops)


def graph(rng: random.Random, ops: list[type[Op]]) -> Graph:
    """Return a graph of 1–2 inputs, 4–12 layers and 1–3 outputs, two of which may be the same."""
    found = Graph()
    for n in range(rng.choice((1, 1, 1, 2))):
        found.nodes.append(Node(f"x{n}", None, (), shape(rng, rng.choice((2, 3, 3, 3, 3, 4)))))
    wanted = len(found.nodes) + rng.randint(4, 12)
    while len(found.nodes) < wanted:
        node = shared(found, rng) if rng.random() < 0.05 else layer(found, ops, rng)
        if node is not None:
            found.nodes.append(node)
    last = len(found.nodes) - 1
    computed = range(len(found.inputs), last + 1)
    found.outputs = (last, *rng.choices(computed, k=rng.choice((0, 0, 0, 1, 2))))
    return found


def layer(graph: Graph, ops: list[type[Op]], rng: random.Random) -> Node | None:
    """Return a layer on the last node or another one, or None if what was drawn does not fit."""
    (op,) = rng.choices(ops, [OFTEN.get(op.key, 1) for op in ops])
    source = len(graph.nodes) - 1
    if rng.random() < 0.25:
        source = rng.randrange(len(graph.nodes))
    x = graph.nodes[source].shape
    body = plausible(op, body_of(op, rng, len(x) - 1), rng, x)
    made = instance(op, body)
    if made is None:
        return None
    more = 1 if any(body.get(name) for name in op.layers_named) else 0
    if op.joins():
        more = rng.randint(max(op.inputs[0] - 1, 0), (op.inputs[1] or 3) - 1)
    others = [rng.randrange(len(graph.nodes)) for _ in range(more)]
    inputs = (source, *others)
    return made_of(graph, made, inputs, f"{op.key}{len(graph.nodes)}")


def shared(graph: Graph, rng: random.Random) -> Node | None:
    """Return a second call of a layer with weights, on another input of the same shape."""
    owner = rng.randrange(len(graph.nodes))
    node = graph.nodes[owner]
    if node.op is None or node.shares is not None or len(node.inputs) != 1:
        return None
    x = graph.nodes[node.inputs[0]].shape
    if not node.op.weights(x) and not node.op.buffers(x):
        return None  # its second call is a layer of its own
    alike = [n for n, other in enumerate(graph.nodes) if tuple(other.shape) == tuple(x)]
    call = made_of(graph, node.op, (rng.choice(alike),), f"again{len(graph.nodes)}")
    if call is not None:
        call.shares = owner
    return call


def made_of(graph: Graph, op: Op, inputs: tuple[int, ...], path: str) -> Node | None:
    """Return the node of an operator, or None if it refuses its inputs."""
    shapes: list[Shape] = [graph.nodes[n].shape for n in inputs]
    try:
        y = checked(op, shapes)
    except Mistake:
        return None
    return Node(path, op, inputs, y) if product(y) <= LARGEST else None
