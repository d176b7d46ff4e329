"""Normalisation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, channels_last, contiguous, in_format_of
from ..num import Num, Shape, product
from ..window import IDENTITY
from .autocast import AS_IS, TO_FLOAT32, Autocast, Cast
from .axes import last_of_two
from .base import COUNTER, Folds, Op
from .field_types import Flag, Positive, PositiveReal, Real
from .kept import Backward, Extra, Kept, Moment, at_once
from .meanings import Dispatched, Meaning
from .needs import Need, grouped
from .reads import WHOLE, ChannelReads, Windows, by_groups
from .shapes import values
from .torch_call import TorchCall, torch_nd

if TYPE_CHECKING:
    from .called import Called
    from .onnx_call import OnnxCall


def statistics_cost(n: Num, groups: Num, affine: bool, shifted: bool = True) -> Cost:
    """Count mean, variance and scaling of n values: a root and two divisions per group."""
    adds = 3 + (affine and shifted)
    return Cost(add=adds * n, mul=(2 + affine) * n, div=2 * groups, exp=groups)


class Norm(Op):
    """An operator that brings values to mean 0 and variance 1, then scales and shifts them.

    Shapes: any shape -> the same shape
    Rule: y = (x − mean)/√(variance + eps)·weight + bias
    Fields:
        eps: number added to the variance so that it is never 0
        affine: whether a trained scale and shift follow
    """

    affine_weights = True
    field_aliases: ClassVar[Mapping[str, str]] = {"epsilon": "eps", "elementwise_affine": "affine"}
    field_notes: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("center", "scale", "use_scale", "use_bias"),
        "`affine: true` trains a scale and a shift",
    )
    onnx_fields: ClassVar[Mapping[str, str]] = {"epsilon": "eps"}
    onnx_weights: ClassVar[tuple[str, ...]] = ("weight", "bias")
    eps: PositiveReal = 1e-5


_OF_CHANNELS = ("num_features", "eps", "momentum", "affine", "track_running_stats")


def mean_and_scale(n: Num, parameters: bool, once: bool = False) -> Extra:
    """The mean and the factor of each of n groups that are normalized, with or without parameters.

    NOTE: on the CPU they have the type of the parameters, if there are any.
    """
    return Extra(2 * n, "statistics" if parameters else "bare statistics", once)


class BatchNorm(Norm):
    """Normalises each channel by its mean and variance over the batch, as
    torch.nn.BatchNorm1d/2d/3d.

    Training saves running averages of mean and variance in buffers. Inference uses these, so they
    and the trained scale and shift become one factor and one summand per channel.

    Parameters: C scales and C shifts with `affine`
    Cost: 1 multiplication and 1 addition per value
    Fields:
        momentum: weight of a new batch in the running averages
        track_running_stats: whether the running averages are saved; if not, inference computes the
            statistics of its own batch and costs as much as `instancenorm`

    Source: Ioffe and Szegedy 2015, Batch normalization, arXiv:1502.03167
    Example: `batchnorm` on 64×56×56
    """

    key = "batchnorm"
    onnx: ClassVar[tuple[str, ...]] = ("BatchNormalization",)
    onnx_weights: ClassVar[tuple[str, ...]] = ("weight", "bias", "running_mean", "running_var")
    channelwise = True
    signatures = {"BatchNorm": _OF_CHANNELS}
    aliases: ClassVar[tuple[str, ...]] = ("bn", "batchnormalization", "syncbatchnorm")
    inferred = "the number of channels"
    aten: ClassVar[tuple[str | Dispatched, ...]] = ("batch_norm",)
    centers_channels = True
    momentum: Real = 0.1
    affine: Flag = True
    track_running_stats: Flag = True

    @classmethod
    def of_call(cls, call: Called) -> Mapping[str, Any] | None:
        body = super().of_call(call)
        if body is None:
            return None
        tracked = "running_mean" in call.weights
        return {**body, "affine": "weight" in call.weights, "track_running_stats": tracked}

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        """Return the fields. In ONNX, `momentum` is the weight of the averages so far."""
        body = super().of_onnx(call.without("momentum", "training_mode"))
        if body is None or not set(cls.onnx_weights) <= call.weights.keys():
            return None
        if "momentum" not in call.attributes:
            return body
        return {**body, "momentum": round(1 - call.attributes["momentum"], 7)}

    def weights(self, x: Shape) -> dict[str, Shape]:
        return {"weight": (x[0],), "bias": (x[0],)} if self.affine else {}

    def buffers(self, x: Shape) -> dict[str, Shape]:
        if not self.track_running_stats:
            return {}
        return {"running_mean": (x[0],), "running_var": (x[0],), COUNTER: ()}

    @property
    def folds(self) -> Folds:
        return "scale and shift" if self.track_running_stats else None

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        if not self.track_running_stats:
            return statistics_cost(values(x), x[0], self.affine)
        return Cost(mul=values(x), add=values(x))

    def needs(self, x: Shape) -> Iterator[Need]:
        if not self.track_running_stats:
            yield spread(product(x[1:]), f"`{self.key}` without running statistics")

    def window(self, x: Shape) -> Windows:
        return super().window(x) if self.track_running_stats else ((WHOLE,) * (len(x) - 1),)

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        measured = back.training or not self.track_running_stats
        wide = self.affine or self.track_running_stats
        return Kept((0,), extras=(mean_and_scale(x[0], wide, once=True),) if measured else ())

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        if x.is_contiguous:
            return contiguous(y)
        return channels_last(y) if x.fills_channels_last else in_format_of(x, y)

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall(f"BatchNorm{max(len(x) - 1, 1)}d", self._arguments(x))

    def _arguments(self, x: Shape) -> dict[str, Any]:
        """Return the arguments of torch's module."""
        names = ("eps", "momentum", "affine", "track_running_stats")
        return {"num_features": x[0], **{name: getattr(self, name) for name in names}}


