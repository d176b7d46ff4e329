"""Activation functions: all of them work value by value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, copied
from ..num import Shape
from .autocast import TO_HALF
from .base import Op
from .field_types import Flag, Real
from .kept import Backward, Kept, Moment, Storage, product_and_sum
from .meanings import Dispatched
from .needs import Need
from .shapes import values
from .torch_call import TorchCall

if TYPE_CHECKING:
    from .called import Called
    from .onnx_call import OnnxCall


class Activation(Op):
    """A function that is applied to each value. `per_value` is its cost on one value.

    Shapes: any shape -> the same shape
    """

    elementwise = True
    channelwise = True
    torch_name: ClassVar[str]
    per_value: ClassVar[Cost]

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of the torch module."""
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
        inplace: whether torch writes the output over the input, which saves memory
    """

    inplace: Flag = True

    def storage(self, x: Shape) -> Storage:
        return "inplace" if self.inplace else "new"


class Relu(InPlace):
    """Replaces negative values with 0, as torch.nn.ReLU.

    Rule: y = max(x, 0)
    Cost: 1 comparison per value
    Source: Nair and Hinton 2010, Rectified linear units improve restricted Boltzmann machines
    Example: `relu` on 64×56×56
    """

    key = "relu"
    onnx = ("Relu", "Clip")
    signatures = {"ReLU": ("inplace",)}
    aliases = ("rectifier", "rectifiedlinear")
    field_notes = {
        "max_value": "for `max_value: 6` use the operator `relu6`",
        "negative_slope": "for a slope below 0 use the operator `leaky_relu`",
    }
    aten = ("relu", Dispatched("clamp_min", {"min": 0}), Dispatched("clamp", {"min": 0}))
    idempotent = True
    torch_name, per_value, keeps_output = "ReLU", Cost(cmp=1), True

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        is_relu = call.name == "Relu" or call.bounds() == (0, None)
        return {} if is_relu else None


class Clamped(InPlace):
    """An activation that torch computes on a copy of its input."""

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return copied(x)


class Relu6(Clamped):
    """Limits each value to the range from 0 to 6, as torch.nn.ReLU6.

    Rule: y = min(max(x, 0), 6)
    Cost: 2 comparisons per value
    Source: Krizhevsky 2010, Convolutional deep belief networks on CIFAR-10
    Example: `relu6` on 64×56×56
    """

    key = "relu6"
    onnx = ("Clip",)
    signatures = {"ReLU6": ("inplace",)}
    aten = (
        "relu6",
        Dispatched("hardtanh", {"min_val": 0, "max_val": 6}),
        Dispatched("clamp", {"min": 0, "max": 6}),
    )
    idempotent = True
    torch_name, per_value = "ReLU6", Cost(cmp=2)

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        return {} if call.bounds() == (0, 6) else None


class Hardtanh(Clamped):
    """Limits each value to the range from `low` to `high`, as torch.nn.Hardtanh.

    Rule: y = min(max(x, low), high)
    Cost: 2 comparisons per value
    Fields:
        low: smallest value of the output
        high: largest value of the output, greater than `low`

    Example: `hardtanh: {low: 0, high: 1}` on 64×56×56
    """

    key = "hardtanh"
    signatures = {"Hardtanh": ("min_val", "max_val", "inplace")}
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
        text = f"`high` ({self.high:g}) must be greater than `low` ({self.low:g})"
        yield Need(0 if self.high > self.low else -1, lambda: Diagnostic("CNN103", text))

    def arguments(self) -> dict[str, Any]:
        return {"min_val": self.low, "max_val": self.high, "inplace": self.inplace}

    def linearized(self, x: Shape) -> TorchCall:
        """Return the identity: the slope is 0 outside the bounds, and 1 between them."""
        return TorchCall("Identity", {})


class LeakyRelu(InPlace):
    """Multiplies negative values by a small constant, as torch.nn.LeakyReLU.

    Rule: y = x for x ≥ 0, and slope·x for x < 0
    Cost: 1 comparison and 1 multiplication per value
    Fields:
        slope: factor of negative values

    Source: Maas, Hannun and Ng 2013, Rectifier nonlinearities improve acoustic models
    Example: `leaky_relu: 0.2` on 64×56×56
    """

    key = "leaky_relu"
    onnx = ("LeakyRelu",)
    onnx_fields = {"alpha": "slope"}
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
    """Multiplies negative values by a trained factor, as torch.nn.PReLU.

    Rule: y = x for x ≥ 0, and w·x for x < 0, with a trained factor w
    Parameters: 1 factor, or C with `per_channel`
    Cost: 1 comparison and 1 multiplication per value
    Fields:
        per_channel: whether each channel has its own factor

    Source: He et al. 2015, Delving deep into rectifiers, arXiv:1502.01852
    Example: `prelu: {per_channel: true}` on 64×56×56
    """

    key = "prelu"
    onnx = ("PRelu",)
    onnx_weights = ("weight",)
    aliases = ("parametricrelu",)
    field_notes = dict.fromkeys(
        ("num_parameters", "init", "shared_axes"),
        "by default there is one slope; `per_channel: true` trains one per channel",
    )
    aten = ("prelu",)
    torch_name, per_value, cast = "PReLU", Cost(cmp=1, mul=1), TO_HALF
    affine_weights = True
    per_channel: Flag = False

    @classmethod
    def of_call(cls, call: Called) -> Mapping[str, Any] | None:
        return {"per_channel": call.weights["weight"] != (1,)}

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        if "weight" not in call.weights:
            return None
        return {"per_channel": any(size != 1 for size in call.weights["weight"])}

    def weights(self, x: Shape) -> dict[str, Shape]:
        return {"weight": (x[0] if self.per_channel else 1,)}

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,), parameters=("weight",))

    def busiest_backward(self, x: Shape, *, y: Shape, back: Backward) -> tuple[Moment, ...]:
        """torch also computes the gradient of an input that needs none."""
        return product_and_sum(x, self.weights(x)["weight"][0], back._replace(gradients=()))

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return copied(x)

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("PReLU", {"num_parameters": x[0] if self.per_channel else 1})


class Elu(InPlace):
    """Replaces negative values with an exponential curve towards −alpha, as torch.nn.ELU.

    Rule: y = x for x > 0, and alpha·(eˣ − 1) for x ≤ 0
    Cost: 1 comparison, 1 exponential, 1 addition and 1 multiplication per value
    Fields:
        alpha: very negative values approach −alpha

    Source: Clevert, Unterthiner and Hochreiter 2015, Exponential linear units, arXiv:1511.07289
    Example: `elu: 1` on 64×56×56
    """

    key = "elu"
    onnx = ("Elu",)
    signatures = {"ELU": ("alpha", "inplace")}
    aten = ("elu",)
    main = "alpha"
    torch_name, per_value, keeps_written = "ELU", Cost(cmp=1, exp=1, add=1, mul=1), True
    alpha: Real = 1.0


class Gelu(Activation):
    """Multiplies each value by its place in the normal distribution, Φ(x), as torch.nn.GELU.

    Φ(x) is the probability that a standard normal variable is smaller than x.

    Rule: y = x·Φ(x) = x/2·(1 + erf(x/√2)); approximately x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³)))
    Cost: 3 multiplications, 1 addition and 1 error function per value; with `approximate: tanh` 6
        multiplications, 2 additions and 1 tanh
    Fields:
        approximate: none for the exact function, tanh for the approximation

    Source: Hendrycks and Gimpel 2016, Gaussian error linear units, arXiv:1606.08415
    Example: `gelu: tanh` on 64×56×56
    """

    key = "gelu"
    onnx = ("Gelu",)
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
    """Multiplies each value by its sigmoid, as torch.nn.SiLU; also known as swish.

    Rule: y = x·σ(x) = x/(1 + e⁻ˣ)
    Cost: 1 exponential, 1 addition, 1 division and 1 multiplication per value
    Source: Ramachandran, Zoph and Le 2017, Searching for activation functions, arXiv:1710.05941
    Example: `silu` on 64×56×56
    """

    key = "silu"
    onnx = ("Swish",)
    signatures = {"SiLU": ("inplace",)}
    aten = ("silu",)
    aliases = ("swish",)
    torch_name, per_value = "SiLU", Cost(exp=1, add=1, div=1, mul=1)

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        return {} if call.has(alpha=1) else None


class Mish(InPlace):
    """Multiplies each value by a smooth factor from 0 to 1, as torch.nn.Mish.

    Rule: y = x·tanh(ln(1 + eˣ))
    Cost: 1 exponential, 1 logarithm, 1 tanh, 1 addition and 1 multiplication per value
    Source: Misra 2019, Mish: a self regularized non-monotonic activation function, arXiv:1908.08681
    Example: `mish` on 64×56×56
    """

    key = "mish"
    onnx = ("Mish",)
    signatures = {"Mish": ("inplace",)}
    aten = ("mish",)
    torch_name, per_value = "Mish", Cost(exp=3, add=1, mul=1)


class Hardswish(InPlace):
    """Multiplies each value by its hard sigmoid, as torch.nn.Hardswish.

    Rule: y = x·min(max(x + 3, 0), 6)/6
    Cost: 1 addition, 2 comparisons, 1 multiplication and 1 division per value
    Source: Howard et al. 2019, Searching for MobileNetV3, arXiv:1905.02244
    Example: `hardswish` on 64×56×56
    """

    key = "hardswish"
    onnx = ("HardSwish",)
    signatures = {"Hardswish": ("inplace",)}
    aliases = ("hswish",)
    aten = ("hardswish",)
    torch_name, per_value = "Hardswish", Cost(add=1, cmp=2, mul=1, div=1)


class Hardsigmoid(InPlace):
    """Approximates the sigmoid by straight lines, as torch.nn.Hardsigmoid.

    Rule: y = min(max(x + 3, 0), 6)/6
    Cost: 1 addition, 2 comparisons and 1 division per value
    Example: `hardsigmoid` on 64×56×56
    """

    key = "hardsigmoid"
    onnx = ("HardSigmoid",)
    signatures = {"Hardsigmoid": ("inplace",)}
    aliases = ("hsigmoid",)
    aten = ("hardsigmoid",)
    torch_name, per_value = "Hardsigmoid", Cost(add=1, cmp=2, div=1)

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        """NOTE: ONNX's own default is a slope of 1/5, which is another function."""
        slope = call.attributes.get("alpha", 0.2)
        return {} if abs(slope - 1 / 6) < 1e-6 and call.has(beta=0.5) else None


class Sigmoid(Activation):
    """Maps each value to the range from 0 to 1, as torch.nn.Sigmoid.

    Rule: y = σ(x) = 1/(1 + e⁻ˣ)
    Cost: 1 exponential, 1 addition and 1 division per value
    Example: `sigmoid` on 64×56×56
    """

    key = "sigmoid"
    onnx = ("Sigmoid",)
    aliases = ("logistic",)
    aten = ("sigmoid",)
    torch_name, per_value, keeps_output = "Sigmoid", Cost(exp=1, add=1, div=1), True


class Tanh(Activation):
    """Maps each value to the range from −1 to 1, as torch.nn.Tanh.

    Rule: y = tanh(x) = (eˣ − e⁻ˣ)/(eˣ + e⁻ˣ)
    Cost: 1 tanh per value
    Example: `tanh` on 64×56×56
    """

    key = "tanh"
    onnx = ("Tanh",)
    aten = ("tanh",)
    torch_name, per_value, keeps_output = "Tanh", Cost(exp=1), True
