"""Activation functions: each works on every value apart, but for the softmaxes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, contiguous, copied
from ..num import Shape, product
from ..window import IDENTITY
from .base import (
    WHOLE,
    Backward,
    ChannelReads,
    Dispatched,
    Kept,
    Meaning,
    Need,
    Op,
    Storage,
    Taken,
    Windows,
    divides,
    units_of,
    values,
)
from .field_types import Flag, Natural, Positive, Real
from .torch_call import TorchCall


class Activation(Op):
    """A function of each value: any shape -> the same. `per_value` is its cost on one value."""

    elementwise = True
    channelwise = True
    torch_name: ClassVar[str]
    per_value: ClassVar[Cost]

    def arguments(self) -> dict[str, Any]:
        """Arguments of the torch module."""
        return {name: getattr(self, name) for name in self.fields()}

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return self.per_value.times(values(x))

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(output=True) if self.keeps_output else Kept(inputs=(0,))

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall(self.torch_name, self.arguments())


class InPlace(Activation):
    """An activation that torch can write over its input.

    Fields:
        inplace: whether torch writes the output over the input
    """

    inplace: Flag = True

    def storage(self, x: Shape) -> Storage:
        return "inplace" if self.inplace else "new"


class Relu(InPlace):
    """max(x, 0), as torch.nn.ReLU.

    Source: Nair and Hinton 2010, Rectified linear units improve restricted Boltzmann machines
    Example: `relu` on 64×56×56
    """

    key = "relu"
    signatures = {"ReLU": ("inplace",)}
    aliases = ("rectifier", "rectifiedlinear")
    field_notes = {
        "max_value": "`max_value: 6` is the operator `relu6`",
        "negative_slope": "with a slope it is the operator `leaky_relu`",
    }
    aten = ("relu", Dispatched("clamp_min", {"min": 0}), Dispatched("clamp", {"min": 0}))
    idempotent = True
    torch_name, per_value, keeps_output = "ReLU", Cost(cmp=1), True


class Clamped(InPlace):
    """An activation that torch computes into a copy of its input."""

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return copied(x)


class Relu6(Clamped):
    """min(max(x, 0), 6), as torch.nn.ReLU6.

    Example: `relu6` on 64×56×56
    """

    key = "relu6"
    signatures = {"ReLU6": ("inplace",)}
    aten = (
        "relu6",
        Dispatched("hardtanh", {"min_val": 0, "max_val": 6}),
        Dispatched("clamp", {"min": 0, "max": 6}),
    )
    idempotent = True
    torch_name, per_value = "ReLU6", Cost(cmp=2)


_BOUNDS = Meaning(
    note="give both bounds: `low` and `high` are −1 and 1 where they are not given",
    differs=lambda body: not isinstance(body, dict) or len(body) < 2,
)


class Hardtanh(Clamped):
    """x between the bounds `low` and `high`, as torch.nn.Hardtanh.

    Fields:
        low: lower bound
        high: upper bound

    Example: `hardtanh: {low: 0, high: 1}` on 64×56×56
    """

    key = "hardtanh"
    signatures = {"Hardtanh": ("min_val", "max_val", "inplace")}
    meanings = dict.fromkeys(("clip", "clamp", "clipbyvalue"), _BOUNDS)
    field_aliases = {
        **dict.fromkeys(("min_val", "min_value", "min"), "low"),
        **dict.fromkeys(("max_val", "max_value", "max"), "high"),
    }
    aten = ("hardtanh",)
    idempotent = True
    torch_name, per_value = "Hardtanh", Cost(cmp=2)
    low: Real = -1.0
    high: Real = 1.0

    def needs(self, x: Shape) -> Iterator[Need]:
        text = f"`high` {self.high:g} is not above `low` {self.low:g}"
        yield Need(0 if self.high > self.low else -1, lambda: Diagnostic("CNN103", text))

    def arguments(self) -> dict[str, Any]:
        return {"min_val": self.low, "max_val": self.high, "inplace": self.inplace}

    def linearized(self, x: Shape) -> TorchCall:
        """Beyond its bounds it has no slope; between them it changes nothing."""
        return TorchCall("Identity", {})


class LeakyRelu(InPlace):
    """x, or slope·x below 0, as torch.nn.LeakyReLU.

    Fields:
        slope: slope below 0

    Source: Maas, Hannun and Ng 2013, Rectifier nonlinearities improve acoustic models
    Example: `leaky_relu: 0.2` on 64×56×56
    """

    key = "leaky_relu"
    signatures = {"LeakyReLU": ("negative_slope", "inplace")}
    aliases = ("lrelu", "leaky", "leakyrectify")
    aten = ("leaky_relu",)
    field_aliases = {"negative_slope": "slope", "alpha": "slope"}
    main = "slope"
    torch_name, per_value, keeps_written = "LeakyReLU", Cost(cmp=1, mul=1), True
    slope: Real = 0.01

    def arguments(self) -> dict[str, Any]:
        return {"negative_slope": self.slope, "inplace": self.inplace}


class Prelu(Activation):
    """x, or a trained slope·x below 0, as torch.nn.PReLU: one slope, or one per channel.

    Fields:
        per_channel: whether each channel has a slope of its own

    Source: He et al. 2015, Delving deep into rectifiers
    Example: `prelu: {per_channel: true}` on 64×56×56
    """

    key = "prelu"
    aliases = ("parametricrelu",)
    field_notes = dict.fromkeys(
        ("num_parameters", "init", "shared_axes"),
        "one slope, or `per_channel: true` for one per channel",
    )
    aten = ("prelu",)
    torch_name, per_value = "PReLU", Cost(cmp=1, mul=1)
    affine_weights = True
    per_channel: Flag = False

    def weights(self, x: Shape) -> dict[str, Shape]:
        return {"weight": (x[0] if self.per_channel else 1,)}

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return copied(x)

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("PReLU", {"num_parameters": x[0] if self.per_channel else 1})


class Elu(InPlace):
    """x, or α(eˣ − 1) below 0, as torch.nn.ELU.

    Fields:
        alpha: the limit below 0, with its sign changed

    Source: Clevert, Unterthiner and Hochreiter 2015, Exponential linear units
    Example: `elu: 1` on 64×56×56
    """

    key = "elu"
    signatures = {"ELU": ("alpha", "inplace")}
    aten = ("elu",)
    main = "alpha"
    torch_name, per_value, keeps_written = "ELU", Cost(cmp=1, exp=1, add=1, mul=1), True
    alpha: Real = 1.0


class Gelu(Activation):
    """x·Φ(x), as torch.nn.GELU.

    Fields:
        approximate: none for the exact function, tanh for its approximation

    Source: Hendrycks and Gimpel 2016, Gaussian error linear units
    Example: `gelu: tanh` on 64×56×56
    """

    key = "gelu"
    aten = ("gelu",)
    main = "approximate"
    torch_name = "GELU"
    approximate: Annotated[Literal["none", "tanh"], Field(description="none or tanh")] = "none"

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        n = values(x)  # ½x(1 + erf(x/√2)), or ½x(1 + tanh(√(2/π)(x + 0.044715x³)))
        return (
            Cost(mul=3 * n, exp=n, add=n)
            if self.approximate == "none"
            else Cost(mul=6 * n, exp=n, add=2 * n)
        )


class Silu(InPlace):
    """x·σ(x), as torch.nn.SiLU.

    Source: Ramachandran, Zoph and Le 2017, Searching for activation functions
    Example: `silu` on 64×56×56
    """

    key = "silu"
    signatures = {"SiLU": ("inplace",)}
    aten = ("silu",)
    aliases = ("swish",)
    torch_name, per_value = "SiLU", Cost(exp=1, add=1, div=1, mul=1)


class Mish(InPlace):
    """x·tanh(ln(1 + eˣ)), as torch.nn.Mish.

    Source: Misra 2019, Mish
    Example: `mish` on 64×56×56
    """

    key = "mish"
    signatures = {"Mish": ("inplace",)}
    aten = ("mish",)
    torch_name, per_value = "Mish", Cost(exp=3, add=1, mul=1)


class Hardswish(InPlace):
    """x·relu6(x + 3)/6, as torch.nn.Hardswish.

    Source: Howard et al. 2019, Searching for MobileNetV3
    Example: `hardswish` on 64×56×56
    """

    key = "hardswish"
    signatures = {"Hardswish": ("inplace",)}
    aliases = ("hswish",)
    aten = ("hardswish",)
    torch_name, per_value = "Hardswish", Cost(add=1, cmp=2, mul=1, div=1)


class Hardsigmoid(InPlace):
    """relu6(x + 3)/6, as torch.nn.Hardsigmoid.

    Example: `hardsigmoid` on 64×56×56
    """

    key = "hardsigmoid"
    signatures = {"Hardsigmoid": ("inplace",)}
    aliases = ("hsigmoid",)
    aten = ("hardsigmoid",)
    torch_name, per_value = "Hardsigmoid", Cost(add=1, cmp=2, div=1)


class Sigmoid(Activation):
    """1/(1 + e⁻ˣ), as torch.nn.Sigmoid.

    Example: `sigmoid` on 64×56×56
    """

    key = "sigmoid"
    aliases = ("logistic",)
    aten = ("sigmoid",)
    torch_name, per_value, keeps_output = "Sigmoid", Cost(exp=1, add=1, div=1), True


class Tanh(Activation):
    """tanh(x), as torch.nn.Tanh.

    Example: `tanh` on 64×56×56
    """

    key = "tanh"
    aten = ("tanh",)
    torch_name, per_value, keeps_output = "Tanh", Cost(exp=1), True


class Maxout(Op):
    """Largest of every `pieces` neighbouring channels: (C, *n) -> (C / pieces, *n) (Goodfellow
    et al. 2013).

    Fields:
        pieces: channels of which the largest is kept

    Source: Goodfellow et al. 2013, Maxout networks
    Example: `maxout: 2` on 64×56×56
    """

    key = "maxout"
    main = "pieces"
    keeps_output = True
    pieces: Positive

    def needs(self, x: Shape) -> Iterator[Need]:
        up = -(-x[0] // self.pieces) * self.pieces
        text = f"{self.pieces} pieces do not divide {x[0]} channels"
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

    def channels(self, x: Shape) -> ChannelReads:
        pieces = (range(c, c + self.pieces) for c in range(0, x[0], self.pieces))
        return [Taken(0, piece, shared_by=1) for piece in pieces]

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return contiguous(y)

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("Maxout", {"pieces": self.pieces})

    def linearized(self, x: Shape) -> TorchCall:
        """A maximum has a gradient at one channel only; a mean, at all."""
        return TorchCall("PieceMean", {"pieces": self.pieces})


WITHOUT_BATCH = Meaning(
    note="axes count without the batch: the channels are `axis: 0`",
    differs=lambda body: isinstance(body, int),
)


class Softmax(Activation):
    """eˣ over its sum along an axis (0: channels), as torch.nn.Softmax.

    Fields:
        axis: the axis that is summed over; channels are 0

    Example: `softmax` on 1000
    """

    key = "softmax"
    meanings = {"softmax": WITHOUT_BATCH}
    field_notes = {"dim": WITHOUT_BATCH.note or ""}
    aten = ("softmax",)
    main = "axis"
    torch_name, keeps_output = "Softmax", True
    axis: Natural = 0

    def needs(self, x: Shape) -> Iterator[Need]:
        yield Need(
            len(x) - 1 - self.axis,
            lambda: Diagnostic(
                "CNN201",
                f"axis {self.axis} of a shape with {len(x)} axes",
                help=f"axes count from 0, the channels, to {len(x) - 1}",
            ),
        )

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        n, sums = values(x), product(size for axis, size in enumerate(x) if axis != self.axis)
        return Cost(
            cmp=n - sums, add=2 * n - sums, exp=n, div=n
        )  # largest; less it, and the sum; power; quotient

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return contiguous(y)

    def arguments(self) -> dict[str, Any]:
        return {"dim": self.axis + 1}

    def window(self, x: Shape) -> Windows:
        return (
            tuple(
                WHOLE if axis + 1 == self.axis else (axis, IDENTITY) for axis in range(len(x) - 1)
            ),
        )

    def channels(self, x: Shape) -> ChannelReads:
        return "all" if self.axis == 0 else "each"


class LogSoftmax(Softmax):
    """The logarithm of softmax, as torch.nn.LogSoftmax.

    Example: `log_softmax` on 1000
    """

    key = "log_softmax"
    meanings = {"logsoftmax": WITHOUT_BATCH}
    aten = ("log_softmax",)
    torch_name = "LogSoftmax"

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        n, sums = values(x), product(size for axis, size in enumerate(x) if axis != self.axis)
        return Cost(cmp=n - sums, add=3 * n - sums, exp=n + sums)