class _InFloat32(Norm):
    """A norm that autocast runs in float32 on a card."""

    def autocast(self, x: Shape, *, by: Autocast) -> Cast:
        return AS_IS if by.on_cpu else TO_FLOAT32


class GroupNorm(_InFloat32):
    """Normalises each group of channels of an image by its mean and variance, as
    torch.nn.GroupNorm.

    Parameters: C scales and C shifts with `affine`
    Cost: per value 4 additions and 3 multiplications (without `affine` 3 and 2), and per group 2
        divisions and 1 root
    Fields:
        groups: number of groups of channels, which must divide C

    Source: Wu and He 2018, Group normalization, arXiv:1803.08494
    Example: `groupnorm: 32` on 64×56×56
    """

    key = "groupnorm"
    onnx = ("GroupNormalization",)
    onnx_fields = {"epsilon": "eps", "num_groups": "groups"}
    signatures = {"GroupNorm": ("num_groups", "num_channels", "eps", "affine")}
    aliases = ("gn", "groupnormalization")
    aten = ("group_norm",)
    field_aliases = {**Norm.field_aliases, "num_groups": "groups"}
    main = "groups"
    groups: Positive
    affine: Flag = True

    @classmethod
    def of_call(cls, call: Called) -> Mapping[str, Any] | None:
        body = super().of_call(call)
        return body and {**body, "affine": "weight" in call.weights}

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        """Return the fields; `stash_type` is the type in which statistics are computed."""
        body = super().of_onnx(call.without("stash_type"))
        return body if body is None else {**body, "affine": bool(call.weights)}

    def needs(self, x: Shape) -> Iterator[Need]:
        yield grouped(self.groups, x[0])
        yield spread(x[0] // self.groups * product(x[1:]), "`groupnorm`")

    def weights(self, x: Shape) -> dict[str, Shape]:
        return {"weight": (x[0],), "bias": (x[0],)} if self.affine else {}

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return statistics_cost(values(x), self.groups, self.affine)

    def window(self, x: Shape) -> Windows:
        return ((WHOLE,) * (len(x) - 1),)

    def channels(self, x: Shape) -> ChannelReads:
        return by_groups(self.groups, x[0], x[0])

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,), extras=(mean_and_scale(self.groups, self.affine),))

    def torch(self, x: Shape) -> TorchCall:
        arguments = {"num_groups": self.groups, "num_channels": x[0]}
        return TorchCall("GroupNorm", {**arguments, "eps": self.eps, "affine": self.affine})

    def narrowed(self) -> Op:
        return self.changed(groups=1)

    @property
    def channel_multiple(self) -> int:
        return self.groups


