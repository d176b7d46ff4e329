"""Finds the smallest input that a network takes, and advice on an input that it does not take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import and_
from typing import NamedTuple

from ..diagnostic import Mistake
from ..graph import Graph, checked
from ..num import NoFormula, Shape
from ..size_set import SizeSet
from ..wording import shape_text, sizes_text
from .input_sizes import fitting_sizes


class _Image(NamedTuple):
    """The only input of a network, and the sizes that it may have.

    Attributes:
        shape: its shape as written.
        frames: the sizes for the axis before the sides, if there is one.
        sides: the sizes for each of the last two axes, or for the only one.
    """

    shape: Shape
    frames: tuple[SizeSet, ...]
    sides: tuple[SizeSet, ...]

    def square(self) -> SizeSet:
        """Return the sizes that all sides may have."""
        return reduce(and_, self.sides)


def smallest_input(graph: Graph) -> Shape | None:
    """Return the smallest square input that every layer takes; channels and frames stay the same.

    None if the network does not have exactly one input with spatial axes, if no square fits, or if
    the layers themselves depend on the size. Only sizes are solved for: the layers stay as they
    are, and so do the parameters of a linear layer after a flatten.
    """
    image = _image(graph)
    side = image.square().smallest if image else None
    if image is None or side is None:
        return None
    kept = image.shape[: -len(image.sides)]
    if not all(n in sizes for n, sizes in zip(kept[1:], image.frames)):
        return None
    return _if_accepted(graph, (*kept, *(side,) * len(image.sides)))


def fewest_frames(graph: Graph, sides: Shape) -> Shape | None:
    """Return the input with the fewest frames that a network for videos takes, with these sides."""
    image = _image(graph)
    if image is None or not image.frames or image.frames[0].smallest is None:
        return None
    if not all(n in sizes for n, sizes in zip(sides, image.sides)):
        return None
    return _if_accepted(graph, (image.shape[0], image.frames[0].smallest, *sides))


def _image(graph: Graph) -> _Image | None:
    """Return the only input of a network if it has spatial axes that can be solved for."""
    if not graph.outputs or len(graph.inputs) != 1 or graph.follows_input:
        return None
    shape = tuple(graph.inputs[0].shape)
    try:
        axes = list(fitting_sizes(graph).axes.values())
    except NoFormula:
        return None
    if not axes:
        return None
    return _Image(shape, tuple(axes[:-2]), tuple(axes[-2:]))


def _if_accepted(graph: Graph, shape: Shape) -> Shape | None:
    """Return a shape if every layer takes it: conditions on several sizes are not solved."""
    return shape if accepts(graph, [shape]) else None


def accepts(graph: Graph, inputs: Sequence[Shape]) -> bool:
    """Return whether every layer takes the shapes that follow from other inputs."""
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
    """Return advice for an input whose sizes do not fit; None if that is not what is wrong.

    `graph` is the network with the input in its spec.
    """
    image = _image(graph)
    if image is None or len(given) != len(image.shape):
        return None
    sides = given[-len(image.sides) :]
    square = smallest_input(graph)
    if square is not None and min(sides) < square[-1]:
        kind = "input" if len(sides) == 1 else "square input"
        if image.frames:
            kind = f"square input of {image.shape[1]} frames"
        return f"the smallest {kind} that this network takes is {shape_text(square)}"
    frames = fewest_frames(graph, sides)
    if frames is not None and given[1] < frames[1]:
        return (
            f"with sides of {shape_text(sides)}, this network needs at least {frames[1]}"
            f" frames: {shape_text(frames)}"
        )
    return next(_near_sizes(image, sides), None)


def _near_sizes(image: _Image, sides: Shape) -> Iterator[str]:
    """Yield advice on a side between the sizes that fit: the nearest ones, and the rule."""
    for n, sizes in zip(sides, image.sides):
        near = [m for m in (sizes.up_to(n), sizes.beyond(n)) if m is not None]
        if n not in sizes and near:
            names = " and ".join(map(str, near))
            rule = sizes_text(sizes, "size")
            yield f"the nearest sizes to {n} that this network takes are {names} ({rule})"
