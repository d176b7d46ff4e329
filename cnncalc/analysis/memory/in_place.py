"""Which layers may write over their input without a change to what the network computes."""

from __future__ import annotations

from ...graph import Graph


def written_over(graph: Graph) -> set[int]:
    """Return the nodes whose layers run in place, in any mode and at any batch.

    A layer with an in-place form does if nothing else needs the memory of its input: it is not an
    input or an output of the network, no other layer reads it, here or through a view, and no
    layer that wrote it keeps its output for backward. Every view counts as one, though some are
    copies at some batches. Layers that share weights are one module: they run in place if all can.
    """
    refused: set[int] = set()  # modules, by the node that owns their weights
    while True:
        written, blocked = _attempt(graph, refused)
        conflicts = {module for module in written.values() if module in blocked}
        if not conflicts:
            return set(written)
        refused |= conflicts


def _attempt(graph: Graph, refused: set[int]) -> tuple[dict[int, int], set[int]]:
    """Let each layer write where it can; `refused` modules do not.

    Returns the nodes that write, with their modules, and the modules of those that cannot.
    """
    readers = graph.readers()
    free: list[bool] = []  # whether a reader may write over what this node holds
    written: dict[int, int] = {}
    blocked: set[int] = set()
    for n, node in enumerate(graph.nodes):
        op = node.op
        if op is None:
            free.append(False)
            continue
        source = node.inputs[0]
        xs = graph.shapes_into(node)
        alone = readers[source] == 1 and free[source]
        if op.storage_in_training(*xs) == "inplace":
            module = n if node.shares is None else node.shares
            if alone and module not in refused:
                written[n] = module
                free.append(not (op.keeps_output or op.keeps_written))
                continue
            blocked.add(module)
        free.append(alone if op.storage(*xs) == "view" else not op.keeps_output)
    return written, blocked