_OVER = (
    "the shape is inferred: `over: all` normalises all of it, `over: channels` each position, "
    "`over: last` the vectors along the last axis"
)


class LayerNorm(_InFloat32):
    """Normalises all values of an image by their mean and variance, as torch.nn.LayerNorm.

    With `over: channels`, it normalises the channels of each position separately, as in ConvNeXt.
    With `over: last`, it normalises the vectors along the last axis. On two axes, such as a
    sequence of vectors, that is also the default; a note then says so.

    Parameters: with `affine` a scale and a shift for each of the C·∏n values, or, with
        `over: channels`, for each of the C channels, or, with `over: last`, for each value of a
        vector; only the scales without `bias`
    Cost: per value 4 additions and 3 multiplications (without `affine` 3 and 2, without `bias` 3
        and 3), and per mean 2 divisions and 1 root
    Fields:
        bias: whether the trained scale is followed by a trained shift
        over: which values are normalised together: all of an image, the channels of a position, or
            those along the last axis; by default the last axis of two, and otherwise all

    Source: Ba, Kiros and Hinton 2016, Layer normalization, arXiv:1607.06450
    Example: `layernorm: channels` on 96×56×56
    """

    key = "layernorm"
    aliases = ("ln",)
    meanings = {
        "layernorm": Meaning(
            note=_OVER, differs=lambda body: body not in (None, "all", "channels", "last")
        ),
        "layernormalization": Meaning(
            note="Keras normalises only the channels: write `over: channels`"
        ),
    }
    aten = ("layer_norm",)
    field_notes = {**Norm.field_notes, "normalized_shape": _OVER}
    main = "over"
    over: Annotated[
        Literal["all", "channels", "last"] | None, Field(description="all, channels or last")
    ] = None
    affine: Flag = True
    bias: Flag = True

    @classmethod
    def of_call(cls, call: Called) -> Mapping[str, Any] | None:
        settings = dict(call.settings)
        axes = settings.pop("axes")
        body = super().of_call(call._replace(settings=settings))
        words = {tuple(range(len(call.y))): "all", (0,): "channels", (len(call.y) - 1,): "last"}
        if body is None or axes not in words:
            return None
        given = {"affine": "weight" in call.weights, "bias": "bias" in call.weights}
        if not given["affine"]:
            del given["bias"]
        return {**body, "over": words[axes], **given}

    def _axes(self, x: Shape) -> range:
        """Return the axes that are normalised together."""
        if self.over == "channels":
            return range(1)
        last = self.over == "last" or self.over is None and len(x) == 2
        return range(len(x) - 1 if last else 0, len(x))

    @property
    def reorders(self) -> bool:
        return self.over == "channels"

    def remarks(self, x: Shape) -> Iterator[Diagnostic]:
        if self.over is None and len(x) == 2:
            yield last_of_two(self.key, x)

    def _normed(self, x: Shape) -> Shape:
        return tuple(x[axis] for axis in self._axes(x))

    def _rows(self, x: Shape) -> Num:
        """Count the means."""
        return product(n for axis, n in enumerate(x) if axis not in self._axes(x))

    def weights(self, x: Shape) -> dict[str, Shape]:
        names = ("weight", "bias") if self.bias else ("weight",)
        return dict.fromkeys(names, self._normed(x)) if self.affine else {}

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return statistics_cost(values(x), self._rows(x), self.affine, self.bias)

    def window(self, x: Shape) -> Windows:
        together = self._axes(x)
        return (
            tuple(
                WHOLE if axis + 1 in together else (axis, IDENTITY) for axis in range(len(x) - 1)
            ),
        )

    def channels(self, x: Shape) -> ChannelReads:
        return "all" if 0 in self._axes(x) else "each"

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,), extras=(mean_and_scale(self._rows(x), self.affine),))

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return channels_last(y) if self.over == "channels" else contiguous(y)

    def torch(self, x: Shape) -> TorchCall:
        """NOTE: torch's norm needs channels last, so `over: channels` moves them there and back."""
        arguments = {
            "normalized_shape": self._normed(x),
            "eps": self.eps,
            "elementwise_affine": self.affine,
            "bias": self.bias,
        }
        if self.over != "channels":
            return TorchCall("LayerNorm", arguments)
        there, back = TorchCall("ChannelsLast", {}), TorchCall("ChannelsFirst", {})
        return TorchCall("LayerNorm", arguments, before=there, after=back)


