"""Layers that multiply by one weight tensor: its names, filters and parametrization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from ..num import Num, Shape, product
from .base import Op
from .torch_call import TorchCall

FEW = 4  # channels of a layer in a narrow copy
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


class Weighted(Op):
    """An operator with a weight, whose values are the filters, and with or without a bias.

    `parametrize: weight_norm` trains a length and a direction for each index of the weight's first
    axis; `spectral_norm` divides the weight by its largest singular value. Both compute the weight
    anew at each call, which the ledger leaves out: at inference the result can be stored once.
    Source: torch.nn.utils.parametrizations; Salimans & Kingma 2016; Miyato et al. 2018.

    Fields:
        bias: whether the output has a trained bias
        parametrize: a function of the trained tensors that makes the weight
    """

    multiplies = True
    spectral_axis: ClassVar[int] = 0  # of the weight, that holds the output channels

    if TYPE_CHECKING:  # each operator has these as a field
        out: int
        bias: bool
        parametrize: str | None

    def weights(self, x: Shape) -> dict[str, Shape]:
        kernel = self.filters(x)
        table = self._parametrized(kernel) if self.parametrize else {"weight": kernel}
        if self.bias:
            table["bias"] = (self.out,)
        return table

    def _parametrized(self, kernel: Shape) -> dict[str, Shape]:
        """What is trained in place of the weight."""
        name = "parametrizations.weight.original"
        if self.parametrize == "weight_norm":
            return {f"{name}0": lengths(kernel), f"{name}1": kernel}
        return {name: kernel}

    def buffers(self, x: Shape) -> dict[str, Shape]:
        if self.parametrize != "spectral_norm":
            return {}
        rows, columns = self._matrix(x)
        name = "parametrizations.weight.0"
        return {f"{name}._u": (rows,), f"{name}._v": (columns,)}

    def _matrix(self, x: Shape) -> tuple[Num, Num]:
        """Rows and columns of the weight as spectral_norm sees it."""
        kernel = self.filters(x)
        rows = kernel[self.spectral_axis]
        others = (n for axis, n in enumerate(kernel) if axis != self.spectral_axis)
        return rows, product(others)

    def computed(self, x: Shape) -> Num:
        """Values kept for backward because the weight is computed, whatever the batch."""
        weight = product(self.filters(x))
        if self.parametrize == "weight_norm":
            return weight + product(lengths(self.filters(x)))
        if self.parametrize == "spectral_norm":
            rows, columns = self._matrix(x)
            return weight + rows + columns + 1  # u, v and the singular value
        return 0

    def bias_additions(self, y: Shape) -> Num:
        """One for every value of the output, if there is a bias."""
        return product(y) if self.bias else 0

    def narrowed(self) -> Op:
        return self.changed(out=min(self.out, FEW))

    def linearized(self, x: Shape) -> TorchCall:
        return self.torch(x)._replace(parametrize=None)


def lengths(kernel: Shape) -> Shape:
    """The shape of weight_norm's lengths: one for each index of the first axis."""
    return (kernel[0], *(1,) * (len(kernel) - 1))
