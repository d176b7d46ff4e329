"""Convolutions that read their input at computed places."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, contiguous
from ..num import Num, Shape, product, slide
from ..window import IDENTITY, Unknown
from ..wording import shape_text
from .autocast import TO_FLOAT32
from .base import Op
from .field_types import Flag, LayerName, PerAxis, PerAxisNatural, Positive
from .kept import NEW, Backward, Extra, Gradient, Kept
from .needs import Need, axes_need, divides, grouped
from .reads import ChannelReads, Windows
from .shapes import CHANNELS, NO_AXES, is_one, per_axis, values
from .torch_call import TorchCall
from .weighted import CHANNEL_ALIASES, FEW

_AXES = 2
_COMPUTED = Unknown("which positions it reads depends on the values of its offsets")


class DeformConv(Op):
    """Convolves values at places that another layer moves, as torchvision.ops.DeformConv2d.

    The layer `offset` has two channels, rows and then columns, for each weight of a filter, and the
    size of the output. Several times as many divide the input's channels into groups with offsets
    of their own. Values between positions are bilinear. The layer `mask` has one factor for each
    value that is read.

    torch has no such operation, so `build`, `verify` and `profile` need torchvision.

    Shapes: (C, H, W) -> (out, H', W')
    Rule: n' = ⌊(n + 2·padding − dilation·(kernel − 1) − 1)/stride⌋ + 1
    Parameters: out·(C/groups)·∏kernel weights, and out biases with `bias`
    Cost: per output position, out·(C/groups)·∏kernel multiply–accumulates, and out additions with
        `bias`; per value that is read, of which there are C·∏kernel, 4 multiplications and 3
        additions, and 1 multiplication more with `mask`; per offset, 1 addition
    Fields:
        out: number of channels of the output, which is the number of filters
        kernel: size of the filters along each axis
        offset: layer that says how far each place is from that of a plain convolution
        mask: layer that says by how much each value that is read is multiplied
        stride: step from one window to the next
        padding: number of zeros around the input
        dilation: distance between the places of a window
        groups: number of groups of channels; a filter reads only the channels of its own group
        bias: whether a trained bias is added to the output

    Source: Dai et al. 2017, Deformable convolutional networks, arXiv:1703.06211; Zhu et al. 2019,
        Deformable ConvNets v2, arXiv:1811.11168
    Example: `chain: [{conv: {out: 18, kernel: 3}, name: places}, {deform_conv: {out: 64,
        kernel: 3, offset: places}, from: input}]` on 64×56×56
    """

    key = "deform_conv"
    aliases = (
        "deformconv",
        "deformableconv",
        "deformableconvolution",
        "dcn",
    )
    field_aliases = {**CHANNEL_ALIASES, "kernel_size": "kernel", "offsets": "offset"}
    aten = ("deform_conv2d",)
    operation = "torchvision::deform_conv2d"
    main = None
    ranks = (3,)
    inputs = (2, 3)
    layers_named = ("offset", "mask")
    reads_named = True
    multiplies = True
    cast = TO_FLOAT32  # NOTE: torchvision converts its output to the type of a 16-bit input again
    out: Positive
    kernel: PerAxis
    offset: LayerName
    mask: LayerName | None = None
    stride: PerAxis = 1
    padding: PerAxisNatural = 0
    dilation: PerAxis = 1
    groups: Positive = 1
    bias: Flag = True

    def needs(self, x: Shape, *others: Shape) -> Iterator[Need]:
        for name in ("kernel", "stride", "padding", "dilation"):
            yield from axes_need(getattr(self, name), _AXES, name)
        for n, what in ((x[0], "input "), (self.out, "output ")):
            yield grouped(self.groups, n, what, x[0], self.out)
        sizes = self.places(x)
        for n, k, out in zip(x[1:], per_axis(self.kernel, _AXES), sizes):
            yield Need(out - 1, lambda n=n, k=k: _does_not_fit(n, k))
        for name, other in zip(self.layers_named, others):
            fault = _other_shape(name, other, sizes, self._per_group(name))
            yield Need(len(other) - len(x), fault, True)
            for n, m in zip(other[1:], sizes):
                yield Need(n - m, fault, True)
            yield divides(other[0], self._per_group(name), fault)
        groups = others[0][0] // self._per_group("offset")
        yield divides(x[0], groups, lambda: _indivisible(x[0], groups))
        for mask in others[1:]:
            fault = _other_shape("mask", mask, sizes, self._per_group("mask") * groups)
            yield Need(mask[0] - self._per_group("mask") * groups, fault, True)

    def _per_group(self, name: str) -> int:
        """Return the channels of `offset` or `mask` for a group of the input's channels."""
        taps = product(per_axis(self.kernel, _AXES))
        return int(taps * (_AXES if name == "offset" else 1))

    def places(self, x: Shape) -> Shape:
        """Return the spatial size of the output."""
        settings = (per_axis(v, _AXES) for v in (self.kernel, self.stride, self.padding))
        dilation = per_axis(self.dilation, _AXES)
        axes = zip(x[1:], *settings, dilation)
        return tuple(slide(n, k, s, p, p, d) for n, k, s, p, d in axes)

    def shape(self, x: Shape, *others: Shape) -> Shape:
        return (self.out, *self.places(x))

    def units(self, *xs: Shape) -> frozenset[int]:
        return CHANNELS if is_one(self.out) else NO_AXES

    def filters(self, x: Shape, *others: Shape) -> Shape:
        return (self.out, x[0] // self.groups, *per_axis(self.kernel, _AXES))

    def weights(self, x: Shape, *others: Shape) -> dict[str, Shape]:
        bias: dict[str, Shape] = {"bias": (self.out,)} if self.bias else {}
        return {"weight": self.filters(x), **bias}

    def cost(self, x: Shape, *others: Shape, y: Shape) -> Cost:
        positions = product(y[1:])
        read = x[0] * product(per_axis(self.kernel, _AXES)) * positions
        biases = values(y) if self.bias else 0
        return Cost(
            mac=product(self.filters(x)) * positions,
            mul=(4 + len(others[1:])) * read,
            add=3 * read + values(others[0]) + biases,
        )

    def window(self, x: Shape, *others: Shape) -> Windows:
        own = tuple((axis, IDENTITY) for axis in range(_AXES))
        return ((_COMPUTED,) * _AXES, *[own] * len(others))

    def channels(self, *xs: Shape) -> ChannelReads:
        return "all"

    def keeps(self, x: Shape, *others: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        """Return its inputs; torchvision makes a mask of one 0, and biases, where there are none.

        Source: torchvision.ops.deform_conv2d.
        """
        mask = () if others[1:] else (Extra(1),)
        bias = () if self.bias else (Extra(self.out, once=True),)
        names = tuple(self.weights(x))
        return Kept(inputs=tuple(range(1 + len(others))), extras=mask + bias, parameters=names)

    def gradients(self, *xs: Shape, y: Shape, back: Backward) -> tuple[Gradient, ...]:
        return (NEW,) * len(xs)

    def is_followed(self, *xs: Shape, given: tuple[int, ...], mixed: bool, training: bool) -> bool:
        """NOTE: it computes as many images at a time as it has chosen a memory for."""
        return False

    def laid_out(self, *xs: Layout, y: Shape) -> Layout:
        return contiguous(y)

    def arithmetic(self, x: Shape, *others: Shape) -> str:
        k, s, p, d = (
            per_axis(v, _AXES) for v in (self.kernel, self.stride, self.padding, self.dilation)
        )
        lines = zip(x[1:], k, s, p, d, self.places(x))
        return ", ".join(
            f"⌊({n} + 2·{q} − {e}·({w} − 1) − 1)/{t}⌋ + 1 = {out}" for n, w, t, q, e, out in lines
        )

    def torch(self, x: Shape, *others: Shape) -> TorchCall:
        names = {"kernel": "kernel_size"}
        arguments = {
            names.get(name, name): per_axis(getattr(self, name), _AXES)
            for name in ("kernel", "stride", "padding", "dilation")
        }
        channels = {"in_channels": x[0], "out_channels": self.out}
        more = {"groups": self.groups, "bias": self.bias}
        return TorchCall("DeformConv", {**channels, **arguments, **more})

    def narrowed(self) -> Op:
        return self.changed(out=min(self.out, FEW), groups=1)


def _does_not_fit(n: Num, k: int) -> Diagnostic:
    text = f"a window of {k} does not fit in an axis of {n}"
    return Diagnostic("CNN204", text, help="use a smaller kernel or dilation, or more padding")


def _other_shape(name: str, other: Shape, sizes: Shape, channels: Num) -> Callable[[], Diagnostic]:
    def fault() -> Diagnostic:
        wanted = shape_text((channels, *sizes))
        return Diagnostic(
            "CNN206",
            f"`{name}` needs {wanted}, or a multiple of these channels, but is {shape_text(other)}",
            help="it has the size of the output; give its layer the same stride and padding",
        )

    return fault


def _indivisible(n: Num, groups: Num) -> Diagnostic:
    text = f"`offset` has places for {groups} groups of channels, which do not divide {n} channels"
    return Diagnostic("CNN205", text, help="use fewer channels in `offset`")
