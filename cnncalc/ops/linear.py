"""Layers on vectors: fully connected, and LeNet-5's radial basis functions."""

from __future__ import annotations

from ..cost import Cost
from ..num import Shape, product
from ..wording import shape_text
from .base import NO_AXES, Backward, Kept, Op
from .field_types import Flag, Positive
from .torch_call import TorchCall
from .weighted import CHANNEL_ALIASES, Parametrization, Weighted


class Linear(Weighted):
    """Fully connected, as torch.nn.Linear: (F,) -> (out,).

    Fields:
        out: features of the output

    Example: `linear: 1000` on 4096
    """

    key = "linear"
    signatures = {"Linear": ("in_features", "out_features", "bias")}
    aliases = ("dense", "fc", "fullyconnected", "innerproduct", "gemm")
    field_aliases = CHANNEL_ALIASES
    aten = ("linear", "addmm", "mm", "bmm", "baddbmm")
    main = "out"
    ranks = (1,)
    out: Positive
    bias: Flag = True
    parametrize: Parametrization = None

    def shape(self, x: Shape) -> Shape:
        return (self.out,)

    def filters(self, x: Shape) -> Shape:
        return (self.out, x[0])

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(mac=product(self.filters(x)), add=self.bias_additions(y))

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,), once=self.computed(x))

    def arithmetic(self, x: Shape) -> str:
        return f"{x[0]} inputs → {self.out} outputs"

    def torch(self, x: Shape) -> TorchCall:
        arguments = {"in_features": x[0], "out_features": self.out, "bias": self.bias}
        return TorchCall("Linear", arguments, parametrize=self.parametrize)

    def units(self, *xs: Shape) -> frozenset[int]:
        return NO_AXES


class Rbf(Op):
    """LeNet-5's output layer: squared distance to `out` fixed centres, (F,) -> (out,). The centres
    are a buffer.

    Fields:
        out: number of centres

    Source: LeCun, Bottou, Bengio and Haffner 1998, Gradient-based learning applied to document
        recognition
    Example: `rbf: 10` on 84
    """

    key = "rbf"
    aliases = ("radialbasis",)
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
        return f"distances of {shape_text(x)} to {self.out} centres"

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("RadialBasis", {"features": x[0], "out": self.out})
