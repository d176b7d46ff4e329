"""Convolutions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, contiguous, in_format_of_map
from ..num import Shape, product
from ..wording import plural
from .autocast import TO_HALF, Autocast, Cast, Device
from .base import Op
from .field_types import (
    FILL_WORDS,
    PADDING_WORDS,
    FillMode,
    Flag,
    Natural,
    Padding,
    PerAxis,
    Positive,
)
from .kept import Backward, Extra, Kept, Moment, at_once, later
from .needs import Need, grouped
from .padding import mirrors_in_float32, undone
from .reads import ChannelReads, Taken, by_groups
from .shapes import CHANNELS, is_one, per_axis
from .sliding import Sliding
from .torch_call import TorchCall, torch_nd
from .weighted import CHANNEL_ALIASES, FEW, STANDARDIZED, OfFilters, Weighted

if TYPE_CHECKING:
    from .connections import Table

Connections = Annotated[
    tuple[tuple[Natural, ...], ...] | None,
    Field(description="for each output channel, a list of the input channels that it reads"),
]


class Convolving(Weighted):
    """Trained filters that slide along each spatial axis, in equal groups of channels."""

    out: Positive
    kernel: PerAxis
    stride: PerAxis = 1
    padding: Padding = 0
    dilation: PerAxis = 1
    groups: Positive = 1
    bias: Flag = True

    def groups_fit(self, x: Shape) -> Iterator[Need]:
        """Yield that the groups divide the channels of the input and those of the output."""
        if self.groups != 1:
            yield from (
                grouped(self.groups, n, what, x[0], self.out)
                for what, n in (("input ", x[0]), ("output ", self.out))
            )

    def channels(self, *xs: Shape) -> ChannelReads:
        return by_groups(self.groups, xs[0][0], self.out)

    def narrowed(self) -> Op:
        return self.changed(out=min(self.out, FEW), groups=1)

    @property
    def channel_multiple(self) -> int:
        return self.groups


class Conv(Convolving, Sliding):
    """Slides trained filters over its input (a convolution), as torch.nn.Conv1d/2d/3d.

    At each position, a filter multiplies the values under it by its weights and adds the products
    up. Each filter makes one channel of the output.

    `padding: same` means the same as in TensorFlow. torch's convolutions refuse it with a stride
    above 1, so the torch network then pads in a separate step.

    Shapes: (C, *n) -> (out, *n')
    Rule: n' = ⌊(n + 2·padding − dilation·(kernel − 1) − 1)/stride⌋ + 1
    Parameters: out·(C/groups)·∏kernel weights, and out biases with `bias`
    Cost: per output position, out·(C/groups)·∏kernel multiply–accumulates, and out additions with
        `bias`
    Fields:
        out: number of channels of the output, which is the number of filters
        groups: number of groups of channels; a filter reads only the channels of its own group, so
            C groups make a depthwise convolution
        padding_mode: what the padding is filled with
        connections: which input channels each output channel reads, as in layer C3 of LeNet-5;
            by default, all of its group

    Source: Dumoulin and Visin 2016, A guide to convolution arithmetic, arXiv:1603.07285
    Example: `conv: {out: 96, kernel: 11, stride: 4}` on 3×227×227
    """

    key = "conv"
    onnx = ("Conv",)
    onnx_weights = ("weight", "bias")
    signatures = {
        "Conv": (
            "in_channels",
            "out_channels",
            "kernel_size",
            "stride",
            "padding",
            "dilation",
            "groups",
            "bias",
        )
    }
    aliases = ("convolution",)
    field_aliases = {**Sliding.field_aliases, **CHANNEL_ALIASES, "group": "groups"}
    value_aliases = {"padding": PADDING_WORDS, "padding_mode": FILL_WORDS}
    aten = ("convolution",)
    settled = ("connections",)
    ceil_mode: ClassVar[bool] = False
    padding_mode: FillMode = "zeros"
    connections: Connections = None
    parametrize: OfFilters = None

    @classmethod
    def reworded(cls, field: str, word: str, body: Mapping[str, Any]) -> Any:
        """Also translate Keras's `causal`: all padding is before the input, so none reads ahead."""
        if (field, word.lower()) == ("padding", "causal"):
            return _causal(body.get("kernel"), body.get("dilation", 1))
        return super().reworded(field, word, body)

    def needs(self, x: Shape) -> Iterator[Need]:
        yield from self.fits(x)
        yield from self.groups_fit(x)
        if self.padding_mode != "zeros":
            yield from self.fill_fits(x)
        if self.connections is not None:
            yield from self._table_fits(x)
        if self.parametrize in STANDARDIZED:
            yield from self._standardized(x)

    def _standardized(self, x: Shape) -> Iterator[Need]:
        """Yield that each filter has a variance."""
        yield Need(
            0 if self.connections is None else -1,
            lambda: Diagnostic(
                "CNN103", f"`{self.parametrize}` and `connections` cannot be combined"
            ),
        )
        if self.connections is None:
            yield Need(
                product(self.filters(x)[1:]) - 2,
                lambda: Diagnostic("CNN207", "a filter of one weight has no variance"),
            )

    def fill_fits(self, x: Shape) -> Iterator[Need]:
        """Yield that the padding can be filled so."""
        if self.wrong_lists(len(x) - 1):
            return
        if self.padding == "same" and max(per_axis(self.stride, len(x) - 1)) > 1:
            yield Need(
                -1,
                lambda: Diagnostic(
                    "CNN207",
                    f"`same` with a stride above 1 pads with zeros, not with `{self.padding_mode}`",
                    help="remove `padding_mode`, or give the padding as a number",
                ),
            )
            return
        most = {"reflect": 1, "circular": 0}.get(self.padding_mode)
        around = self.torch_pads(x) or () if most is not None else ()
        for n, amounts in zip(x[1:], around):
            yield Need(
                n - most - max(amounts),
                lambda n=n, p=max(amounts): Diagnostic(
                    "CNN207",
                    f"padding {p} is too large for `{self.padding_mode}` on an input of size {n}",
                    help=f"the largest padding here is {n - most}",
                    settings=(("padding", n - most),),
                ),
            )

    def _table_fits(self, x: Shape) -> Iterator[Need]:
        table = self.connections or ()
        yield Need(
            len(table) - self.out,
            lambda: Diagnostic(
                "CNN103",
                f"`connections` has {plural(len(table), 'row')} for {self.out} output channels",
                help="write one row per output channel",
            ),
            True,
        )
        yield Need(
            1 - self.groups,
            lambda: Diagnostic(
                "CNN103", "`connections` and `groups` cannot be combined", help="remove `groups`"
            ),
        )
        yield Need(
            min((len(set(row)) - len(row) for row in table), default=0),
            lambda: Diagnostic("CNN103", "a row of `connections` lists a channel twice"),
        )
        yield Need(
            min((len(row) for row in table), default=0) - 1,
            lambda: Diagnostic("CNN103", "a row of `connections` is empty"),
        )
        highest = max((c for row in table for c in row), default=0)
        yield Need(
            x[0] - 1 - highest,
            lambda: Diagnostic(
                "CNN103",
                f"`connections` lists input channel {highest}, but the last channel is {x[0] - 1}",
                help="channels are numbered from 0",
            ),
        )

    def shape(self, x: Shape) -> Shape:
        return (self.out, *self.places(x))

    def units(self, x: Shape) -> frozenset[int]:
        before = super().units(x)
        return before | CHANNELS if is_one(self.out) else before

    def filters(self, x: Shape) -> Shape:
        k = per_axis(self.kernel, len(x) - 1)
        if self.connections is not None:
            return (sum(map(len, self.connections)), *k)
        return (self.out, x[0] // self.groups, *k)

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(mac=product(self.filters(x)) * product(y[1:]), add=self.bias_additions(y))

    def channels(self, x: Shape) -> ChannelReads:
        if self.connections is not None:
            return [Taken(0, row, shared_by=1) for row in self.connections]
        return super().channels(x)

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        around = self.torch_pads(x) if self.connections is None else self.around(x)
        weight = self.computed_and_kept(x, back)
        if around is None:
            return Kept(inputs=(0,), extras=weight, parameters=("weight",))
        if self.same_word(x):
            # torch pads only the odd position in a separate step
            around = tuple((0, hi - lo) for lo, hi in around)
        padded = product(n + lo + hi for n, (lo, hi) in zip(x[1:], around))
        copied = self.connections is None or any(map(any, around))
        mirrors = self.padding_mode in ("reflect", "replicate") and copied and back.needs(0)
        read = (0,) if mirrors else ()  # to undo the padding
        if self.connections is None:
            copy = Extra(x[0] * padded)  # instead of the input
            return Kept(read, extras=(copy, *weight), parameters=("weight",))
        gathered = sum(map(len, self.connections))  # each map's channels, copied, and their numbers
        copies = Extra(gathered * padded), Extra(gathered, "indices", once=True)
        gathers = copies if back.needs(0) else copies[:1]
        weights = weight * len(self.connections)  # computed for each map
        return Kept(read, extras=gathers + weights, parameters=("weight",))

    def autocast(self, x: Shape, *, by: Autocast) -> Cast:
        """A padded copy and the channels of a table are copied to 16 bits, not the input itself.

        NOTE: on a card, torch pads for the word `same` before the copy, on the CPU after it.
        """
        if self.connections is not None:
            return TO_HALF._replace(inputs=None, returns="float32" if self.bias else None)
        if self.torch_pads(x) is None or self.same_word(x) and by.on_cpu:
            return TO_HALF
        wide = by.on_cpu and mirrors_in_float32(self.padding_mode, x)
        return TO_HALF._replace(inputs="float32" if wide else None)

    def is_followed(self, *xs: Shape, given: tuple[int, ...], mixed: bool, training: bool) -> bool:
        if self.connections is not None:
            return not (self.parametrize or mixed)
        return super().is_followed(*xs, given=given, mixed=mixed, training=training)

    def kept_nearly(self, *xs: Shape, mixed: bool, batch: int, device: Device) -> str | None:
        if mixed and self.parametrize and self.connections is not None:
            return "autocast copies the parts of a computed weight one by one"
        return None

    def _table(self, x: Shape, y: Shape) -> Table:
        """Return what a table of connections is computed with."""
        from .connections import Table  # only LeNet-5 and its kind have one

        padded = self.padded(x)
        return Table(
            counts=[len(row) for row in self.connections or ()],
            channel=padded // x[0],
            padded=padded,
            map=product(y[1:]),
            kernel=product(self.filters(x)[1:]),
            bias=self.bias,
        )

    def busiest(self, x: Shape, *, y: Shape, back: Backward | None) -> tuple[Moment, ...]:
        """A padded copy is there while it is used; `same_word` makes it inside torch's kernel."""
        if self.connections is not None:
            table = self._table(x, y)
            copy = self.padded(x) if any(map(any, self.around(x))) else 0
            if back is None:
                return tuple(table.inference(copy))
            kept = self.keeps(x, y=y, back=back).extras
            return at_once(*kept, Extra(copy + table.joined))
        apart = self.torch_pads(x) is not None and not self.same_word(x)
        copy = Extra(self.padded(x) if apart else 0)
        made = self.making_weight(x, *() if self._padding_inside(x) else (copy,))
        uncast = copy._replace(kind="uncast", among=1)
        if not back:
            using = self._using_padded if apart else self.using_weight
            return made + using(x, y, copy, uncast)
        return made + self.with_uncast(x, y, back, *[uncast] * apart)

    def _using_padded(self, x: Shape, y: Shape, copy: Extra, uncast: Extra) -> tuple[Moment, ...]:
        """At inference, what autocast copied to pad it is free again when the filters are used."""
        using = self.using_weight(x, y, copy, uncast)
        padding = Moment((uncast,), copies=False)
        return (padding, *(moment._replace(casts=False) for moment in using))

    def busiest_backward(self, x: Shape, *, y: Shape, back: Backward) -> tuple[Moment, ...]:
        """The gradient of a padded copy comes first, and then that of the input.

        Where autocast made the layer's own copy of the padded one, its gradient is converted.
        """
        around = self.torch_pads(x) if self.connections is None else self.around(x)
        if around is None or not back.needs(0):
            return super().busiest_backward(x, y=y, back=back)
        if self.same_word(x):
            around = tuple((0, high - low) for low, high in around)
        own = Extra(sum(map(product, self.weights(x).values())) if back.trained else 0, once=True)
        padded = x[0] * product(n + low + high for n, (low, high) in zip(x[1:], around))
        moments: tuple[Moment, ...] = at_once(Extra(padded), own)
        if back.trained:
            moments += self.busy_gradients(x, Extra(padded))
        if self.connections is not None:
            moments = tuple(self._table(x, y).backward())
            if not any(map(any, around)):
                return moments + later()  # all that the maps kept is free again
        wide = Extra(padded, "uncast", among=1)
        back_in = Extra(padded + undone(x, around, self.padding_mode), among=1)
        moments += later(Extra(padded), wide, own, copies=False)
        return moments + later(back_in, own._replace(kind="parameters"), copies=False)

    def marks(self, x: Shape) -> frozenset[str]:
        return super().marks(x) | ({"same_word"} if self.same_word(x) else set())

    def same_word(self, x: Shape) -> bool:
        """Return whether torch gets `padding="same"`, since no number can say an odd amount."""
        plain = self.padding == "same" and self.padding_mode == "zeros" and self.connections is None
        return (
            plain
            and max(per_axis(self.stride, len(x) - 1)) == 1
            and any(lo != hi for lo, hi in self.around(x))
        )

    def torch_pads(self, x: Shape) -> tuple[tuple[int, int], ...] | None:
        """Return the padding that is a separate copy; None if torch's convolution pads itself."""
        around = self.around(x)
        inside = self.padding_mode == "zeros" and all(lo == hi for lo, hi in around)
        return around if not inside or self._pads_by_size(x) else None

    def _pads_by_size(self, x: Shape) -> bool:
        """Return whether the amounts depend on the size of the input."""
        return self.padding == "same" and max(per_axis(self.stride, len(x) - 1)) > 1

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        if self.padding_mode == "circular" or self.connections is not None:
            return contiguous(y)
        apart = self.torch_pads(x.sizes[1:]) or ()
        if len(y) == 3 and (self.padding_mode != "zeros" or any(map(any, apart))):
            return contiguous(y)  # like the padded copy
        return convolved(x, y, per_axis(self.kernel, len(y) - 2), self.groups)

    def torch(self, x: Shape) -> TorchCall:
        k, s, d = self.geometry(len(x) - 1)
        window = {"kernel_size": k, "stride": s, "dilation": d}
        if self.connections is not None:
            arguments = {"connections": self.connections, **window, "bias": self.bias}
            apart = self._padding_apart(x)
            return TorchCall("TableConv", arguments, before=apart, parametrize=self.parametrize)
        channels = {"in_channels": x[0], "out_channels": self.out, "groups": self.groups}
        padding = self._padding_inside(x)
        return torch_nd(
            "Conv",
            x,
            {**channels, **window, "bias": self.bias, **padding},
            before=None if padding else self._padding_apart(x),
            parametrize=self.parametrize,
        )

    def _padding_inside(self, x: Shape) -> dict[str, Any]:
        """Return torch's own arguments for the padding; none where it has none for it."""
        around = self.around(x)
        if self._pads_by_size(x):
            return {}
        if all(low == high for low, high in around):  # numbers, which all tools understand
            amounts = tuple(low for low, _ in around)
            return {"padding": amounts, "padding_mode": self.padding_mode}
        if self.padding == "same":
            return {"padding": "same", "padding_mode": self.padding_mode}
        return {}

    def _padding_apart(self, x: Shape) -> TorchCall | None:
        """Return the padding as a separate module where torch's convolution cannot pad so."""
        k, s, d = self.geometry(len(x) - 1)
        if self._pads_by_size(x):
            return TorchCall("SamePadding", {"kernel_size": k, "stride": s, "dilation": d})
        around = self.around(x)
        if not any(map(any, around)):
            return None
        return TorchCall("Padding", {"around": around, "mode": self.padding_mode})

    def linearized(self, x: Shape) -> TorchCall:
        """NOTE: padding is not part of the input, whatever it is filled with, so zeros are used."""
        return self.changed(padding_mode="zeros", parametrize=None).torch(x)

    def narrowed(self) -> Op:
        if self.connections is not None:
            return self
        return super().narrowed()


def _causal(kernel: Any, dilation: Any) -> str | None:
    """Return the padding d·(k − 1) before one axis, as a spec has it; None for other kernels."""
    if isinstance(kernel, int) and isinstance(dilation, int):
        return f"[[{dilation * (kernel - 1)}, 0]]"
    if isinstance(kernel, (int, str)) and isinstance(dilation, (int, str)):
        return f'[["({dilation}) * (({kernel}) - 1)", 0]]'
    return None


def convolved(x: Layout, y: Shape, kernel: tuple[int, ...], groups: int) -> Layout:
    """Return how torch lays out a convolution's output.

    A sequence that is not contiguous is copied.

    NOTE: a single small volume (3 spatial axes) goes to an implementation without channels-last.
    So does a kernel of 1 if torch runs on one thread, which is not modelled here.
    """
    if len(y) == 3 and not x.is_contiguous or len(y) == 5 and not _onednn(x, kernel, groups):
        return contiguous(y)
    return in_format_of_map(x, y)


def _onednn(x: Layout, kernel: tuple[int, ...], groups: int) -> bool:
    """Return whether torch uses oneDNN on the CPU. Source: ATen's Convolution.cpp."""
    many = x.sizes[0] > 1 or product(x.sizes[:4]) > 20480
    return many or groups > 1 or min(kernel[-2:]) > 3
