"""Layers that regularise or scale, and the identity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ..cost import FREE, Cost
from ..layout import Layout, contiguous, copied, iterated
from ..num import Num, Shape
from .base import NOTHING, Backward, Kept, Op, Storage, values
from .field_types import Flag, Probability, Real
from .torch_call import TorchCall


class Identity(Op):
    """Nothing, as torch.nn.Identity.

    Example: `identity` on 64×56×56
    """

    key = "identity"
    channelwise = True
    aliases: ClassVar[tuple[str, ...]] = ("noop", "passthrough")

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return FREE

    def storage(self, x: Shape) -> Storage:
        return "view"

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return NOTHING

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("Identity", {})


class Dropout(Identity):
    """Zeroes values in training, as torch.nn.Dropout; the identity at inference.

    Fields:
        p: probability that a value, or a channel, becomes 0
        inplace: whether torch writes the output over the input

    Source: Srivastava et al. 2014, Dropout
    Example: `dropout: 0.5` on 4096
    """

    key = "dropout"
    signatures: ClassVar[Mapping[str, tuple[str, ...]]] = {"Dropout": ("p", "inplace")}
    field_aliases = {"rate": "p", "ratio": "p", "dropout_ratio": "p", "drop_prob": "p"}
    main = "p"
    p: Probability = 0.5
    inplace: Flag = False

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return self.noise(values(x), back)  # NOTE: CPU; CUDA holds a byte per value

    def noise(self, n: Num, back: Backward) -> Kept:
        """n random factors; one zero where everything is dropped."""
        if not back.training or self.p == 0:
            return NOTHING
        return Kept(values=n if self.p < 1 else 1)

    def storage_in_training(self, x: Shape) -> Storage:
        if self.p == 0:
            return "view"
        return "inplace" if self.inplace else "new"

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return iterated((x, copied(x) if self.p < 1 else contiguous(())), y)

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("Dropout", {"p": self.p, "inplace": self.inplace})


class Dropout2d(Dropout):
    """Zeroes whole channels in training, as torch.nn.Dropout2d; the identity at inference.

    Source: Tompson et al. 2015, Efficient object localization using convolutional networks
    Example: `dropout2d: 0.2` on 64×28×28
    """

    key = "dropout2d"
    signatures = {"Dropout": ("p", "inplace")}
    aliases = ("spatialdropout2d",)
    ranks = (3,)

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return self.noise(x[0], back)

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        noise = (*y[:2], *(1,) * (len(y) - 2))
        return iterated((x, contiguous(noise if self.p < 1 else ())), y)

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("Dropout2d", {"p": self.p, "inplace": self.inplace})


class StochasticDepth(Identity):
    """Drops a whole branch at random in training (Huang et al. 2016); the identity at inference.

    Fields:
        p: probability that the branch is dropped
        mode: whether images are dropped one by one (row) or together (batch)

    Source: Huang et al. 2016, Deep networks with stochastic depth
    Example: `stochastic_depth: 0.1` on 96×56×56
    """

    key = "stochastic_depth"
    aliases = ("droppath",)
    field_aliases = {"drop_prob": "p", "rate": "p"}
    main = "p"
    p: Probability
    mode: Annotated[Literal["row", "batch"], Field(description="row or batch")] = "row"

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(values=1) if back.training and self.p > 0 else NOTHING

    def storage_in_training(self, x: Shape) -> Storage:
        return "new" if self.p > 0 else "view"

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        rows = y[0] if self.mode == "row" else 1
        return iterated((x, contiguous((rows, *(1,) * (len(y) - 1)))), y)

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("DropBranch", {"p": self.p, "mode": self.mode})


class LayerScale(Op):
    """A trained factor per channel (ConvNeXt, CaiT): (C, *n) -> the same.

    Fields:
        init: first value of the factors

    Source: Touvron et al. 2021, Going deeper with image transformers
    Example: `layer_scale` on 64×56×56
    """

    key = "layer_scale"
    field_aliases = {"init_value": "init", "init_values": "init", "layer_scale_init_value": "init"}
    elementwise = True
    channelwise = True
    main = "init"
    affine_weights = True
    init: Real = 1e-6

    def weights(self, x: Shape) -> dict[str, Shape]:
        return {"weight": (x[0], *(1,) * (len(x) - 1))}

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(mul=values(x))

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,))

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        weight = contiguous((y[1], *(1,) * (len(y) - 2)))
        return iterated((x, weight), y)

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("ChannelScale", {"shape": self.weights(x)["weight"], "init": self.init})
