"""The smallest input that a network takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..diagnostic import Mistake
from ..graph import Graph, checked
from ..num import Shape
from ..wording import shape_text

SCANNED = 1024  # sizes up to this are tried one by one, larger ones by halving


def smallest_input(graph: Graph) -> Shape | None:
    """The smallest square input that every layer takes, with the channels and frames it has.

    None if the network does not have exactly one input with spatial axes, or if no square up to
    the longest side of that input fits. Only sizes are tried: the layers stay as they are, and so
    do the parameters of a linear layer after a flatten.
    """
    image = _image_input(graph)
    if image is None:
        return None
    kept, sides = image[: -_count_sides(image)], _count_sides(image)
    n = smallest(max(image[-sides:]), lambda n: accepts(graph, [(*kept, *(n,) * sides)]))
    return None if n is None else (*kept, *(n,) * sides)


def fewest_frames(graph: Graph, sides: Shape) -> Shape | None:
    """The input with the fewest frames that a network of videos takes, at the given sides."""
    video = _image_input(graph)
    if video is None or len(video) != 4:
        return None
    channels, frames = video[:2]
    n = smallest(frames, lambda n: accepts(graph, [(channels, n, *sides)]))
    return None if n is None else (channels, n, *sides)


def _image_input(graph: Graph) -> Shape | None:
    """The input of a network that has exactly one, if it has spatial axes."""
    shape = graph.inputs[0].shape if graph.outputs and len(graph.inputs) == 1 else ()
    return tuple(shape) if len(shape) > 1 else None


def _count_sides(shape: Shape) -> int:
    """How many axes are sides of the image: the last two, or the only one."""
    return min(len(shape) - 1, 2)


def smallest(most: int, fits: Callable[[int], bool]) -> int | None:
    """The smallest number from 1 to `most` that fits; None if there is none.

    Past `SCANNED` it is found by halving, as if every number larger than a fitting one fitted too.
    """
    found = next((n for n in range(1, min(most, SCANNED) + 1) if fits(n)), None)
    if found is not None or most <= SCANNED or not fits(most):
        return found
    low = SCANNED
    while most - low > 1:
        middle = (low + most) // 2
        if fits(middle):
            most = middle
        else:
            low = middle
    return most


def accepts(graph: Graph, inputs: Sequence[Shape]) -> bool:
    """Whether every layer fits the shapes that follow from other inputs."""
    shapes: list[Shape] = []
    given = iter(inputs)
    try:
        for node in graph.nodes:
            if node.op is None:
                shapes.append(next(given))
            else:
                shapes.append(checked(node.op, [shapes[n] for n in node.inputs]))
    except Mistake:
        return False
    return True


def size_advice(graph: Graph, given: Shape) -> str | None:
    """Advice for an input that is refused because it is too small; None if that is not the reason.

    `graph` is the network with the input that it was written for.
    """
    image, sides = _image_input(graph), _count_sides(given)
    if image is None or len(given) != len(image):
        return None
    square = smallest_input(graph)
    if square is not None and min(given[-sides:]) < square[-1]:
        kind = "input" if sides == 1 else "square input"
        if len(image) == 4:
            kind = f"square input of {image[1]} frames"
        return f"the least {kind} that this network takes is {shape_text(square)}"
    frames = fewest_frames(graph, given[-sides:])
    if frames is not None and given[1] < frames[1]:
        return (
            f"with sides of {shape_text(given[-2:])} this network takes {frames[1]} frames or more:"
            f" {shape_text(frames)}"
        )
    return None
