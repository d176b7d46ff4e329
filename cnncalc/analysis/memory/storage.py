"""Whose memory holds each layer's output: views and in-place layers have none of their own."""

from __future__ import annotations

from ...graph import Graph, Node
from ...num import product
from ...ops.norm import COUNTER


def storages(graph: Graph) -> list[int]:
    """For each node, the node whose memory holds its values.

    That is itself, or for views and in-place layers the home of their input. A layer with an
    in-place form runs in place if nothing else needs its input: no other layer reads that memory,
    no layer that wrote it keeps its output for backward, and it is not an input of the network.

    NOTE: what was sliced, cropped or permuted counts as not dense, so that `flatten` copies it.
    Of a single image torch can sometimes still view it: a slice of its channels, say.
    """
    nodes, readers = graph.nodes, graph.readers()
    home = list(range(len(nodes)))
    free = [True] * len(nodes)  # whether a reader may write over what this node holds
    dense = [True] * len(nodes)
    for n, node in enumerate(nodes):
        op = node.op
        if op is None:
            free[n] = False
            continue
        xs = graph.shapes_into(node)
        source = node.inputs[0]
        alone = readers[source] == 1 and free[source]
        kind = op.storage(*xs)
        if kind == "view" and op.needs_dense and not dense[source]:
            kind = "new"
        if kind == "inplace" and not alone:
            kind = "new"
        if kind == "new":
            free[n] = not op.keeps_output
            # torch keeps the order of the axes in elementwise operations
            dense[n] = not op.elementwise or all(dense[m] for m in node.inputs)
            continue
        home[n] = home[source]
        free[n] = alone and not (kind == "inplace" and (op.keeps_output or op.keeps_written))
        dense[n] = dense[source] and not op.skips(*xs)
    return home


def buffer_bytes(graph: Graph, width: int) -> int:
    """Bytes of all buffers, with `width` bytes a number."""
    return sum(sum(own_bytes(graph, node, width)[1].values()) for node in graph.nodes)


def own_bytes(graph: Graph, node: Node, width: int) -> tuple[dict[str, int], dict[str, int]]:
    """Bytes of a layer's own parameters and buffers by name; none if it uses another layer's.

    NOTE: the count of batches that batch normalization keeps is a 64-bit integer in every type.
    """
    if node.op is None or node.shares is not None:
        return {}, {}
    xs = graph.shapes_into(node)
    params = {name: product(shape) * width for name, shape in node.op.weights(*xs).items()}
    buffers = {}
    for name, shape in node.op.buffers(*xs).items():
        buffers[name] = product(shape) * (8 if name == COUNTER else width)
    return params, buffers
