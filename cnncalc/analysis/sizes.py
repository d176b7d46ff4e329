"""The least input that a network takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..diagnostic import Mistake
from ..graph import Graph, checked
from ..num import Shape
from ..ops.base import named

SCANNED = 1024  # sizes tried one by one; of larger inputs, halves


def least_input(graph: Graph) -> Shape | None:
    """The least square image that every layer takes; None where the network has no image, or takes none so large as its own.

    Channels, and the frames of a video, stay as they are. The operators of a network do not depend on the size of its
    input; the parameters of a linear layer behind a flatten do.
    """
    first = image(graph)
    if first is None:
        return None
    kept, sides = first[: -sides_of(first)], sides_of(first)
    n = least(max(first[-sides:]), lambda n: takes(graph, [(*kept, *(n,) * sides)]))
    return None if n is None else (*kept, *(n,) * sides)


def least_frames(graph: Graph, sides: Shape) -> Shape | None:
    """The fewest frames that a network of videos takes, at other sides."""
    first = image(graph)
    if first is None or len(first) != 4:
        return None
    n = least(first[1], lambda n: takes(graph, [(first[0], n, *sides)]))
    return None if n is None else (first[0], n, *sides)


def image(graph: Graph) -> Shape | None:
    """The input of a network that has one, with spatial axes."""
    first = graph.inputs[0].shape if graph.outputs and len(graph.inputs) == 1 else ()
    return tuple(first) if len(first) > 1 else None


def sides_of(shape: Shape) -> int:
    """How many axes are sides of the image: the last two, or the only one."""
    return min(len(shape) - 1, 2)


def least(most: int, fits: Callable[[int], bool]) -> int | None:
    """The least number up to `most` that fits; past `SCANNED`, as if whatever is larger than one that fits did too."""
    found = next((n for n in range(1, min(most, SCANNED) + 1) if fits(n)), None)
    if found is not None or most <= SCANNED or not fits(most):
        return found
    low = SCANNED
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
            shapes.append(
                next(given)
                if node.op is None
                else checked(node.op, [shapes[n] for n in node.inputs])
            )
    except Mistake:
        return False
    return True


def instead_of(graph: Graph, given: Shape) -> str | None:
    """What to say where an input is refused that is smaller than the least; None where it is not for its size."""
    first, sides = image(graph), sides_of(given)
    if first is None or len(given) != len(first):
        return None
    square = least_input(graph)
    if square is not None and min(given[-sides:]) < square[-1]:
        square_of = (
            "input"
            if sides == 1
            else "square input"
            if len(first) == 3
            else f"square input of {first[1]} frames"
        )
        return f"the least {square_of} that this network takes is {named(square)}"
    frames = least_frames(graph, given[-sides:])
    if frames is not None and given[1] < frames[1]:
        return f"with sides of {named(given[-2:])} this network takes {frames[1]} frames or more: {named(frames)}"
    return None
