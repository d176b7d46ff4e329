"""Finds layers that may write over their input without changing what the network computes."""

from __future__ import annotations

from ...graph import Graph


def written_over(graph: Graph) -> set[int]:
    """Return the nodes whose layers run in place, in any mode and with any batch.

    A layer with an in-place form runs in place if nothing else needs the memory of its input: that
    is not an input or output of the network, no other layer reads it, directly or through a view,
    and the layer that wrote it does not keep its output for backward. `flatten` and `reshape` count
    as views even where they copy, since that depends on the device, and a network may run on any.
    What enters a checkpoint is needed again in backward, so nothing in it writes over that.
    """
    part = {n: numbers.start for numbers in graph.checkpoints for n in numbers}
    readers = graph.readers()
    written: set[int] = set()
    free: list[bool] = []  # whether a reader may write over the memory of this node
    for n, node in enumerate(graph.nodes):
        op = node.op
        if op is None:
            free.append(False)
            continue
        source = node.inputs[0]
        xs = graph.shapes_into(node)
        enters = n in part and part.get(source) != part[n]
        alone = readers[source] == 1 and free[source] and not enters
        if alone and op.storage_in_training(*xs) == "inplace":
            written.add(n)
            free.append(not (op.keeps_output or op.keeps_written))
        else:
            free.append(alone if op.storage(*xs) == "view" else not op.keeps_output)
    return written
