"""What layers hold in memory: what they keep for backward, and what they make at busy moments."""

from __future__ import annotations

from typing import Literal, NamedTuple

from ..num import Num, Shape
from .shapes import values

Storage = Literal["new", "view", "inplace"]
# A new tensor, or a view of the output's gradient.
Gradient = Literal["new", "view"] | None
NEW: Gradient = "new"
VIEW: Gradient = "view"


class Backward(NamedTuple):
    """How the network runs before backward: in which mode, and which inputs need gradients.

    If `gradients` is empty, all inputs need one. `trained` says whether the layer's own parameters
    get gradients, if it has any.
    """

    training: bool = True
    gradients: tuple[bool, ...] = ()
    trained: bool = True

    def needs(self, n: int) -> bool:
        """Return whether input n needs a gradient."""
        return not self.gradients or self.gradients[n]


class Extra(NamedTuple):
    """A tensor that a layer makes beside its output: `count` numbers for each image, or `once`.

    The kind says how wide a number is. `values` have the type that the layer computes with,
    `parameters` that of its parameters, `means` that of the means in a layer of several operations.
    `lengths` are at least float32. `statistics` of a norm are wider in some runs, and those of a
    norm without parameters in fewer. `indices` take 8 bytes, a `mask` and what is `declared` a
    byte, and the random `noise` of dropout a byte on a card, where a `buffer` takes nothing. What
    is `uncast` is there only where autocast makes a copy of it, to compute with it or to take
    means; it has the type of the parameters or of the input. What attention with dropout keeps is
    `upcast` to float32 or more on the CPU, where it keeps `scores` too; on a card it keeps their
    `sums` instead.

    If `among` is not 0, the numbers are as wide as the widest of the first so many inputs.
    """

    count: Num
    kind: Literal[
        "values",
        "parameters",
        "means",
        "uncast",
        "uncast means",
        "lengths",
        "statistics",
        "bare statistics",
        "indices",
        "noise",
        "mask",
        "declared",
        "buffer",
        "upcast",
        "scores",
        "sums",
    ] = "values"
    once: bool = False
    among: int = 0


class Kept(NamedTuple):
    """What is kept in memory for backward: inputs by number, the output, and further tensors.

    Parameters and buffers are held anyway, and are not counted. But autocast may make copies of
    parameters, so `parameters` names those that backward reads.
    """

    inputs: tuple[int, ...] = ()
    output: bool = False
    extras: tuple[Extra, ...] = ()
    parameters: tuple[str, ...] = ()


NOTHING = Kept()


class Moment(NamedTuple):
    """All tensors that a layer makes and holds at once, at a busy moment.

    In backward, at a `late` moment the output's gradient is free again, and what the layer kept
    beside its inputs and output; and these too from the first one on at which they are not `read`.
    The copies of parameters that autocast made are free from the first one without `copies` on.

    In forward, the copies of parameters are made after the moments without `copies`. The copies of
    inputs are free at a moment without `casts`, unless they are kept.
    """

    extras: tuple[Extra, ...]
    late: bool = False
    read: bool = True
    copies: bool = True
    casts: bool = True


def at_once(*extras: Extra) -> tuple[Moment]:
    """These tensors at one moment."""
    return (Moment(extras),)


def later(*extras: Extra, read: bool = True, copies: bool = True) -> tuple[Moment]:
    """These tensors at one late moment."""
    return (Moment(extras, late=True, read=read, copies=copies),)


def product_and_sum(x: Shape, n: Num, back: Backward) -> tuple[Moment, ...]:
    """Gradients of an input and of n parameters, the latter in full before they are summed.

    The former may have been converted to its type by then.
    """
    both = Extra((1 + back.needs(0)) * values(x)), Extra(n, once=True)
    converted = Extra(back.needs(0) * values(x), "uncast", among=1)
    return at_once(*both) + at_once(both[0], converted)
