"""Mathematical functions of each value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..num import Shape
from .activation import Activation
from .autocast import AS_IS, TO_FLOAT32, Autocast, Cast
from .field_types import Real
from .kept import NOTHING, Backward, Extra, Kept, Moment, at_once
from .needs import Need
from .shapes import values
from .torch_call import TorchCall

if TYPE_CHECKING:
    from .onnx_call import OnnxCall


class Pointwise(Activation):
    """A function of each value that torch.nn has no module for.

    `kept_input` says that backward needs the input. Without it, and without `keeps_output`,
    backward needs nothing: the slope is the same everywhere. `temporaries` counts the tensors of
    the size of the input that backward holds at its busiest, the input's gradient included.
    """

    kept_input: ClassVar[bool] = False
    temporaries: ClassVar[int] = 1
    card_float32: ClassVar[bool] = False  # on a card, autocast computes it in float32

    def autocast(self, x: Shape, *, by: Autocast) -> Cast:
        return TO_FLOAT32 if self.card_float32 and not by.on_cpu else AS_IS

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        if self.keeps_output:
            return Kept(output=True)
        return Kept(inputs=(0,)) if self.kept_input else NOTHING

    def busiest_backward(self, x: Shape, *, y: Shape, back: Backward) -> tuple[Moment, ...]:
        return at_once(Extra(self.temporaries * values(x))) if self.temporaries > 1 else ()

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("Pointwise", {"function": self.key, **self.arguments()})

    def linearized(self, x: Shape) -> TorchCall:
        """Return the identity: it reads the same positions, and its slope is 1 everywhere."""
        return TorchCall("Identity", {})


class Abs(Pointwise):
    """Removes the sign of each value.

    Rule: y = |x|
    Cost: 1 comparison per value
    Source: torch.abs
    Example: `abs` on 64×56×56
    """

    key = "abs"
    onnx = ("Abs",)
    aliases = ("absval", "absolute")
    aten = ("abs",)
    idempotent = True
    per_value, kept_input = Cost(cmp=1), True
    temporaries = 2


class Neg(Pointwise):
    """Changes the sign of each value.

    Rule: y = −x
    Cost: 1 addition per value (a change of sign counts as one)
    Source: torch.neg
    Example: `neg` on 64×56×56
    """

    key = "neg"
    onnx = ("Neg",)
    aliases = ("negative", "negate")
    aten = ("neg",)
    per_value = Cost(add=1)


class FixedPower(Pointwise):
    """A power of each value that has a name; ONNX may write it as Pow with that exponent."""

    power: ClassVar[float]

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        return {} if call.name != "Pow" or call.given("exponent", 1) == cls.power else None


class Square(FixedPower):
    """Multiplies each value by itself.

    Rule: y = x²
    Cost: 1 multiplication per value
    Source: torch.square
    Example: `square` on 64×56×56
    """

    key = "square"
    onnx = ("Pow",)
    traced = ("square",)
    card_float32 = True
    per_value, kept_input = Cost(mul=1), True
    temporaries = 3
    power = 2


class Sqrt(FixedPower):
    """Takes the square root of each value.

    Rule: y = √x
    Cost: 1 root per value
    Source: torch.sqrt
    Example: `sqrt` on 64×56×56
    """

    key = "sqrt"
    onnx = ("Sqrt", "Pow")
    aten = ("sqrt",)
    per_value, keeps_output = Cost(exp=1), True
    temporaries = 2
    power = 0.5


class Rsqrt(FixedPower):
    """Takes the reciprocal of the square root of each value.

    Rule: y = 1/√x
    Cost: 1 root and 1 division per value
    Source: torch.rsqrt
    Example: `rsqrt` on 64×56×56
    """

    key = "rsqrt"
    onnx = ("Pow",)
    card_float32 = True
    aten = ("rsqrt",)
    per_value, keeps_output = Cost(exp=1, div=1), True
    temporaries = 3
    power = -0.5


class Reciprocal(Pointwise):
    """Divides 1 by each value.

    Rule: y = 1/x
    Cost: 1 division per value
    Source: torch.reciprocal
    Example: `reciprocal` on 64×56×56
    """

    key = "reciprocal"
    onnx = ("Reciprocal",)
    card_float32 = True
    aten = ("reciprocal",)
    per_value, keeps_output = Cost(div=1), True
    temporaries = 3


class Exp(Pointwise):
    """Computes e to the power of each value.

    Rule: y = eˣ
    Cost: 1 exponential per value
    Source: torch.exp
    Example: `exp` on 64×56×56
    """

    key = "exp"
    onnx = ("Exp",)
    card_float32 = True
    aliases = ("exponential",)
    aten = ("exp",)
    per_value, keeps_output = Cost(exp=1), True


class Log(Pointwise):
    """Computes the natural logarithm of each value.

    Rule: y = ln x
    Cost: 1 logarithm per value
    Source: torch.log
    Example: `log` on 64×56×56
    """

    key = "log"
    onnx = ("Log",)
    card_float32 = True
    aten = ("log",)
    per_value, kept_input = Cost(exp=1), True


class Pow(Pointwise):
    """Raises each value to a fixed power.

    Rule: y = x^exponent
    Cost: 1 power per value
    Fields:
        exponent: the power

    Source: torch.pow
    Example: `pow: 3` on 64×56×56
    """

    key = "pow"
    onnx = ("Pow",)
    card_float32 = True
    aten = ("pow",)
    main = "exponent"
    per_value, kept_input = Cost(exp=1), True
    temporaries = 3
    exponent: Real

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        exponent = call.given("exponent", 1)
        return None if exponent is None else {"exponent": float(exponent)}

    def is_followed(self, x: Shape, *, given: tuple[int, ...], mixed: bool, training: bool) -> bool:
        """NOTE: torch knows the gradient of a constant, and computes nothing for it."""
        return not (training and self.exponent == 0)


class Clamp(Pointwise):
    """Limits each value to a range that is open on one side or closed.

    Rule: y = min(max(x, low), high), with one of the bounds or both
    Cost: 1 comparison per value and bound
    Fields:
        low: smallest value of the output; by default there is none
        high: largest value of the output; by default there is none

    Source: torch.clamp
    Example: `clamp: {low: 0}` on 64×56×56
    """

    key = "clamp"
    onnx = ("Clip",)
    aliases = ("clip", "clipbyvalue")
    aten = ("clamp", "clamp_min", "clamp_max")
    idempotent = True
    kept_input = True
    field_aliases: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("min", "min_val", "min_value", "clip_value_min"), "low"),
        **dict.fromkeys(("max", "max_val", "max_value", "clip_value_max"), "high"),
    }
    low: Real | None = None
    high: Real | None = None

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        low, high = call.bounds()
        return None if low is None and high is None else {"low": low, "high": high}

    def needs(self, x: Shape) -> Iterator[Need]:
        missing = self.low is None and self.high is None
        yield Need(
            -1 if missing else 0,
            lambda: Diagnostic("CNN103", "`clamp` needs `low` or `high`, or both"),
        )

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        bounds = (self.low is not None) + (self.high is not None)
        return Cost(cmp=bounds * values(x))

    def busiest_backward(self, x: Shape, *, y: Shape, back: Backward) -> tuple[Moment, ...]:
        """For each bound, which values lie within it."""
        bounds = (self.low is not None) + (self.high is not None)
        return at_once(Extra(values(x)), Extra(bounds * values(x), "mask"))

    def arguments(self) -> dict[str, Any]:
        return {"min": self.low, "max": self.high}


class Floor(Pointwise):
    """Rounds each value down to a whole number; no gradient passes.

    Rule: y = ⌊x⌋
    Cost: 1 comparison per value
    Source: torch.floor
    Example: `floor` on 64×56×56
    """

    key = "floor"
    onnx = ("Floor",)
    aten = ("floor",)
    idempotent = True
    per_value = Cost(cmp=1)


class Ceil(Floor):
    """Rounds each value up to a whole number; no gradient passes.

    Rule: y = ⌈x⌉
    Source: torch.ceil
    Example: `ceil` on 64×56×56
    """

    key = "ceil"
    onnx = ("Ceil",)
    aten = ("ceil",)


class Round(Floor):
    """Rounds each value to the nearest whole number; no gradient passes.

    Rule: y = the nearest whole number; of two, the even one
    Source: torch.round
    Example: `round` on 64×56×56
    """

    key = "round"
    onnx = ("Round",)
    aten = ("round",)


class Sign(Floor):
    """Keeps the sign of each value only; no gradient passes.

    Rule: y = −1, 0 or 1
    Cost: 2 comparisons per value
    Source: torch.sign
    Example: `sign` on 64×56×56
    """

    key = "sign"
    onnx = ("Sign",)
    aten = ("sign",)
    per_value = Cost(cmp=2)
