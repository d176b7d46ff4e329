"""Pooling: windows that slide, and LeNet-5's trained subsampling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..layout import (
    Layout,
    contiguous,
    copied,
    in_format_of,
    in_format_of_map,
    iterated,
    with_number,
)
from ..num import Num, Shape, product, slide
from .autocast import AS_IS, HALF, IN_FLOAT32, MEANS_IN_FLOAT32, TO_FLOAT32, Autocast, Cast
from .field_types import Flag, Padding, PerAxis, Real
from .kept import Backward, Extra, Kept, Moment, at_once, later
from .needs import Need
from .shapes import per_axis, values
from .sliding import Sliding
from .torch_call import TorchCall, torch_nd

if TYPE_CHECKING:
    from .onnx_call import OnnxCall


class Pool(Sliding):
    """A window that summarises each channel separately. The default stride is the kernel.

    Shapes: (C, *n) -> (C, *n')
    Fields:
        stride: step from one window to the next; by default the kernel, so windows do not overlap
    """

    main = "kernel"
    pool = True
    channelwise = True
    field_aliases = {**Sliding.field_aliases, "pool_size": "kernel", "size": "kernel"}
    kernel: PerAxis
    stride: PerAxis | None = None

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        """Return the fields. In ONNX, the default stride is 1."""
        body = super().of_onnx(call)
        if body is None:
            return None
        step = body.get("stride", 1)
        return {**body, "stride": None if step == body.get("kernel") else step}

    def needs(self, x: Shape) -> Iterator[Need]:
        yield from self.fits(x)

    def shape(self, x: Shape) -> Shape:
        return (x[0], *self.places(x))

    def uneven(self, x: Shape) -> bool:
        """Return whether the padding is uneven: torch's pools cannot do it, so a pad runs first."""
        return self.symmetric(len(x) - 1) is None

    def reads(self, x: Shape) -> Num:
        return self.padded(x) if self.uneven(x) else values(x)

    def marks(self, x: Shape) -> frozenset[str]:
        return super().marks(x) | ({"uneven"} if self.uneven(x) else set())

    def autocast(self, x: Shape, *, by: Autocast) -> Cast:
        """NOTE: on the CPU, pools over 3 axes run in float32, after a pad that does not."""
        if not by.on_cpu or len(x) < 4:
            return AS_IS
        return MEANS_IN_FLOAT32 if self.uneven(x) else TO_FLOAT32

    def kept(self, x: Shape) -> Kept:
        """What a window holds for backward: its input, or the copy that was padded apart."""
        return Kept(extras=(Extra(self.padded(x)),)) if self.uneven(x) else Kept(inputs=(0,))

    def windows(self, x: Shape) -> Shape:
        """Shape of all windows, also those that start in the padding after the input."""
        if not (self.uneven(x) and self.ceil_mode):
            return self.shape(x)
        slides = self.slides(x)
        sizes = (n + s.low + s.high for n, s in zip(x[1:], slides))
        return x[0], *(
            slide(n, s.kernel, s.stride, 0, 0, s.dilation, True) for n, s in zip(sizes, slides)
        )

    def busiest(self, x: Shape, *, y: Shape, back: Backward | None) -> tuple[Moment, ...]:
        """A padded copy is there while it is used; some windows are dropped by another copy."""
        if not self.uneven(x):
            return ()
        pooled = Extra(values(self.windows(x)))
        kept = self.keeps(x, y=y, back=back).extras if back else ()
        copy = () if back else (Extra(self.padded(x)),)
        moments = at_once(pooled, *copy, *kept, Extra(self.padded(x), "uncast means"))
        return moments + at_once(pooled, Extra(values(y)), *kept) if self.ceil_mode else moments

    def busiest_backward(self, x: Shape, *, y: Shape, back: Backward) -> tuple[Moment, ...]:
        """The gradient of a padded copy comes first, and then that of the input."""
        if not self.uneven(x):
            return ()
        padded = self.padded(x)
        return at_once(Extra(padded)) + later(Extra(padded + values(x)))

    def mean_fits(self, x: Shape) -> Iterator[Need]:
        """NOTE: torch's 3-D means reject a kernel larger than the input, whatever the padding."""
        if len(x) == 4 and self.symmetric(3) is not None:
            for n, k in zip(x[1:], per_axis(self.kernel, 3)):
                yield Need(
                    n - k,
                    lambda n=n, k=k: Diagnostic(
                        "CNN204",
                        f"kernel {k} is larger than the input size {n}: "
                        "torch's 3-D means reject this even with padding",
                        help=f"use a kernel of at most {n}",
                    ),
                )

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        if not self.uneven(y[1:]):
            return self.pooled(x, y)
        return contiguous(y) if self.ceil_mode else self.padded_and_pooled(x, y)

    def pooled(self, x: Layout, y: Shape) -> Layout:
        """Return how torch's own pool lays out its output."""
        return in_format_of_map(x, y)

    def padded_and_pooled(self, x: Layout, y: Shape) -> Layout:
        """Return the layout of the output where the input is padded in a separate step."""
        return self.pooled(self._padded_layout(x), y)

    def _padded_layout(self, x: Layout) -> Layout:
        """Return the layout of the padded copy."""
        amounts = self.around(x.sizes[1:])
        sizes = (*x.sizes[:2], *(n + low + high for n, (low, high) in zip(x.sizes[2:], amounts)))
        return copied(x) if sizes == x.sizes else in_format_of(x, sizes)

    def taps(self, x: Shape) -> int:
        """Count the positions in one window."""
        return int(product(per_axis(self.kernel, len(x) - 1)))

    def padded_pool(self, name: str, x: Shape, options: dict[str, Any], fill: float) -> TorchCall:
        """Return one of torch's pools, with a separate module for padding that it cannot do."""
        n = len(x) - 1
        k, s, d = self.geometry(n)
        even = self.symmetric(n)
        pool = torch_nd(name, x, {"kernel_size": k, "stride": s, "padding": even or 0, **options})
        if even is not None:
            return pool
        if self.padding == "same":
            window = {"kernel_size": k, "stride": s, "dilation": d, "value": fill}
            padding = TorchCall("SamePadding", window)
        else:
            padding = TorchCall("Padding", {"around": self.around(x), "value": fill})
        arguments: dict[str, Any] = {"pool": pool, "padding": padding}
        if not options.get("count_include_pad", True):
            arguments["count_include_pad"] = False
        if self.ceil_mode:
            arguments["windows"] = tuple(slide[:5] for slide in self.slides(x))
        return TorchCall("PaddedPool", arguments)


class MaxPool(Pool):
    """Keeps the largest value of each window, as torch.nn.MaxPool1d/2d/3d.

    Rule: n' = ⌊(n + 2·padding − dilation·(kernel − 1) − 1)/stride⌋ + 1
    Cost: ∏kernel − 1 comparisons per output value
    Example: `maxpool: {kernel: 3, stride: 2}` on 96×55×55
    """

    key = "maxpool"
    onnx = ("MaxPool",)
    signatures = {"MaxPool": ("kernel_size", "stride", "padding", "dilation")}
    aliases = ("maxpooling",)
    field_notes = {
        **Sliding.field_notes,
        "return_indices": "remove it: `maxunpool` names the pool whose indices it uses",
    }
    aten = ("max_pool1d", "max_pool2d", "max_pool3d")
    idle_at_one = True
    padding: Padding = 0
    dilation: PerAxis = 1
    ceil_mode: Flag = False

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(cmp=(self.taps(x) - 1) * values(y))

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        kept = self.kept(x)
        return kept._replace(extras=(*kept.extras, Extra(values(y), "indices")))

    def torch(self, x: Shape) -> TorchCall:
        options = {"dilation": self.geometry(len(x) - 1)[2], "ceil_mode": self.ceil_mode}
        return self.padded_pool("MaxPool", x, options, float("-inf"))

    def pooled(self, x: Layout, y: Shape) -> Layout:
        return contiguous(y) if len(y) == 3 else in_format_of(x, y)

    def laid_out_in_training(self, x: Layout, *, y: Shape) -> Layout:
        """NOTE: torch's 1-D maximum has a separate implementation for inference."""
        if len(y) == 3 and not self.uneven(y[1:]):
            return in_format_of_map(x, y)
        return self.laid_out(x, y=y)

    def linearized(self, x: Shape) -> TorchCall:
        """Return a sum: it has a gradient at every position, a maximum at one only."""
        return _summed(self.torch(x))


def _summed(call: TorchCall) -> TorchCall:
    """Return the sum over the windows of one of torch's maxima."""
    if call.name != "PaddedPool":
        return call._replace(name="WindowSum")
    padding: TorchCall = call.arguments["padding"]
    inner = {
        "pool": _summed(call.arguments["pool"]),
        "padding": padding._replace(arguments={**padding.arguments, "value": 0.0}),
    }
    return call._replace(arguments={**call.arguments, **inner})


class MeanPool(Pool):
    """A pool made of torch's means; those over 3 axes always return a contiguous output."""

    def pooled(self, x: Layout, y: Shape) -> Layout:
        return contiguous(y) if len(y) == 5 else in_format_of_map(x, y)


class AvgPool(MeanPool):
    """Computes the mean of each window, as torch.nn.AvgPool1d/2d/3d.

    Rule: n' = ⌊(n + 2·padding − kernel)/stride⌋ + 1
    Cost: ∏kernel − 1 additions and 1 division per output value
    Fields:
        count_include_pad: whether the mean counts the padding, as zeros

    Example: `avgpool: 2` on 64×56×56
    """

    key = "avgpool"
    onnx = ("AveragePool",)
    signatures = {"AvgPool": ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")}
    aliases = ("avgpooling", "averagepool", "averagepooling", "meanpool", "meanpooling")
    aten = ("avg_pool1d", "avg_pool2d", "avg_pool3d")
    idle_at_one = True
    dilation: ClassVar[int] = 1
    padding: Padding = 0
    ceil_mode: Flag = False
    count_include_pad: Flag = True

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        """Return the fields. In ONNX, the default is that the padding is not counted."""
        body = super().of_onnx(call)
        if body is None or not body["padding"]:
            return body and {**body, "count_include_pad": True}
        return {**body, "count_include_pad": body.get("count_include_pad", False)}

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(add=(self.taps(x) - 1) * values(y), div=values(y))

    def needs(self, x: Shape) -> Iterator[Need]:
        yield from self.fits(x)
        yield from self.mean_fits(x)

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        kept = self.kept(x)
        if self.count_include_pad or kept.inputs:
            return kept
        return kept._replace(extras=(*kept.extras, Extra(values(y))))  # what the mean is over

    def is_followed(self, x: Shape, *, given: tuple[int, ...], mixed: bool, training: bool) -> bool:
        """NOTE: autocast casts the numbers of values in windows of 16-bit volumes by themselves."""
        counts = self.uneven(x) and not self.count_include_pad
        return not (mixed and counts and len(x) == 4 and given[0] == HALF)

    def padded_and_pooled(self, x: Layout, y: Shape) -> Layout:
        means = super().padded_and_pooled(x, y)
        if self.count_include_pad:
            return means
        counts = super().padded_and_pooled(copied(x), y)
        return iterated((means, counts), y)

    def torch(self, x: Shape) -> TorchCall:
        options = {"ceil_mode": self.ceil_mode, "count_include_pad": self.count_include_pad}
        return self.padded_pool("AvgPool", x, options, 0.0)


class LpPool(MeanPool):
    """Computes a norm of the values in each window, as torch.nn.LPPool1d/2d/3d.

    Rule: n' = ⌊(n − kernel)/stride⌋ + 1 and y = (Σ xᵖ)^(1/p), where `norm` is p
    Cost: ∏kernel + 1 powers and ∏kernel − 1 additions per output value
    Fields:
        norm: the exponent p: 1 adds up the values, and a large p comes close to a maximum

    Source: Sermanet, Chintala and LeCun 2012, Convolutional neural networks applied to house
        numbers digit classification, arXiv:1204.3968
    Example: `lppool: {kernel: 2, norm: 2}` on 64×56×56
    """

    key = "lppool"
    onnx = ("LpPool",)
    onnx_fields = {**Sliding.onnx_fields, "p": "norm"}
    signatures = {"LPPool": ("norm_type", "kernel_size", "stride", "ceil_mode")}
    aliases = ("lppooling",)
    field_aliases = {
        **{
            word: field
            for word, field in Pool.field_aliases.items()
            if field in ("kernel", "stride")
        },
        "norm_type": "norm",
        "p": "norm",
    }
    padding: ClassVar[int] = 0
    dilation: ClassVar[int] = 1
    norm: Real = 2.0
    ceil_mode: Flag = False

    def needs(self, x: Shape) -> Iterator[Need]:
        yield from self.fits(x)
        yield from self.mean_fits(x)
        yield Need(
            -1 if self.norm == 0 else 0, lambda: Diagnostic("CNN103", "`norm` must not be 0")
        )

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(exp=(self.taps(x) + 1) * values(y), add=(self.taps(x) - 1) * values(y))

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,), extras=(Extra(values(x) + 4 * values(y)),))

    def autocast(self, x: Shape, *, by: Autocast) -> Cast:
        """NOTE: on the CPU only means over 3 axes run in float32; on a card the powers do."""
        if by.on_cpu:
            return MEANS_IN_FLOAT32 if len(x) == 4 else AS_IS
        return TO_FLOAT32

    def is_followed(self, x: Shape, *, given: tuple[int, ...], mixed: bool, training: bool) -> bool:
        """NOTE: under autocast, backward of 16-bit volumes holds less than is predicted."""
        return not (mixed and training and len(x) == 4 and given[0] == HALF)

    def busiest(self, x: Shape, *, y: Shape, back: Backward | None) -> tuple[Moment, ...]:
        """The powers with their means, or four steps from the means to the root."""
        powers = at_once(Extra(values(x) + values(y)), Extra(values(x), "uncast means"))
        return powers if back else powers + at_once(Extra(4 * values(y)))

    def busiest_backward(self, x: Shape, *, y: Shape, back: Backward) -> tuple[Moment, ...]:
        """Three steps of the root, or three of the powers."""
        return at_once(Extra(3 * values(y))) + later(Extra(4 * values(x)))

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return iterated((self.pooled(iterated((x,), x.sizes), y),), y)

    def torch(self, x: Shape) -> TorchCall:
        k, s, _ = self.geometry(len(x) - 1)
        flat = len(x) == 2  # torch's 1-D pool takes numbers, not tuples
        window = {"kernel_size": k[0] if flat else k, "stride": s[0] if flat else s}
        arguments = {"norm_type": self.norm, **window}
        return torch_nd("LPPool", x, {**arguments, "ceil_mode": self.ceil_mode})


