"""Activation functions that are less common: smooth ones, those that shrink, and gated ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, contiguous, copied, iterated, with_number
from ..num import Shape
from .activation import Activation, InPlace
from .autocast import AS_IS, IN_FLOAT32, TO_FLOAT32, Autocast, Cast
from .field_types import PositiveReal, Real
from .kept import Backward, Extra, Kept, Moment, at_once
from .meanings import Meaning
from .needs import Need, divides
from .reads import ChannelReads, Taken
from .shapes import units_of, values
from .torch_call import TorchCall

if TYPE_CHECKING:
    from .onnx_call import OnnxCall


class Softplus(Activation):
    """Rounds off the corner of ReLU, as torch.nn.Softplus.

    Rule: y = ln(1 + e^(beta·x))/beta; torch returns x itself where beta·x exceeds `threshold`
    Cost: 1 comparison, 2 multiplications, 1 exponential, 1 logarithm and 1 addition per value
    Fields:
        beta: steepness of the corner
        threshold: value of beta·x above which the output is x

    Source: Dugas et al. 2000, Incorporating second-order functional knowledge for better option
        pricing
    Example: `softplus` on 64×56×56
    """

    key = "softplus"
    onnx = ("Softplus",)
    signatures = {"Softplus": ("beta", "threshold")}
    aten = ("softplus",)
    torch_name, per_value = "Softplus", Cost(cmp=1, mul=2, exp=2, add=1)
    beta: PositiveReal = 1.0
    threshold: Real = 20.0

    def autocast(self, x: Shape, *, by: Autocast) -> Cast:
        return AS_IS if by.on_cpu else TO_FLOAT32


class Softsign(Activation):
    """Maps each value to the range from −1 to 1 by a fraction, as torch.nn.Softsign.

    Rule: y = x/(1 + |x|)
    Cost: 1 comparison, 1 addition and 1 division per value (an absolute value is a comparison)
    Source: Turian, Bergstra and Bengio 2009, Quadratic features and deep architectures for chunking
    Example: `softsign` on 64×56×56
    """

    key = "softsign"
    onnx = ("Softsign",)
    torch_name, per_value = "Softsign", Cost(cmp=1, add=1, div=1)

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,), extras=(Extra(values(x)),))

    def busiest(self, *xs: Shape, y: Shape, back: Backward | None) -> tuple[Moment, ...]:
        return at_once(Extra(2 * values(y)))

    def busiest_backward(self, x: Shape, *, y: Shape, back: Backward) -> tuple[Moment, ...]:
        return at_once(Extra(4 * values(x)))

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        """Return the layout of x/(|x| + 1), one operation after another."""
        return iterated((x, with_number(copied(x), y)), y)


class LogSigmoid(Activation):
    """Computes the logarithm of the sigmoid, as torch.nn.LogSigmoid.

    Rule: y = ln σ(x) = −ln(1 + e⁻ˣ)
    Cost: 1 exponential, 1 logarithm and 1 addition per value
    Example: `logsigmoid` on 64×56×56
    """

    key = "logsigmoid"
    aten = ("log_sigmoid",)
    torch_name, per_value = "LogSigmoid", Cost(exp=2, add=1)

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,), extras=(Extra(values(x), "buffer"),))

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return contiguous(y)


class Celu(InPlace):
    """Replaces negative values with an exponential curve that stays smooth, as torch.nn.CELU.

    Rule: y = x for x > 0, and alpha·(e^(x/alpha) − 1) for x ≤ 0
    Cost: 1 comparison, 1 exponential, 1 addition, 1 division and 1 multiplication per value
    Fields:
        alpha: very negative values approach −alpha

    Source: Barron 2017, Continuously differentiable exponential linear units, arXiv:1704.07483
    Example: `celu: 1` on 64×56×56
    """

    key = "celu"
    onnx = ("Celu",)
    traced = ("celu",)
    signatures = {"CELU": ("alpha", "inplace")}
    main = "alpha"
    torch_name, per_value, keeps_written = (
        "CELU",
        Cost(cmp=1, exp=1, add=1, div=1, mul=1),
        True,
    )
    alpha: PositiveReal = 1.0


class Selu(InPlace):
    """Scales an exponential linear unit so that signals keep their variance, as torch.nn.SELU.

    Rule: y = λ·x for x > 0, and λ·α·(eˣ − 1) for x ≤ 0, with λ = 1.0507… and α = 1.6733…
    Cost: 1 comparison, 1 exponential, 1 addition and 1 multiplication per value
    Source: Klambauer et al. 2017, Self-normalizing neural networks, arXiv:1706.02515
    Example: `selu` on 64×56×56
    """

    key = "selu"
    onnx = ("Selu",)
    traced = ("selu",)
    signatures = {"SELU": ("inplace",)}
    torch_name, per_value, keeps_written = "SELU", Cost(cmp=1, exp=1, add=1, mul=1), True

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        usual = call.has(alpha=1.6732632, gamma=1.0507010)
        return {} if usual else None


class Tanhshrink(Activation):
    """Subtracts its tanh from each value, as torch.nn.Tanhshrink.

    Rule: y = x − tanh(x)
    Cost: 1 tanh and 1 addition per value (a subtraction counts as one)
    Example: `tanhshrink` on 64×56×56
    """

    key = "tanhshrink"
    torch_name, per_value = "Tanhshrink", Cost(exp=1, add=1)

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(extras=(Extra(values(x)),))

    def busiest(self, *xs: Shape, y: Shape, back: Backward | None) -> tuple[Moment, ...]:
        return at_once(Extra(2 * values(y)))

    def busiest_backward(self, x: Shape, *, y: Shape, back: Backward) -> tuple[Moment, ...]:
        return at_once(Extra(2 * values(x)))


class Threshold(InPlace):
    """Replaces values up to a threshold with a fixed value, as torch.nn.Threshold.

    Rule: y = x for x > threshold, else y = value
    Cost: 1 comparison per value
    Fields:
        threshold: the largest value that is replaced
        value: what it is replaced with

    Example: `threshold: {threshold: 0.1, value: 0}` on 64×56×56
    """

    key = "threshold"
    onnx = ("ThresholdedRelu",)
    traced = ("threshold",)
    signatures = {"Threshold": ("threshold", "value", "inplace")}
    torch_name, per_value = "Threshold", Cost(cmp=1)
    threshold: Real
    value: Real

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        return {"threshold": call.attributes.get("alpha", 1.0), "value": 0.0}

    def linearized(self, x: Shape) -> TorchCall:
        """Return the identity: the slope is 0 up to the threshold, and 1 above it."""
        return TorchCall("Identity", {})


class Hardshrink(Activation):
    """Sets values near 0 to 0 and keeps the others, as torch.nn.Hardshrink.

    Rule: y = x for |x| > lambd, else y = 0
    Cost: 2 comparisons per value
    Fields:
        lambd: distance from 0 up to which values become 0

    Example: `hardshrink: 0.5` on 64×56×56
    """

    key = "hardshrink"
    onnx: ClassVar[tuple[str, ...]] = ("Shrink",)
    signatures = {"Hardshrink": ("lambd",)}
    aten = ("hardshrink",)
    main = "lambd"
    torch_name, per_value = "Hardshrink", Cost(cmp=2)
    lambd: PositiveReal = 0.5

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        """ONNX's `bias` is what is subtracted from values beyond the limits."""
        return cls._shrinking(call, 0.0)

    @classmethod
    def _shrinking(cls, call: OnnxCall, by: float) -> Mapping[str, Any] | None:
        """Return the fields if this much is subtracted."""
        if abs(call.attributes.get("bias", 0.0) - by) > 1e-6:
            return None
        return {"lambd": call.attributes.get("lambd", 0.5)}

    def linearized(self, x: Shape) -> TorchCall:
        """Return the identity: the slope is 0 near 0, and 1 elsewhere."""
        return TorchCall("Identity", {})


