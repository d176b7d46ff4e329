"""What a network needs on a microcontroller with int8: SRAM for its tensors, flash for its weights.

A normalization that is a fixed scale and shift of each channel is part of the filters before it.
Weights of convolutions and linear layers are int8; every other number, such as a bias, takes 32
bits. The code of the runtime, its own memory, the scales of quantization and the scratch memory of
single layers depend on the runtime, and are not counted.
"""

from __future__ import annotations

from typing import NamedTuple

from ...diagnostic import Diagnostic, Mistake
from ...graph import Graph
from ...num import product
from ...ops.base import COUNTER
from ..folding import folded
from .arena import Arena, arena, in_arena, lifetimes
from .order import WIDTH, Order, best_order, reordered

NUMBER = 4  # bytes of a number that is not a weight in int8


class Deployment(NamedTuple):
    """A network on a microcontroller; sizes are in bytes.

    `graph` is the network with its normalizations folded, in the order in which its layers run.
    `order` is the order with the smallest peak, in the numbers of the order written; None if
    it was not looked for. It is `used` if the arena is smaller with it.
    """

    graph: Graph
    order: Order | None
    used: bool
    arena: Arena
    weights: int
    others: int

    @property
    def sram(self) -> int:
        """Bytes for the tensors."""
        return self.arena.size

    @property
    def flash(self) -> int:
        """Bytes for the parameters."""
        return self.weights + self.others

    def fits(self, sram: int, flash: int) -> bool:
        """Whether a device with that many bytes has room for it."""
        return self.sram <= sram and self.flash <= flash


def deployed(graph: Graph, reorder: bool = True, width: int = WIDTH) -> Deployment:
    """Fold a network's normalizations, order its layers and place its tensors.

    With `reorder` false the layers run in the order written; so they do where another order does
    not make the arena smaller. `width` is that of `best_order`.

    Errors: a Mistake for a network with `maxunpool`.
    """
    for n in graph.places:
        path = graph.nodes[n].path
        message = f"an arena has no place for the indices of `{path}`, which `maxunpool` reads"
        raise Mistake(Diagnostic("CNN103", message, graph.nodes[n].position))
    graph = folded(graph)
    placed, used = arena(lifetimes(graph)), False
    order = best_order(graph, in_arena(graph), width) if reorder else None
    if order is not None and order.saved:
        other = reordered(graph, order.nodes)
        found = arena(lifetimes(other))
        if found.size < placed.size:
            graph, placed, used = other, found, True
    weights, others = parameter_bytes(graph)
    return Deployment(
        graph=graph, order=order, used=used, arena=placed, weights=weights, others=others
    )


def parameter_bytes(graph: Graph) -> tuple[int, int]:
    """Return the bytes of the weights in int8, and of all other numbers."""
    weights = others = 0
    for node in graph.nodes:
        if node.op is None or node.shares is not None:
            continue
        xs = graph.shapes_into(node)
        for name, shape in node.op.weights(*xs).items():
            if node.op.multiplies and name != "bias":
                weights += product(shape)
            else:
                others += product(shape) * NUMBER
        for name, shape in node.op.buffers(*xs).items():
            others += int(product(shape)) * NUMBER * (name != COUNTER)
    return weights, others