class Subsample(MeanPool):
    """Adds up each window, then multiplies by a trained factor and adds a trained bias (LeNet-5).

    Rule: n' = ⌊(n − kernel)/stride⌋ + 1 and y = w·Σ x + b, with one w and one b per channel
    Parameters: C factors and C biases
    Cost: ∏kernel additions and 1 multiplication per output value
    Source: LeCun, Bottou, Bengio and Haffner 1998, Gradient-based learning applied to document
        recognition, doi:10.1109/5.726791
    Example: `subsample: 2` on 6×28×28
    """

    key = "subsample"
    aliases = ("subsampling",)
    padding: ClassVar[int] = 0
    dilation: ClassVar[int] = 1
    ceil_mode: ClassVar[bool] = False
    kernel: PerAxis = 2

    def needs(self, x: Shape) -> Iterator[Need]:
        yield from self.fits(x)
        yield from self.mean_fits(x)

    def weights(self, x: Shape) -> dict[str, Shape]:
        return {"weight": (x[0],), "bias": (x[0],)}

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(add=self.taps(x) * values(y), mul=values(y))

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        """The pool holds its input, and the product the sums."""
        sums = (Extra(values(y), "means"),) if back.trained else ()
        return Kept((0,) if back.needs(0) else (), extras=sums)

    def busiest(self, x: Shape, *, y: Shape, back: Backward | None) -> tuple[Moment, ...]:
        """The sums, the sums times the coefficients, and the output."""
        return at_once(Extra(values(y), "means"), Extra(2 * values(y)))

    def autocast(self, x: Shape, *, by: Autocast) -> Cast:
        """NOTE: on the CPU, means over 3 axes run in float32; elsewhere in the input's type."""
        return TO_FLOAT32 if by.on_cpu and len(x) == 4 else IN_FLOAT32

    def is_followed(self, x: Shape, *, given: tuple[int, ...], mixed: bool, training: bool) -> bool:
        """NOTE: under autocast, gradients of 16-bit means change their type on the way."""
        return not (mixed and training and given[0] == HALF)

    def busiest_backward(self, x: Shape, *, y: Shape, back: Backward) -> tuple[Moment, ...]:
        """The coefficients' gradient is a product in full; the means' comes after it."""
        means = Extra(values(x) + values(y), "means")
        if not back.trained:
            return at_once(Extra(values(y))) + later(means)
        own = Extra(2 * x[0], once=True)
        if not back.needs(0):
            return at_once(Extra(values(y)), own)
        both = Extra(2 * values(y)), Extra(values(y), "uncast", among=1)
        return at_once(*both, own) + later(means, own)

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        sums = with_number(self.pooled(x, y), y)  # the means times the taps
        return iterated((sums, contiguous((y[1], *(1,) * (len(y) - 2)))), y)

    def torch(self, x: Shape) -> TorchCall:
        k, s, _ = self.geometry(len(x) - 1)
        mean = torch_nd("AvgPool", x, {"kernel_size": k, "stride": s})
        return TorchCall("Subsampling", {"mean": mean, "channels": x[0], "taps": self.taps(x)})
