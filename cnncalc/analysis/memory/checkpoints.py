"""Which layers run again in backward, because a checkpoint kept nothing of them but its inputs."""

from __future__ import annotations

from collections.abc import Iterable

from ...diagnostic import Diagnostic, Mistake, first_of
from ...graph import Graph
from ...num import Num
from ..freezing import numbers_at
from .gradients import Gradients

GENERATOR = 5056  # bytes of the state of torch's random generator on the CPU, kept for dropout


class Again:
    """A checkpoint: `numbers` of its layers, those that `run` again, and the values it reads.

    They run again up to the last one that backward holds something of; `saving` are those layers.
    """

    def __init__(self, graph: Graph, numbers: range, saving: list[int]):
        self.numbers, self.saving = numbers, saving
        self.ran = False  # in backward
        self.run = range(numbers.start, saving[-1] + 1)
        last = graph.nodes[saving[-1]].op
        # torch stops as soon as it has all that is saved: inside the call of the last layer.
        self.makes_last_output = bool(last and (last.keeps_output or last.keeps_written))
        read = (m for n in numbers for m in graph.nodes[n].holds)
        self.inputs = tuple(dict.fromkeys(m for m in read if m not in numbers))
        self.last: dict[int, int] = {}  # for each of its own values, the last layer that reads it
        for n in self.run:
            self.last |= {m: n for m in graph.nodes[n].holds if m in numbers}


def checkpointed(graph: Graph, gradients: Gradients) -> dict[int, Again]:
    """Return for each layer its checkpoint, without those of which backward holds nothing."""
    found: dict[int, Again] = {}
    for numbers in graph.checkpoints:
        saving = [n for n in numbers if saves(graph, gradients, n)]
        if saving:
            found |= dict.fromkeys(numbers, Again(graph, numbers, saving))
    return found


def saves(graph: Graph, gradients: Gradients, n: int) -> bool:
    """Return whether autograd saves any tensor of a layer, its parameters included."""
    node = graph.nodes[n]
    if node.op is None or not gradients.passes[n]:
        return False
    kept = node.op.keeps(*graph.shapes_into(node), y=node.shape, back=gradients.of(node))
    return any(kept) or graph.has_parameters(node)


def recomputed_macs(graph: Graph, batch: int = 1) -> Num:
    """Return the multiply–accumulates of all layers that run again, for the batch."""
    again = checkpointed(graph, Gradients(graph))
    total: Num = 0
    for n, part in again.items():
        node = graph.nodes[n]
        if node.op is not None and n in part.run:
            total += node.op.cost(*graph.shapes_into(node), y=node.shape).mac * batch
    return total


def checkpoint(graph: Graph, paths: Iterable[str]) -> None:
    """Checkpoint blocks, chains and branches, beside those that the spec checkpoints.

    ``first..last`` names all layers from one path to another.

    Errors: a Mistake with every path that is unknown (CNN111), or that cannot be cut out (CNN103).
    """
    faults: list[Diagnostic] = []
    for path in paths:
        first, _, last = path.partition("..")
        ends = numbers_at(graph, [first, last] if last else [first])
        numbers = [n for part in ends for n in part]
        fault = None
        if numbers and min(ends[-1], default=0) < min(ends[0], default=0):
            fault = Diagnostic("CNN111", f"`{last}` runs before `{first}`")
        elif numbers:
            fault = graph.checkpoint(range(min(numbers), max(numbers) + 1))
        if fault is not None:
            faults.append(fault)
    if faults:
        raise Mistake(*first_of(faults))
