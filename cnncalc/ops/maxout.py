"""Activation functions of several channels: maxout."""

from __future__ import annotations

from collections.abc import Iterator

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, contiguous
from ..num import Shape
from .base import Op
from .field_types import Positive
from .kept import Backward, Extra, Kept, Moment, at_once
from .needs import Need, divides
from .reads import ChannelReads, Taken
from .shapes import units_of, values
from .torch_call import TorchCall


class Maxout(Op):
    """Keeps the largest value of each group of `pieces` neighbouring channels.

    Shapes: (C, *n) -> (C/pieces, *n)
    Rule: y = max(x₁, x₂, …) over the channels of a group; `pieces` must divide C
    Cost: pieces − 1 comparisons per output value
    Fields:
        pieces: number of channels in a group

    Source: Goodfellow et al. 2013, Maxout networks, arXiv:1302.4389
    Example: `maxout: 2` on 64×56×56
    """

    key = "maxout"
    main = "pieces"
    keeps_output = True
    pieces: Positive

    def needs(self, x: Shape) -> Iterator[Need]:
        up = -(-x[0] // self.pieces) * self.pieces
        text = f"{x[0]} channels cannot be divided into groups of {self.pieces}"
        fault = Diagnostic("CNN205", text, help=f"use {up} channels")
        yield divides(x[0], self.pieces, lambda: fault)

    def shape(self, x: Shape) -> Shape:
        return (x[0] // self.pieces, *x[1:])

    def units(self, x: Shape) -> frozenset[int]:
        return units_of(x) - {0}

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(cmp=(self.pieces - 1) * values(y))

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,), output=True)

    def busiest_backward(self, x: Shape, *, y: Shape, back: Backward) -> tuple[Moment, ...]:
        """The largest values, where they were, and their share of the gradient."""
        counts = Extra(values(y), "indices")
        return at_once(Extra(values(x)), Extra(values(x), "mask"), Extra(values(y)), counts)

    def channels(self, x: Shape) -> ChannelReads:
        pieces = (range(c, c + self.pieces) for c in range(0, x[0], self.pieces))
        return [Taken(0, piece, shared_by=1) for piece in pieces]

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return contiguous(y)

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("Maxout", {"pieces": self.pieces})

    def linearized(self, x: Shape) -> TorchCall:
        """Return a mean: it has a gradient at every channel, a maximum at one only."""
        return TorchCall("PieceMean", {"pieces": self.pieces})
