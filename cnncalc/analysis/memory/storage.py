"""Finds where each layer's output is in memory; counts bytes of parameters and buffers."""

from __future__ import annotations

from typing import NamedTuple

from ...graph import Graph, Node
from ...layout import Layout, contiguous
from ...num import Num, product
from ...ops.base import COUNTER
from .in_place import written_over


class Memory(NamedTuple):
    """Where the outputs of a graph's nodes are in memory."""

    homes: list[int]  # for each node, the node whose memory holds its values
    layouts: dict[int, Layout]  # of the nodes whose values are not contiguous


def storages(graph: Graph, batch: Num = 1) -> list[int]:
    """Return for each node the node whose memory holds its values at inference.

    That is the node itself, but for a view or an in-place layer the home of its input.
    """
    return memory(graph, batch).homes


def memory(graph: Graph, batch: Num = 1, training: bool = False) -> Memory:
    """Follow sizes, strides and offsets as torch does on the CPU, at inference or in training.

    A view that does not fit the strides of its input is a copy, such as `flatten` of a map without
    its last row. `flatten` of a map's first channels is a view.
    """
    nodes, over = graph.nodes, written_over(graph)
    homes = list(range(len(nodes)))
    layouts: dict[int, Layout] = {}
    for n, node in enumerate(nodes):
        op = node.op
        if op is None:
            continue
        xs = graph.shapes_into(node)
        kind = op.storage_in_training(*xs) if training else op.storage(*xs)
        shared = kind == "view" or kind == "inplace" and n in over
        # Only a few layers make contiguous values non-contiguous.
        if op.reorders or layouts and not layouts.keys().isdisjoint(node.inputs):
            given = [
                layouts[m] if m in layouts else contiguous((batch, *nodes[m].shape))
                for m in node.inputs
            ]
            y = (batch, *node.shape)
            found = op.viewed(*given, y=y) if shared else None
            shared = found is not None
            if found is None:
                lay_out = op.laid_out_in_training if training else op.laid_out
                found = lay_out(*given, y=y)
            if found != contiguous(y):
                layouts[n] = found
        if shared:
            homes[n] = homes[node.inputs[0]]
    return Memory(homes, layouts)


def buffer_bytes(graph: Graph, width: int) -> int:
    """Return the bytes of all buffers, with `width` bytes per number."""
    return sum(sum(own_bytes(graph, node, width)[1].values()) for node in graph.nodes)


def own_bytes(graph: Graph, node: Node, width: int) -> tuple[dict[str, int], dict[str, int]]:
    """Return the bytes of a layer's own parameters and buffers, by name; none if it shares them.

    What a layer does not declare counts nothing.

    NOTE: batch normalization counts batches in a 64-bit integer, whatever the dtype.
    """
    if node.op is None or node.shares is not None:
        return {}, {}
    xs = graph.shapes_into(node)
    params = {name: int(product(shape)) * width for name, shape in node.op.weights(*xs).items()}
    buffers = {}
    for name, shape in node.op.buffers(*xs).items():
        buffers[name] = product(shape) * (8 if name == COUNTER else width)
    return params, buffers
