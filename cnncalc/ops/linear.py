"""Layers on vectors: fully connected, and LeNet-5's radial basis functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..cost import Cost
from ..num import Shape
from .base import NO_AXES, Backward, Kept, Op, named
from .field_types import Flag, Positive

if TYPE_CHECKING:
    from torch import nn


class Linear(Op):
    """Fully connected, as torch.nn.Linear: (F,) -> (out,)."""

    key = "linear"
    multiplies = True
    main = "out"
    ranks = (1,)
    out: Positive
    bias: Flag = True

    def shape(self, x: Shape) -> Shape:
        return (self.out,)

    def weights(self, x: Shape) -> dict[str, Shape]:
        return (
            {"weight": (self.out, x[0]), "bias": (self.out,)}
            if self.bias
            else {"weight": (self.out, x[0])}
        )

    def units(self, *xs: Shape) -> frozenset[int]:
        return NO_AXES

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(mac=self.out * x[0], add=self.out if self.bias else 0)

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,))

    def arithmetic(self, x: Shape) -> str:
        return f"{x[0]} inputs → {self.out} outputs"

    def module(self, x: Shape) -> nn.Module:
        from torch import nn

        return nn.Linear(x[0], self.out, self.bias)


class Rbf(Op):
    """LeNet-5's output layer: squared distance to `out` fixed centres, (F,) -> (out,). The centres are a buffer."""

    key = "rbf"
    main = "out"
    ranks = (1,)
    out: Positive

    def shape(self, x: Shape) -> Shape:
        return (self.out,)

    def buffers(self, x: Shape) -> dict[str, Shape]:
        return {"centres": (self.out, x[0])}

    def units(self, *xs: Shape) -> frozenset[int]:
        return NO_AXES

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(add=self.out * (2 * x[0] - 1), mul=self.out * x[0])

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(values=self.out * x[0])

    def arithmetic(self, x: Shape) -> str:
        return f"distances of {named(x)} to {self.out} centres"

    def module(self, x: Shape) -> nn.Module:
        from .torch_modules import RadialBasis

        return RadialBasis(x[0], self.out)
