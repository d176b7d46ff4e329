"""Normalisation by the values around: local response norm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..cost import Cost
from ..layout import Layout, contiguous, iterated
from ..num import Num, Shape, product
from .autocast import AS_IS, IN_FLOAT32, MEANS_IN_FLOAT32, Autocast, Cast
from .base import Op
from .field_types import Positive, Real
from .kept import Backward, Extra, Kept, Moment, at_once, later
from .meanings import Meaning
from .reads import ChannelReads, Taken
from .shapes import values
from .torch_call import TorchCall

if TYPE_CHECKING:
    from .onnx_call import OnnxCall


class Lrn(Op):
    """Divides each value by a measure of its neighbours in `size` channels, as
    torch.nn.LocalResponseNorm.

    AlexNet uses this local response normalisation. In its paper alpha multiplies the sum of the
    squares; torch, and so this operator, divides alpha by `size` first.

    Shapes: (C, *n) -> (C, *n)
    Rule: y = x/(k + alpha/size·Σ x²)^beta, with the sum over `size` channels around that of x
    Cost: 2 multiplications, `size` additions, 1 power and 1 division per value
    Fields:
        size: number of channels in the sum
        alpha: factor of the mean of the squares
        beta: exponent of the divisor
        k: number added before the power

    Source: Krizhevsky, Sutskever and Hinton 2012, ImageNet classification with deep convolutional
        neural networks
    Example: `lrn: 5` on 96×55×55
    """

    key = "lrn"
    onnx = ("LRN",)
    onnx_fields = {"bias": "k"}
    signatures = {"LocalResponseNorm": ("size", "alpha", "beta", "k")}
    aliases = ("localresponsenorm", "localresponsenormalization")
    meanings = {"crossmaplrn": Meaning(note="torch's CrossMapLRN2d sums other channels")}
    field_aliases = {"local_size": "size"}
    field_notes = {
        "depth_radius": "write `size`, which is 2·depth_radius + 1",
        "bias": "write `k`, the number added to the sum of squares",
    }
    main = "size"
    ranks = (2, 3)  # NOTE: with 3 spatial axes torch rejects permuted inputs
    size: Positive = 5
    alpha: Real = 1e-4
    beta: Real = 0.75
    k: Real = 1.0

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        """NOTE: with an even size, ONNX's sum has one more channel after a value than before it."""
        return super().of_onnx(call) if call.attributes.get("size", 0) % 2 else None

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        n = values(x)
        # squares, their sums, k + α·mean, power, quotient
        return Cost(mul=2 * n, add=self.size * n, exp=n, div=n)

    def reads(self, x: Shape) -> Num:
        # the squares, with channels of zeros before and after them
        return product(x[1:]) * (x[0] + self.size - 1)

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,), extras=(Extra(2 * values(x)), Extra(self.reads(x), "means")))

    def autocast(self, x: Shape, *, by: Autocast) -> Cast:
        """NOTE: on a card, the power runs in float32; on the CPU, the means of a map before it."""
        if not by.on_cpu:
            return IN_FLOAT32
        return MEANS_IN_FLOAT32 if len(x) == 3 else AS_IS

    def busiest(self, x: Shape, *, y: Shape, back: Backward | None) -> tuple[Moment, ...]:
        """The squares with their zeros and the means over them, or what the power is taken of."""
        if back is not None:
            return ()
        padded = Extra(self.reads(x), "means"), Extra(self.reads(x), "uncast means")
        return at_once(Extra(3 * values(x))) + at_once(Extra(values(x)), *padded)

    def busiest_backward(self, x: Shape, *, y: Shape, back: Backward) -> tuple[Moment, ...]:
        """Four steps of the quotient and the power, then the mean's gradient, with its zeros."""
        padded = later(Extra(2 * values(x) + 2 * self.reads(x)))
        return at_once(Extra(4 * values(x))) + padded

    def channels(self, x: Shape) -> ChannelReads:
        before, after = self.size // 2, (self.size - 1) // 2
        neighbours = (range(max(c - before, 0), min(c + after + 1, x[0])) for c in range(x[0]))
        return [Taken(0, channels, shared_by=1) for channels in neighbours]

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return iterated((x, contiguous(y)), y)

    def torch(self, x: Shape) -> TorchCall:
        names = ("size", "alpha", "beta", "k")
        return TorchCall("LocalResponseNorm", {name: getattr(self, name) for name in names})
