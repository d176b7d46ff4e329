"""Which layers may write over their input without a change to what the network computes."""

from __future__ import annotations

from ...graph import Graph


def written_over(graph: Graph) -> set[int]:
    """Return the nodes whose layers run in place, in any mode and at any batch.

    A layer with an in-place form does if nothing else needs the memory of its input: it is not an
    input or an output of the network, no other layer reads it, here or through a view, and no
    layer that wrote it keeps its output for backward. `flatten` and `reshape` count as views even
    where they copy, since that depends on the device: a network is built for any.
    """
    readers = graph.readers()
    written: set[int] = set()
    free: list[bool] = []  # whether a reader may write over what this node holds
    for n, node in enumerate(graph.nodes):
        op = node.op
        if op is None:
            free.append(False)
            continue
        source = node.inputs[0]
        xs = graph.shapes_into(node)
        alone = readers[source] == 1 and free[source]
        if alone and op.storage_in_training(*xs) == "inplace":
            written.add(n)
            free.append(not (op.keeps_output or op.keeps_written))
        else:
            free.append(alone if op.storage(*xs) == "view" else not op.keeps_output)
    return written