class InstanceNorm(BatchNorm):
    """Normalises each channel of each image by its own mean and variance, as
    torch.nn.InstanceNorm1d/2d/3d.

    Shapes: (C, *n) -> (C, *n)
    Parameters: C scales and C shifts with `affine`
    Cost: per value 3 additions and 2 multiplications (with `affine` 4 and 3), and per channel 2
        divisions and 1 root
    Fields:
        track_running_stats: whether running averages of the statistics are saved; inference then
            uses them and costs as much as `batchnorm`

    Source: Ulyanov, Vedaldi and Lempitsky 2016, Instance normalization, arXiv:1607.08022
    Example: `instancenorm` on 64×56×56
    """

    key = "instancenorm"
    onnx = ("InstanceNormalization",)
    onnx_weights = ("weight", "bias")
    signatures = {"InstanceNorm": _OF_CHANNELS}
    aliases = ("instancenormalization",)
    meanings = {"lazyinstancenorm": Meaning(settings={"affine": True, "track_running_stats": True})}
    centers_channels = False  # it subtracts the mean of each image, not of a batch
    ranks = (2, 3, 4)
    traced = ("instance_norm",)
    affine: Flag = False
    track_running_stats: Flag = False

    @classmethod
    def of_call(cls, call: Called) -> Mapping[str, Any] | None:
        if call.name != "instance_norm":
            return None
        settings = dict(call.settings)
        own = settings.pop("use_input_stats")  # rather than running ones
        body = super().of_call(call._replace(settings=settings))
        return body and {**body, "track_running_stats": not own}

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        body = super().of_onnx(call)
        return body if body is None else {**body, "affine": True}

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        extras = [mean_and_scale(x[0], self.affine)]
        if back.training and self.track_running_stats:
            extras.append(
                mean_and_scale(x[0], self.affine)
            )  # the running ones, copied for each image
        if self.affine:
            extras.append(Extra(x[0], "parameters"))  # the weight, copied for each image
        return Kept(inputs=(0,), extras=tuple(extras))

    def busiest_backward(self, x: Shape, *, y: Shape, back: Backward) -> tuple[Moment, ...]:
        """The parameters' gradients, for each image before they are summed."""
        if not self.affine:
            return ()
        return at_once(Extra(back.needs(0) * values(x)), Extra(2 * x[0], "parameters"))

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return contiguous(y)

    def torch(self, x: Shape) -> TorchCall:
        return torch_nd("InstanceNorm", x, self._arguments(x))


def spread(n: Num, who: str) -> Need:
    """Return the condition that a mean is that of at least two values."""
    return Need(
        n - 2,
        lambda: Diagnostic(
            "CNN207",
            f"{who} takes each mean of a single value, so its output would be constant",
            help="normalise where the feature map is larger than 1×1",
        ),
    )