class Softshrink(Hardshrink):
    """Moves each value towards 0 by a fixed amount, as torch.nn.Softshrink.

    Rule: y = x − lambd for x > lambd, x + lambd for x < −lambd, else 0
    Cost: 2 comparisons and 1 addition per value
    Fields:
        lambd: the amount

    Example: `softshrink: 0.5` on 64×56×56
    """

    key = "softshrink"
    onnx = ("Shrink",)
    signatures = {"Softshrink": ("lambd",)}
    aten = ("softshrink",)
    torch_name, per_value = "Softshrink", Cost(cmp=2, add=1)

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        return cls._shrinking(call, call.attributes.get("lambd", 0.5))


class SquaredRelu(Activation):
    """Squares positive values and replaces negative ones with 0.

    Rule: y = max(x, 0)²
    Cost: 1 comparison and 1 multiplication per value
    Source: So et al. 2021, Primer: searching for efficient transformers for language modeling,
        arXiv:2109.08668
    Example: `squared_relu` on 64×56×56
    """

    key = "squared_relu"
    aliases = ("relusquared", "relu2", "sqrrelu")
    torch_name, per_value = "SquaredReLU", Cost(cmp=1, mul=1)

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(extras=(Extra(values(x)),))

    def busiest(self, *xs: Shape, y: Shape, back: Backward | None) -> tuple[Moment, ...]:
        return at_once(Extra(2 * values(y)))

    def busiest_backward(self, x: Shape, *, y: Shape, back: Backward) -> tuple[Moment, ...]:
        return at_once(Extra(3 * values(x)))

    def autocast(self, x: Shape, *, by: Autocast) -> Cast:
        """NOTE: on a card, the square is computed in float32, but the ReLU is not."""
        return AS_IS if by.on_cpu else IN_FLOAT32

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        """Return the layout of a square of a ReLU."""
        return iterated((iterated((x,), y),), y)


