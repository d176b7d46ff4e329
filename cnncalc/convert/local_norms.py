"""Finds local response norms in a graph: exporters write what torch computes for one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any

from ..graph import Graph, Node, checked
from ..ops.base import Op
from ..ops.field_types import each_side
from ..ops.lrn import Lrn
from ..ops.pad import Pad
from ..ops.pool import AvgPool
from .layers import with_nodes

# From the squares to what they are divided by. Reshapes, which keep the order, may be anywhere.
_STEPS = ("mul", "pad", "avgpool", "scale", "shift", "pow")
_MAY_LACK = ("shift", "pow")  # a sum with 0, the power of 1


def with_local_norms(graph: Graph) -> Graph:
    """Return a graph in which x / (k + α·mean of x² over channels)^β is one layer."""
    readers = Counter(m for node in graph.nodes for m in node.inputs)
    readers.update(graph.outputs)
    gone: set[int] = set()
    for node in graph.nodes:
        if _key(node) != "div" or len(node.inputs) != 2:
            continue
        x, divisor = node.inputs
        chain = [*_chain(graph, divisor, readers)]
        op = _norm_of(graph, x, chain[::-1])
        if op is not None:
            gone.update(chain)
            paths = [graph.nodes[n].path for n in chain] + [node.path]
            node.path = _path(graph, paths)
            node.op, node.inputs = op, (x,)
    return with_nodes(graph, [n for n in range(len(graph.nodes)) if n not in gone])


def _chain(graph: Graph, n: int, readers: Counter[int]) -> Iterator[int]:
    """Yield the nodes, the last first, that nothing else reads, up to the squares."""
    while True:
        key = _key(graph.nodes[n])
        if key not in (*_STEPS, "reshape") or readers[n] != 1:
            return
        yield n
        if key == "mul":
            return
        n = graph.nodes[n].inputs[0]


def _norm_of(graph: Graph, x: int, chain: list[int]) -> Op | None:
    """Return the norm of node x that a chain from its squares computes; None if it is another."""
    nodes = {_key(graph.nodes[n]): graph.nodes[n] for n in chain}
    found = [key for n in chain if (key := _key(graph.nodes[n])) != "reshape"]
    if found != [key for key in _STEPS if key in found or key not in _MAY_LACK]:
        return None
    squares, pad, mean = (nodes[key] for key in ("mul", "pad", "avgpool"))
    sizes: Any = graph.nodes[x].shape
    if squares.inputs != (x, x) or graph.shapes_into(pad) != [(1, *sizes)]:
        return None
    size = mean.op.kernel[0] if isinstance(mean.op.kernel, tuple) else 0  # type: ignore[union-attr]
    flat = len(sizes) - 1  # axes of positions
    around = each_side([(size // 2, (size - 1) // 2), *[(0, 0)] * flat])
    means = AvgPool(kernel=(size, *[1] * flat), stride=1)
    plain = all(getattr(nodes[key].op, "trained", "none") == "none" for key in nodes)
    if not plain or pad.op != Pad(amount=around) or mean.op != means:
        return None
    numbers = {
        "alpha": nodes["scale"].op.by,  # type: ignore[union-attr]
        "k": nodes["shift"].op.by if "shift" in nodes else 0.0,  # type: ignore[union-attr]
        "beta": nodes["pow"].op.exponent if "pow" in nodes else 1.0,  # type: ignore[union-attr]
    }
    op = Lrn(size=size, **numbers)
    return op if len(sizes) in op.ranks and checked(op, [sizes]) == sizes else None


def _key(node: Node) -> str:
    return node.op.key if node.op is not None else ""


def _path(graph: Graph, paths: list[str]) -> str:
    """Return a path for the norm: that of the module that makes all these layers, or inside it."""
    around = paths[-1].rpartition(".")[0]
    inside = f"{around}."
    others = {node.path for node in graph.nodes} - {*paths}
    alone = not any(path == around or path.startswith(inside) for path in others)
    if around and alone and all(path.startswith(inside) for path in paths):
        return around
    names = (f"{inside if around else ''}lrn{n}" for n in count(1))
    return next(name for name in names if name not in others)
