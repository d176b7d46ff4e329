"""Regularisation and scaling, and the identity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from ..cost import FREE, Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, contiguous, copied, iterated, with_number
from ..num import Num, Shape
from .autocast import AS_IS, PROMOTED, Autocast, Cast
from .base import Folds, Op
from .field_types import Flag, Positive, Probability, Real
from .kept import NOTHING, VIEW, Backward, Extra, Gradient, Kept, Moment, Storage, product_and_sum
from .needs import Need
from .reads import Windows
from .shapes import values
from .torch_call import TorchCall

if TYPE_CHECKING:
    from .onnx_call import OnnxCall

Trained = Annotated[
    Literal["none", "one", "per_channel", "per_position", "per_value"],
    Field(description="none, one, per_channel, per_position or per_value"),
]


Table = Annotated[
    tuple[Positive, ...] | None,
    Field(min_length=1, max_length=4, description="a list of 1 to 4 sizes"),
]


class Identity(Op):
    """Returns its input unchanged, as torch.nn.Identity.

    Shapes: any shape -> the same shape
    Rule: y = x
    Cost: none: the output is the input
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
    """Sets values to 0 at random in training, as torch.nn.Dropout.

    At inference it returns its input unchanged.

    Rule: in training y = 0 with probability p, else y = x/(1 − p); at inference y = x
    Cost: none at inference
    Fields:
        p: probability that a value becomes 0
        inplace: whether torch writes the output over the input in training

    Source: Srivastava et al. 2014, Dropout: a simple way to prevent neural networks from
        overfitting
    Example: `dropout: 0.5` on 4096
    """

    key = "dropout"
    onnx: ClassVar[tuple[str, ...]] = ("Dropout",)
    traced = ("dropout",)
    signatures: ClassVar[Mapping[str, tuple[str, ...]]] = {"Dropout": ("p", "inplace")}
    field_aliases = {"rate": "p", "ratio": "p", "dropout_ratio": "p", "drop_prob": "p"}
    main = "p"
    p: Probability = 0.5
    inplace: Flag = False

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        ratio = call.given("ratio", 1)
        return {"p": 0.5 if ratio is None else float(ratio)}

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return self.noise(values(x), back)

    def noise(self, n: Num, back: Backward) -> Kept:
        """Return that n random factors are kept, or a single 0 if everything is dropped."""
        if not back.training or self.p == 0:
            return NOTHING
        drawn = Extra(n, "noise") if self.p < 1 else Extra(1, once=True)
        return Kept(extras=(drawn,))

    def storage_in_training(self, x: Shape) -> Storage:
        if self.p == 0:
            return "view"
        return "inplace" if self.inplace else "new"

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return iterated((x, copied(x) if self.p < 1 else contiguous(())), y)

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("Dropout", {"p": self.p, "inplace": self.inplace})


class Dropout2d(Dropout):
    """Sets whole channels to 0 at random in training, as torch.nn.Dropout2d.

    At inference it returns its input unchanged.

    Shapes: (C, H, W) -> (C, H, W)
    Rule: in training y = 0 for a whole channel with probability p, else y = x/(1 − p); at inference
        y = x
    Fields:
        p: probability that a channel becomes 0

    Source: Tompson et al. 2015, Efficient object localization using convolutional networks,
        arXiv:1411.4280
    Example: `dropout2d: 0.2` on 64×28×28
    """

    key = "dropout2d"
    traced = ("feature_dropout",)
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
    """Sets its whole input to 0 at random in training, which skips a residual branch.

    Put it at the end of a branch of `add`. At inference it returns its input unchanged.

    Rule: in training y = 0 with probability p, else y = x/(1 − p); at inference y = x
    Cost: none at inference
    Fields:
        p: probability that the branch is skipped
        mode: whether each image is skipped by its own chance (row) or all together (batch)

    Source: Huang et al. 2016, Deep networks with stochastic depth, arXiv:1603.09382
    Example: `stochastic_depth: 0.1` on 96×56×56
    """

    key = "stochastic_depth"
    aliases = ("droppath",)
    field_aliases = {"drop_prob": "p", "rate": "p"}
    main = "p"
    p: Probability
    mode: Annotated[Literal["row", "batch"], Field(description="row or batch")] = "row"

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        if not back.training or self.p == 0:
            return NOTHING
        return Kept(extras=(Extra(1, once=self.mode == "batch"),))

    def storage_in_training(self, x: Shape) -> Storage:
        return "new" if self.p > 0 else "view"

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        rows = y[0] if self.mode == "row" else 1
        return iterated((x, contiguous((rows, *(1,) * (len(y) - 1)))), y)

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("DropBranch", {"p": self.p, "mode": self.mode})


class Zeroize(Op):
    """Multiplies all values by 0, so that its input has no effect.

    A cell of NAS-Bench-201 has it where two nodes are not connected.

    Shapes: any shape -> the same shape
    Rule: y = 0·x
    Cost: 1 multiplication per value
    Source: Dong and Yang 2020, NAS-Bench-201, arXiv:2001.00326
    Example: `zeroize` on 16×32×32
    """

    key = "zeroize"
    aliases = ("zero", "zeros")
    elementwise = True
    channelwise = True

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(mul=values(x))

    def window(self, x: Shape) -> Windows:
        return (None,)

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return NOTHING

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return with_number(x, y)

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("Zeroing", {})


