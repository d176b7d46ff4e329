"""Transposed convolutions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, contiguous, in_format_of
from ..num import Num, Shape, product
from ..window import Map
from .conv import Convolving, convolved
from .field_types import PADDING_WORDS, LayerName, PerAxisNatural, Sides, each_side, pairs
from .kept import Backward, Extra, Kept, Moment, at_once, later
from .needs import Need, axes_need, like_fits
from .reads import Windows, along
from .shapes import CHANNELS, NO_AXES, alike, is_one, per_axis, values
from .sliding import Sliding, extent_text
from .torch_call import TorchCall, torch_nd
from .weighted import CHANNEL_ALIASES, Parametrization

if TYPE_CHECKING:
    from .onnx_call import OnnxCall

Cropped = Annotated[
    Sides | Literal["valid", "same"],
    Field(
        description="an integer ≥ 0, `valid`, `same`, or a list with one entry per spatial axis, "
        "each an integer or [before, after]"
    ),
]


class Axis(NamedTuple):
    """A window along one axis of the output: `low` and `high` positions are removed there."""

    kernel: int
    stride: int
    low: Num
    high: Num
    extra: Num  # positions added at the end
    dilation: int

    def size(self, n: Num) -> Num:
        """Return the size of the output for n positions of the input."""
        reach = self.dilation * (self.kernel - 1) + 1
        return (n - 1) * self.stride + (reach + self.extra - self.low - self.high)


class ConvTranspose(Convolving):
    """Enlarges its input with trained filters (a transposed convolution), as
    torch.nn.ConvTranspose1d/2d/3d.

    Each input value is multiplied by the weights of a filter, and the products are added to a
    window of the output. The next input value uses a window that is `stride` positions further.

    `padding: same` makes the output `stride` times as large, as in TensorFlow: it removes what is
    too much, an odd position at the end. torch removes the same on both sides, so the rest is
    removed in a separate step. With `like`, torch chooses the `output_padding`.

    Shapes: (C, *n) -> (out, *n')
    Rule: n' = (n − 1)·stride − 2·padding + dilation·(kernel − 1) + output_padding + 1; with `same`
        n·stride; with `like` the size of that layer
    Parameters: C·(out/groups)·∏kernel weights, and out biases with `bias`
    Cost: per input position, C·(out/groups)·∏kernel multiply–accumulates, and per output value 1
        addition with `bias`
    Fields:
        out: number of channels of the output
        kernel: size of the window in the output
        stride: step of the window in the output
        padding: positions removed on each side of the output; `valid` removes none
        output_padding: positions added at the end of the output, fewer than the stride or the
            dilation
        like: layer whose spatial size the output gets
        dilation: spacing of the points of the window; 1 leaves no gaps
        groups: number of groups of channels; each group is computed separately

    Source: Dumoulin and Visin 2016, A guide to convolution arithmetic, arXiv:1603.07285
    Example: `conv_transpose: {out: 64, kernel: 2, stride: 2}` on 128×28×28
    """

    key = "conv_transpose"
    onnx = ("ConvTranspose",)
    onnx_fields = Sliding.onnx_fields
    onnx_weights = ("weight", "bias")
    signatures = {
        "ConvTranspose": (
            "in_channels",
            "out_channels",
            "kernel_size",
            "stride",
            "padding",
            "output_padding",
            "groups",
            "bias",
            "dilation",
        )
    }
    aliases = (
        "deconv",
        "deconvolution",
        "transposeconv",
        "transposedconv",
        "transposedconvolution",
        "convolutiontranspose",
        "upconv",
    )
    field_aliases = {
        **Sliding.field_aliases,
        **CHANNEL_ALIASES,
        "group": "groups",
        "output_size": "like",
    }
    field_notes = {**Sliding.field_notes, "padding_mode": "remove it: the only mode is zeros"}
    value_aliases = {"padding": PADDING_WORDS}
    aten = ("conv_transpose",)
    spectral_axis = 1
    ranks: ClassVar[tuple[int, ...]] = (2, 3, 4)
    inputs = (1, 2)
    layers_named = ("like",)
    padding: Cropped = 0
    output_padding: PerAxisNatural = 0
    like: LayerName | None = None
    parametrize: Parametrization = None

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        """Return the fields; the sizes of the output, if they are given, set the padding."""
        names = "auto_pad", "pads", "output_shape"
        word, given, sizes = (call.attributes.get(name) for name in names)
        body = super().of_onnx(call.without(*names))
        if body is None:
            return None
        if sizes is not None:
            axes = cls(**body).axes(call.xs[0])
            spare = [axis.size(n) - m for n, m, axis in zip(call.xs[0][1:], sizes, axes)]
            if min(spare, default=0) < 0:
                added = alike([max(-more, 0) for more in spare])
                body = {**body, "output_padding": added}
                spare = [max(more, 0) for more in spare]
            around = [(more // 2, more - more // 2) for more in spare]
            if word != "SAME_UPPER":
                around = [(high, low) for low, high in around]
            return {**body, "padding": each_side(around)}
        if word == "SAME_LOWER":
            return None
        if word == "SAME_UPPER":
            return {**body, "padding": "same"}
        half = len(given or ()) // 2
        return {**body, "padding": each_side([*zip(given, given[half:])]) if given else 0}

    def axes(self, x: Shape, *like: Shape) -> tuple[Axis, ...]:
        """Return the window along each axis, with the `extra` of a layer of this size."""
        n = len(x) - 1
        numbers = (self.kernel, self.stride, self.output_padding, self.dilation)
        found = []
        for axis, (k, s, extra, d) in enumerate(zip(*(per_axis(field, n) for field in numbers))):
            low: Num
            high: Num
            if self.padding == "same":
                spare = d * (k - 1) + 1 - s
                extra = max(-spare, 0)
                low, high = max(spare, 0) // 2, max(spare, 0) - max(spare, 0) // 2
            else:
                around = () if self.padding == "valid" else pairs(self.padding, n)
                low, high = around[axis] if around else (0, 0)
            window = Axis(k, s, low, high, extra, d)
            if like:
                window = window._replace(extra=like[0][axis + 1] - window.size(x[axis + 1]))
            found.append(window)
        return tuple(found)

    def needs(self, x: Shape, *like: Shape) -> Iterator[Need]:
        n, short = len(x) - 1, False
        for field in ("kernel", "stride", "padding", "output_padding", "dilation"):
            for need in axes_need(getattr(self, field), n, field):
                short = short or bool(need.margin)
                yield need
        yield from self._sizes_agree(like)
        for other in like:
            yield like_fits(x, other)
            short = short or len(other) != len(x)
        if short:
            return
        bare = self.axes(x)
        for axis, (n, window) in enumerate(zip(x[1:], self.axes(x, *like))):
            if like:
                yield from self._like_fits(bare[axis].size(n), window)
            elif self.padding != "same":
                yield _extra_fits(window)
        for size in self.shape(x, *like)[1:]:
            yield Need(
                size - 1,
                lambda: Diagnostic(
                    "CNN204",
                    "the padding removes the whole output",
                    equation=self.arithmetic(x, *like),
                    help="use less padding",
                    settings=(("padding", 0),),
                ),
            )
        yield from self.groups_fit(x)

    def _sizes_agree(self, like: tuple[Shape, ...]) -> Iterator[Need]:
        """Yield that the size is given in one way."""
        ways = [f"`{name}`" for name in ("output_padding", "like") if getattr(self, name)]
        ways += ["`padding: same`"] * (self.padding == "same")
        text = f"{' and '.join(ways)} both say how large the output is"
        yield Need(1 - len(ways), lambda: Diagnostic("CNN102", text, help="keep one of them"))
        uneven = bool(like) and any(lo != hi for lo, hi in _sides(self.padding))
        text = "`like` needs the same padding on both sides"
        yield Need(-1 if uneven else 0, lambda: Diagnostic("CNN207", text))

    def _like_fits(self, least: Num, window: Axis) -> Iterator[Need]:
        """Yield that the output can have the size of `like`, by torch's rule."""

        def fault() -> Diagnostic:
            most = least + window.stride - 1
            return Diagnostic(
                "CNN207",
                f"an output of {least + window.extra} cannot be made: `like: {self.like}`",
                help=f"with this window it can have {least} to {most} positions",
            )

        yield Need(window.extra, fault)
        yield Need(window.stride - 1 - window.extra, fault)

    def shape(self, x: Shape, *like: Shape) -> Shape:
        if like:
            return (self.out, *like[0][1:])
        return (self.out, *(axis.size(n) for n, axis in zip(x[1:], self.axes(x))))

    def filters(self, x: Shape, *like: Shape) -> Shape:
        return (x[0], self.out // self.groups, *per_axis(self.kernel, len(x) - 1))

    def weights(self, x: Shape, *like: Shape) -> dict[str, Shape]:
        return super().weights(x)

    def buffers(self, x: Shape, *like: Shape) -> dict[str, Shape]:
        return super().buffers(x)

    def cost(self, x: Shape, *like: Shape, y: Shape) -> Cost:
        return Cost(mac=product(self.filters(x)) * product(x[1:]), add=self.bias_additions(y))

    def window(self, x: Shape, *like: Shape) -> Windows:
        own = tuple(
            along(axis, Map.transposed(w.kernel, w.stride, w.low, w.dilation))
            for axis, w in enumerate(self.axes(x, *like))
        )
        return (own, None) if like else (own,)

    def keeps(self, x: Shape, *like: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        made = self.computed_and_kept(x, back)
        return Kept(inputs=(0,), extras=made, parameters=("weight",))

    def trimmed(self, x: Shape) -> tuple[tuple[Num, Num], ...]:
        """Return what is removed in a separate step before and after each axis."""
        found = []
        for axis in self.axes(x):
            both = min(axis.low, axis.high)
            found.append((axis.low - both, axis.high - both))
        return tuple(found)

    def untrimmed(self, x: Shape, y: Shape) -> Shape:
        """Return the shape of what torch's own convolution returns."""
        return (y[0], *(n + lo + hi for n, (lo, hi) in zip(y[1:], self.trimmed(x))))

    def busiest(
        self, x: Shape, *like: Shape, y: Shape, back: Backward | None
    ) -> tuple[Moment, ...]:
        whole = self.untrimmed(x, y)
        moments = super().busiest(x, y=whole, back=back)
        if whole == y:
            return moments
        kept = self.keeps(x, y=y, back=back).extras if back else ()
        trimmed = Moment((*kept, Extra(values(whole)), Extra(values(y))), casts=False)
        return (*moments, trimmed)

    def busiest_backward(
        self, x: Shape, *like: Shape, y: Shape, back: Backward
    ) -> tuple[Moment, ...]:
        """The gradient of what was trimmed gets its zeros back first."""
        whole = self.untrimmed(x, y)
        moments = super().busiest_backward(x, y=whole, back=back)
        if whole == y:
            return moments
        used = product(self.filters(x)) + (self.out if self.bias else 0)
        own = Extra(used if back.trained else 0, once=True)
        read = Extra(values(x) if back.needs(0) else 0)
        weight = self.computed_and_kept(x, back)
        moments = tuple(moment for moment in moments if moment.late)
        return (
            at_once(Extra(values(whole)))
            + later(Extra(values(whole)), *weight, read, own)
            + moments
        )

    def is_followed(
        self, x: Shape, *like: Shape, given: tuple[int, ...], mixed: bool, training: bool
    ) -> bool:
        """NOTE: torch's own kernel for volumes on the CPU gives the output as much memory as its
        input has. It runs where oneDNN does not: `convolved` says when.
        """
        fits = len(x) < 4 or values(self.untrimmed(x, self.shape(x, *like))) >= values(x)
        return fits and super().is_followed(x, given=given, mixed=mixed, training=training)

    def settings(self, x: Shape, *like: Shape) -> dict[str, Any]:
        """Return padding as numbers: `same` equals those that it removes."""
        found = super().settings(x)
        axes = self.axes(x, *like)
        found["padding"] = tuple((axis.low, axis.high) for axis in axes)
        found["output_padding"] = tuple(axis.extra for axis in axes)
        names = ("kernel", "stride", "dilation")
        return found | {name: tuple(getattr(axis, name) for axis in axes) for name in names}

    def arithmetic(self, x: Shape, *like: Shape) -> str:
        lines = []
        for n, y, axis in zip(x[1:], self.shape(x, *like)[1:], self.axes(x, *like)):
            lines.append(transposed_line(n, axis, y))
        return lines[0] if len(set(lines)) == 1 else "; ".join(lines)

    def laid_out(self, x: Layout, *like: Layout, y: Shape) -> Layout:
        sizes = x.sizes[1:]
        axes = self.axes(sizes, *(other.sizes[1:] for other in like))
        if len(y) == 5 and any(axis.extra >= axis.stride for axis in axes):
            return contiguous(y)
        whole = (y[0], *self.untrimmed(sizes, y[1:]))
        found = convolved(x, whole, per_axis(self.kernel, len(y) - 2), self.groups)
        return found if whole == y else in_format_of(found, y)

    def torch(self, x: Shape, *like: Shape) -> TorchCall:
        axes = self.axes(x)
        k, s, low, high, extra, d = zip(*axes)
        arguments = {
            "in_channels": x[0],
            "out_channels": self.out,
            "kernel_size": k,
            "stride": s,
            "padding": tuple(map(min, low, high)),
            "output_padding": extra,
            "dilation": d,
            "groups": self.groups,
            "bias": self.bias,
        }
        around = tuple((-lo, -hi) for lo, hi in self.trimmed(x))
        return torch_nd(
            "ConvTranspose",
            x,
            arguments,
            before=TorchCall("WithSize", {}) if like else None,
            after=TorchCall("Padding", {"around": around}) if any(map(any, around)) else None,
            parametrize=self.parametrize,
        )

    def linearized(self, x: Shape, *like: Shape) -> TorchCall:
        return self.torch(x, *like)._replace(parametrize=None)

    def units(self, *xs: Shape) -> frozenset[int]:
        return CHANNELS if is_one(self.out) else NO_AXES

    def resizes(self, x: Shape, sizes: Shape, wanted: Shape) -> Iterator[tuple[str, Any]]:
        """Yield an output padding for rows that a stride lost, then a kernel without overlaps."""
        if self.like is not None or self.padding == "same":
            return
        axes = self.axes(x)
        extra = tuple(axis.extra + m - n for axis, n, m in zip(axes, sizes, wanted))
        if all(0 <= e < max(axis.stride, axis.dilation) for axis, e in zip(axes, extra)):
            yield "output_padding", _one_or_each(extra)
        yield "kernel", self.stride


def _sides(padding: Any) -> tuple[tuple[int, int], ...]:
    """Return the amounts of a padding that is a list; nothing for a word or a number."""
    return pairs(padding, len(padding)) if isinstance(padding, tuple) else ()


def _extra_fits(axis: Axis) -> Need:
    """Return that the output padding is smaller than the stride or the dilation."""
    most = max(axis.stride, axis.dilation) - 1
    return Need(
        most - axis.extra,
        lambda: Diagnostic(
            "CNN207",
            f"output_padding {axis.extra} must be smaller than the stride or the dilation",
            help=f"the largest here is {most}",
            settings=(("output_padding", most),),
        ),
    )


def _one_or_each(amounts: tuple[int, ...]) -> int | list[int]:
    """Return one number if all axes have the same, else one for each axis."""
    return amounts[0] if len(set(amounts)) == 1 else list(amounts)


def transposed_line(n: Num, axis: Axis, out: Num) -> str:
    """Write the size rule of one axis with its numbers."""
    k, s, low, high, extra, d = axis
    more = f" + {extra}" if extra else ""
    removed = f" − 2·{low}" if low == high else f" − {low} − {high}"
    return f"({n} − 1)·{s}{removed} + {extent_text(k, d)}{more} = {out}"