_HALVES = "`glu` halves the channels, as torch's GLU does with `dim=1`: it has no fields"


class Glu(Activation):
    """Multiplies the first half of the channels by the sigmoid of the second, as torch.nn.GLU.

    Shapes: (C, *n) -> (C/2, *n)
    Rule: y = a·σ(b), where a and b are the halves; C must be even
    Cost: per output value 1 exponential, 1 addition, 1 division and 1 multiplication
    Source: Dauphin et al. 2016, Language modeling with gated convolutional networks,
        arXiv:1612.08083
    Example: `glu` on 64×56×56
    """

    key = "glu"
    channelwise = False
    elementwise = False
    meanings = {"glu": Meaning(note=_HALVES, differs=lambda body: isinstance(body, int))}
    field_notes = {"dim": _HALVES}
    aten = ("glu",)
    torch_name, per_value = "GLU", Cost(exp=1, add=1, div=1, mul=1)

    def needs(self, x: Shape) -> Iterator[Need]:
        fault = Diagnostic(
            "CNN205",
            f"{x[0]} channels cannot be divided into 2 equal halves",
            help=f"use {x[0] + 1} channels",
        )
        yield divides(x[0], 2, lambda: fault)

    def shape(self, x: Shape) -> Shape:
        return (x[0] // 2, *x[1:])

    def units(self, *xs: Shape) -> frozenset[int]:
        return units_of(xs[0]) - {0}

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return self.per_value.times(values(y))

    def channels(self, x: Shape) -> ChannelReads:
        half = x[0] // 2
        return [Taken(0, (c, c + half), shared_by=1) for c in range(half)]

    def arguments(self) -> dict[str, Any]:
        return {"dim": 1}

    def linearized(self, x: Shape) -> TorchCall:
        """Return the mean of both halves: it has a gradient at each, and does not saturate."""
        return TorchCall("HalvesMean", {})

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        """Return the layout of a product of two views."""
        half = Layout(y, x.strides)
        return iterated((half, half), y)