class Scaling(Op):
    """A layer that multiplies by trained factors; `weights` says how many, if any.

    Shapes: any shape -> the same shape
    """

    elementwise = True
    channelwise = True
    affine_weights = True
    parameter: ClassVar[str] = "weight"

    @property
    def folds(self) -> Folds:
        return "scale"

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(mul=values(x))

    def autocast(self, x: Shape, *, by: Autocast) -> Cast:
        return PROMOTED if self.weights(x) else AS_IS

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept((0,) if back.trained and self.weights(x) else ())

    def busiest_backward(self, x: Shape, *, y: Shape, back: Backward) -> tuple[Moment, ...]:
        """The factors' gradient is a product in full, which is then summed."""
        factors = self.weights(x).get(self.parameter)
        return product_and_sum(x, values(factors), back) if factors and back.trained else ()

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        factors = self.weights(y[1:]).get(self.parameter)
        return iterated((x, contiguous(factors)), y) if factors else with_number(x, y)


class LayerScale(Scaling):
    """Multiplies each channel by a trained factor, as in ConvNeXt.

    Rule: y = w·x, with one w per channel
    Parameters: C factors
    Cost: 1 multiplication per value
    Fields:
        init: value of the factors before training

    Source: Touvron et al. 2021, Going deeper with image transformers, arXiv:2103.17239
    Example: `layer_scale` on 64×56×56
    """

    key = "layer_scale"
    field_aliases = {"init_value": "init", "init_values": "init", "layer_scale_init_value": "init"}
    main = "init"
    init: Real = 1e-6

    def weights(self, x: Shape) -> dict[str, Shape]:
        return {"weight": (x[0], *(1,) * (len(x) - 1))}

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("Factor", {"by": self.init, "shape": self.weights(x)["weight"]})


class Scale(Scaling):
    """Multiplies all values by a number, or by factors that are trained.

    `scale: {by: 0, trained: one}` at the end of a residual branch is ReZero's gate.

    Rule: y = w·x
    Parameters: none, 1 factor with `trained: one`, C with `trained: per_channel`, ∏n with
        `trained: per_position`, or C·∏n with `trained: per_value`
    Cost: 1 multiplication per value
    Fields:
        by: the factor; if it is trained, its value before training
        trained: whether nothing is trained, one factor, or one per channel,
            per position or per value

    Source: Bachlechner et al. 2020, ReZero is all you need, arXiv:2003.04887
    Example: `scale: {by: 0, trained: one}` on 64×56×56
    """

    key = "scale"
    main = "by"
    torch_name: ClassVar[str] = "Factor"
    by: Real
    trained: Trained = "none"

    @property
    def folds(self) -> Folds:
        return None if self.trained in ("per_position", "per_value") else "scale"

    def weights(self, x: Shape) -> dict[str, Shape]:
        return {self.parameter: self.differing(x)} if self.trained != "none" else {}

    def differing(self, x: Shape) -> Shape:
        """Return the shape of the factors or offsets, with 1 along axes where they are the same."""
        channels = x[0] if self.trained in ("per_channel", "per_value") else 1
        positions = (1,) * (len(x) - 1)
        if self.trained in ("per_position", "per_value"):
            positions = tuple(x[1:])
        return (channels, *positions)

    def torch(self, x: Shape) -> TorchCall:
        shape = self.weights(x).get(self.parameter)
        return TorchCall(self.torch_name, {"by": self.by, "shape": shape})


class Shift(Scale):
    """Adds a number to all values, or offsets that are trained.

    `shift: {by: 0, trained: per_value}` is a learned position embedding, or on attention's scores a
    position bias. With `table`, the offsets are taken from a table with fewer trained values, such
    as one for each relative position. Which of them goes where is not described, as no figure
    depends on it: the network that cnncalc builds takes them in turn.

    Rule: y = x + b
    Parameters: none, 1 offset with `trained: one`, C with `trained: per_channel`, ∏n with
        `trained: per_position`, or C·∏n with `trained: per_value`; with `table`, its values
    Cost: 1 addition per value
    Fields:
        by: the offset; if it is trained, its value before training
        trained: whether nothing is trained, one offset, or one per channel,
            per position or per value
        table: shape of the trained table that the offsets are taken from, if there is one

    Source: torch.add; Shaw et al. 2018, Self-attention with relative position representations,
        arXiv:1803.02155; Dosovitskiy et al. 2020, An image is worth 16×16 words, arXiv:2010.11929
    Example: `shift: {by: 0, trained: per_channel}` on 64×56×56
    """

    key = "shift"
    torch_name = "Offset"
    parameter = "bias"
    table: Table = None

    def needs(self, x: Shape) -> Iterator[Need]:
        yield from super().needs(x)
        yield Need(
            -1 if self.table and self.trained == "none" else 0,
            lambda: Diagnostic("CNN103", "`table` needs trained offsets, such as per_value"),
        )

    def weights(self, x: Shape) -> dict[str, Shape]:
        trained = super().weights(x)
        return dict.fromkeys(trained, self.table) if self.table else trained

    def buffers(self, x: Shape) -> dict[str, Shape]:
        return {"index": self.differing(x)} if self.table else {}

    @property
    def folds(self) -> Folds:
        return super().folds and "scale and shift"

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(add=values(x))

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return NOTHING

    def gradients(self, x: Shape, *, y: Shape, back: Backward) -> tuple[Gradient, ...]:
        return (VIEW,)

    def is_followed(self, *xs: Shape, given: tuple[int, ...], mixed: bool, training: bool) -> bool:
        return self.table is None

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        if not self.table:
            return super().laid_out(x, y=y)
        return iterated((x, contiguous(self.differing(y[1:]))), y)

    def busiest_backward(self, x: Shape, *, y: Shape, back: Backward) -> tuple[Moment, ...]:
        return ()

    def torch(self, x: Shape) -> TorchCall:
        call = super().torch(x)
        if not self.table:
            return call
        table = {"shape": self.table, "taken": self.differing(x)}
        return call._replace(arguments={**call.arguments, **table})
