"""Axes as users write them: axis 0 holds the channels, and the batch is not counted."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ..diagnostic import Diagnostic
from ..num import Num, Shape
from ..wording import shape_text
from .needs import Need

MOST_AXES = 4  # of a tensor, with the channels and without the batch
Axis = Annotated[int, Field(ge=0, le=MOST_AXES - 1, description="an axis, from 0 (channels) to 3")]
Axes = Annotated[
    tuple[Axis, ...],
    Field(min_length=1, max_length=MOST_AXES, description="a list of axes, such as [1, 2]"),
]
NO_BATCH = "the batch is not counted as an axis: the channels are `axis: 0`"


def has_axis(axis: int, x: Shape, more: int = 0) -> Need:
    """Return the condition that a shape with so many more axes has this axis."""
    last = len(x) - 1 + more
    whose = "output" if more else "input"
    return Need(
        last - axis,
        lambda: Diagnostic(
            "CNN201",
            f"there is no axis {axis}: the last axis of the {whose} is {last}",
            help="axes are numbered from 0, the channels, without the batch",
        ),
    )


def replaced(x: Shape, axis: int, size: Num) -> Shape:
    """Return a shape with another size on one axis."""
    return (*x[:axis], size, *x[axis + 1 :])


def last_of_two(key: str, x: Shape) -> Diagnostic:
    """Return the note that a layer on two axes works along the last one, as in torch."""
    return Diagnostic(
        "CNN118",
        f"`{key}` works along the last axis of {shape_text(x)}, on {x[0]} vectors of {x[1]}",
        help="write `over: last` if that is meant, or `over: channels` for the first axis",
        severity="note",
    )
