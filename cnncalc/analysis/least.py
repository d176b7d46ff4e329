"""The least input that a network takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..diagnostic import Mistake
from ..graph import Graph, checked
from ..num import Shape
from ..ops.base import named

SCANNED = 1024  # sizes tried one by one; of larger inputs, halves


def least_input(graph: Graph) -> Shape | None:
    """The least image, its sides as long as each other, that every layer takes; None where the network has no image.

    Channels, and the frames of a video, stay as they are. The layers of a network do not depend on the size of its input.
    """
    first = graph.inputs[0].shape if graph.outputs and len(graph.inputs) == 1 else ()
    if len(first) < 2:
        return None
    kept = first[:-2] if len(first) > 2 else first[:-1]
    sides = len(first) - len(kept)
    n = least(max(first[-sides:]), lambda n: takes(graph, [(*kept, *(n,) * sides)]))
    return None if n is None else (*kept, *(n,) * sides)


def least(most: int, fits: Callable[[int], bool]) -> int | None:
    """The least number up to `most` that fits; past `SCANNED`, as if whatever is larger than one that fits did too."""
    if most <= SCANNED:
        return next((n for n in range(1, most + 1) if fits(n)), None)
    low = 0
    if not fits(most):
        return None
    while most - low > 1:
        middle = (low + most) // 2
        low, most = (low, middle) if fits(middle) else (middle, most)
    return most


def takes(graph: Graph, inputs: Sequence[Shape]) -> bool:
    """Whether every layer takes what other inputs bring it."""
    shapes: list[Shape] = []
    given = iter(inputs)
    try:
        for node in graph.nodes:
            shapes.append(next(given) if node.op is None else checked(node.op, [shapes[n] for n in node.inputs]))
    except Mistake:
        return False
    return True


def smallest(shape: Shape) -> str:
    """What to say of it."""
    return f"the least input that this network takes is {named(shape)}"
