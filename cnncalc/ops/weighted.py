"""What layers with one weight tensor share: its names, its filters and its parametrization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from ..num import Num, Shape, product
from .autocast import TO_HALF
from .base import Op
from .kept import Backward, Extra, Moment, at_once, later
from .shapes import alike, values
from .torch_call import TorchCall

if TYPE_CHECKING:
    from .called import Called
    from .onnx_call import OnnxCall

FEW = 4  # channels of a layer in a smaller copy of the network
CHANNEL_ALIASES = {
    "out_channels": "out",
    "filters": "out",
    "channels": "out",
    "out_features": "out",
    "units": "out",
    "num_output": "out",
    "num_filters": "out",
    "use_bias": "bias",
    "bias_term": "bias",
}
Parametrization = Annotated[
    Literal["weight_norm", "spectral_norm"] | None,
    Field(description="weight_norm or spectral_norm"),
]
OfFilters = Annotated[
    Literal[
        "weight_norm", "spectral_norm", "weight_standardization", "scaled_weight_standardization"
    ]
    | None,
    Field(
        description="weight_norm, spectral_norm, weight_standardization or"
        " scaled_weight_standardization"
    ),
]


STANDARDIZED = ("weight_standardization", "scaled_weight_standardization")


class Weighted(Op):
    """An operator with a weight that consists of filters, with or without a bias.

    `parametrize: weight_norm` trains a length and a direction for each index of the weight's first
    axis; `spectral_norm` divides the weight by its largest singular value; of a convolution,
    `weight_standardization` gives each filter a mean of 0 and a variance of 1, and
    `scaled_weight_standardization` one of 1/n for a filter of n weights, times a trained gain. All
    compute the weight again at each call. The cost does not include that: at inference the result
    can be stored once.

    Fields:
        bias: whether a trained bias is added to the output
        parametrize: how torch computes the weight from other trained tensors; by default the weight
            itself is trained

    Source: torch.nn.utils.parametrizations; Salimans and Kingma 2016, arXiv:1602.07868; Miyato et
        al. 2018, arXiv:1802.05957; Qiao et al. 2019, arXiv:1903.10520; Brock et al. 2021,
        arXiv:2101.08692
    """

    multiplies = True
    cast = TO_HALF
    spectral_axis: ClassVar[int] = 0  # axis of the weight with the output channels

    if TYPE_CHECKING:  # each operator has these as a field
        out: int
        bias: bool
        parametrize: str | None

    @classmethod
    def of_call(cls, call: Called) -> Mapping[str, Any] | None:
        body = super().of_call(call)
        weight = call.weights.get("weight")
        if body is None or weight is None:
            return None
        out = call.y[0] if cls.spectral_axis else weight[0]
        found = {**body, "out": out, "bias": "bias" in call.weights}
        if "kernel" in cls.fields():
            found["kernel"] = alike(weight[2:])
        return found

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        """Return the fields; ONNX has neither the channels nor a flag for the bias."""
        body = super().of_onnx(call)
        weight = call.weights.get("weight", ())
        if body is None or len(weight) < 3:
            return None
        groups = call.attributes.get("group", 1)
        out = weight[1] * groups if cls.spectral_axis else weight[0]
        kernel = alike(weight[2:])
        return {**body, "out": out, "kernel": kernel, "bias": "bias" in call.weights}

    def weights(self, x: Shape) -> dict[str, Shape]:
        kernel = self.filters(x)
        table = self._parametrized(kernel) if self.parametrize else {"weight": kernel}
        if self.bias:
            table["bias"] = (self.out,)
        return table

    def is_followed(self, *xs: Shape, given: tuple[int, ...], mixed: bool, training: bool) -> bool:
        return not (self.parametrize and mixed)

    def _parametrized(self, kernel: Shape) -> dict[str, Shape]:
        """Return what is trained instead of the weight."""
        name = "parametrizations.weight.original"
        if self.parametrize == "weight_norm":
            return {f"{name}0": lengths(kernel), f"{name}1": kernel}
        if self.parametrize == "scaled_weight_standardization":
            return {name: kernel, "parametrizations.weight.0.gain": lengths(kernel)}
        return {name: kernel}

    def buffers(self, x: Shape) -> dict[str, Shape]:
        if self.parametrize != "spectral_norm":
            return {}
        rows, columns = self._matrix(x)
        name = "parametrizations.weight.0"
        return {f"{name}._u": (rows,), f"{name}._v": (columns,)}

    def _matrix(self, x: Shape) -> tuple[Num, Num]:
        """Return the rows and columns of the matrix that spectral_norm makes of the weight."""
        kernel = self.filters(x)
        rows = kernel[self.spectral_axis]
        others = (n for axis, n in enumerate(kernel) if axis != self.spectral_axis)
        return rows, product(others)

    def computed(self, x: Shape) -> tuple[Extra, ...]:
        """What is kept for backward because the weight is computed, whatever the batch."""
        weight = Extra(product(self.filters(x)), once=True)
        if self.parametrize == "weight_norm":
            return weight, Extra(product(lengths(self.filters(x))), "lengths", once=True)
        if self.parametrize == "weight_standardization":
            return weight, Extra(2 * self.filters(x)[0], "statistics", once=True)
        if self.parametrize == "scaled_weight_standardization":
            filters = self.filters(x)[0]
            factors, lengthened = Extra(filters, "parameters", once=True), 2 * filters
            return weight, Extra(lengthened, "statistics", once=True), factors
        if self.parametrize == "spectral_norm":
            rows, columns = self._matrix(x)  # kept: u, v and the singular value
            return weight, Extra(rows + columns + 1, "parameters", once=True)
        return ()

    def computed_and_kept(self, x: Shape, back: Backward) -> tuple[Extra, ...]:
        """What backward holds of it: a weight that is not trained is for the input's gradient."""
        made = self.computed(x)
        return made if back.trained else made[:1]

    def busiest(self, x: Shape, *, y: Shape, back: Backward | None) -> tuple[Moment, ...]:
        made = self.making_weight(x)
        if not back:
            return made + self.using_weight(x, y)
        return made + self.with_uncast(x, y, back)

    def with_uncast(self, x: Shape, y: Shape, back: Backward, *uncast: Extra) -> tuple[Moment, ...]:
        """What is there while the layer runs, if autocast copied a weight that is computed."""
        weights = [made._replace(kind="uncast") for made in self.computed(x)[:1]]
        if not weights and not uncast:
            return ()
        kept = self.keeps(x, y=y, back=back).extras
        return at_once(Extra(values(y)), *kept, *weights, *uncast)

    def making_weight(self, x: Shape, *copies: Extra) -> tuple[Moment, ...]:
        """A weight that is computed, while it is made, beside copies of the input.

        spectral_norm copies a weight whose rows are not in its first axis.
        """
        if self.parametrize != "spectral_norm":
            return ()
        made = self.computed(x)
        return at_once(*made, *copies, *made[: self.spectral_axis])

    def using_weight(self, x: Shape, y: Shape, *copies: Extra) -> tuple[Moment, ...]:
        """A weight that is computed, while it is used, beside copies of the input."""
        made = self.computed(x)[:1]
        uncast = [weight._replace(kind="uncast") for weight in made]
        return at_once(Extra(values(y)), *made, *uncast, *copies)

    def busiest_backward(self, x: Shape, *, y: Shape, back: Backward) -> tuple[Moment, ...]:
        if not back.trained:
            return ()
        return self.busy_gradients(x, Extra(values(x) if back.needs(0) else 0))

    def busy_gradients(self, x: Shape, read: Extra) -> tuple[Moment, ...]:
        """The gradients of what the layer reads, its bias and a weight that is computed.

        From the weight's go back those of what is trained, after the layer itself: by weight_norm
        in one step, by spectral_norm through a quotient in four.
        """
        if not self.parametrize:
            return ()
        weight, others, *_ = self.computed(x)
        if self.parametrize == "weight_norm":
            made = Extra(2 * weight.count, once=True), others
        elif self.parametrize in STANDARDIZED:
            made = Extra(2 * weight.count, once=True), Extra(0)
        else:
            made = Extra(5 * weight.count, once=True), Extra(0)
        bias = Extra(self.out if self.bias else 0, once=True)
        used = at_once(read, weight, bias)
        return used + later(read, bias, *made, others, read=False)

    def bias_additions(self, y: Shape) -> Num:
        """Count one addition for each value of the output, if there is a bias."""
        return product(y) if self.bias else 0

    def narrowed(self) -> Op:
        return self.changed(out=min(self.out, FEW))

    def linearized(self, x: Shape) -> TorchCall:
        return self.torch(x)._replace(parametrize=None)


def lengths(kernel: Shape) -> Shape:
    """Return the shape of weight_norm's lengths: one for each index of the first axis."""
    return (kernel[0], *(1,) * (len(kernel) - 1))
