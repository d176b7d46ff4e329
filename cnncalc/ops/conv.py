"""Convolutions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import gcd
from typing import Annotated, Any, ClassVar

from pydantic import Field

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, contiguous, in_format_of_map
from ..num import Shape, ceil_div, product
from ..window import MAX_PHASES, TOO_MANY, Map
from .base import (
    NO_AXES,
    Backward,
    ChannelReads,
    Kept,
    Need,
    Op,
    Reach,
    Taken,
    Windows,
    axes_need,
    by_groups,
    grouped,
    per_axis,
)
from .field_types import (
    FILL_WORDS,
    PADDING_WORDS,
    FillMode,
    Flag,
    Natural,
    Padding,
    PerAxis,
    PerAxisNatural,
    Positive,
)
from .sliding import Sliding
from .torch_call import TorchCall, torch_nd
from .weighted import CHANNEL_ALIASES, FEW, Parametrization, Weighted

Connections = Annotated[
    tuple[tuple[Natural, ...], ...] | None,
    Field(description="for each output channel, the list of input channels it sees"),
]


class Conv(Weighted, Sliding):
    """Convolution, as torch.nn.Conv1d/2d/3d: (C, *n) -> (out, *n').

    `connections` lists for each output channel the input channels it sees (LeNet-5's C3). `same`
    padding at stride > 1 has TensorFlow's meaning, which torch refuses.

    Each size n becomes ⌊(n + lo + hi − d·(k − 1) − 1)/s⌋ + 1, with padding lo and hi.

    Fields:
        out: channels of the output
        groups: groups of channels that are convolved apart
        padding_mode: what the padding is filled with
        connections: a table of connections, as LeNet-5 has

    Example: `conv: {out: 96, kernel: 11, stride: 4}` on 3×227×227
    """

    key = "conv"
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
    ceil_mode: ClassVar[bool] = False
    out: Positive
    kernel: PerAxis
    stride: PerAxis = 1
    padding: Padding = 0
    dilation: PerAxis = 1
    groups: Positive = 1
    bias: Flag = True
    padding_mode: FillMode = "zeros"
    connections: Connections = None
    parametrize: Parametrization = None

    @classmethod
    def reworded(cls, field: str, word: str, body: Mapping[str, Any]) -> Any:
        """Also `causal`, of Keras: all padding before the input, so that no later value is seen."""
        if (field, word.lower()) == ("padding", "causal"):
            return _causal(body.get("kernel"), body.get("dilation", 1))
        return super().reworded(field, word, body)

    def needs(self, x: Shape) -> Iterator[Need]:
        yield from self.fits(x)
        if self.groups != 1:
            yield from (
                grouped(self.groups, n, what, x[0], self.out)
                for what, n in (("input ", x[0]), ("output ", self.out))
            )
        if self.padding_mode != "zeros":
            yield from self._fill_fits(x)
        if self.connections is not None:
            yield from self._table_fits(x)

    def _fill_fits(self, x: Shape) -> Iterator[Need]:
        if self.wrong_lists(len(x) - 1):
            return
        if self.padding == "same" and max(per_axis(self.stride, len(x) - 1)) > 1:
            yield Need(
                -1,
                lambda: Diagnostic(
                    "CNN207",
                    f"`same` at a stride above 1 pads with zeros, not `{self.padding_mode}`",
                    help="drop `padding_mode`, or give the padding as a number",
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
                    f"padding {p} is too much for {self.padding_mode} padding of size {n}",
                    help=f"the largest is {n - most}",
                    settings=(("padding", n - most),),
                ),
            )

    def _table_fits(self, x: Shape) -> Iterator[Need]:
        table = self.connections or ()
        yield Need(
            len(table) - self.out,
            lambda: Diagnostic(
                "CNN103",
                f"`connections` has {len(table)} rows for {self.out} output channels",
                help="one row per output channel",
            ),
            True,
        )
        yield Need(
            1 - self.groups,
            lambda: Diagnostic(
                "CNN103", "`connections` and `groups` exclude each other", help="drop `groups`"
            ),
        )
        yield Need(
            min((len(set(row)) - len(row) for row in table), default=0),
            lambda: Diagnostic("CNN103", "a row of `connections` names a channel twice"),
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
                f"`connections` names input channel {highest}, the input has {x[0]}",
                help="channels count from 0",
            ),
        )

    def shape(self, x: Shape) -> Shape:
        return (self.out, *self.places(x))

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
        return by_groups(self.groups, x[0], self.out)

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        around = self.torch_pads(x) if self.connections is None else self.around(x)
        once = self.computed(x)
        if around is None:
            return Kept(inputs=(0,), once=once)
        if self.same_word(x):
            around = tuple(
                (0, hi - lo) for lo, hi in around
            )  # torch pads only the odd position apart
        padded = product(n + lo + hi for n, (lo, hi) in zip(x[1:], around))
        read = (0,) if self.padding_mode in ("reflect", "replicate") else ()  # to undo the padding
        if self.connections is None:
            return Kept(
                read, values=x[0] * padded, once=once
            )  # the padded copy instead of the input
        gathered = sum(map(len, self.connections))
        return Kept(
            read, values=gathered * padded, bytes=8 * gathered
        )  # each map's channels, copied, and their numbers

    def marks(self, x: Shape) -> frozenset[str]:
        return super().marks(x) | ({"same_word"} if self.same_word(x) else set())

    def same_word(self, x: Shape) -> bool:
        """Whether torch's kernel is told `padding="same"`, having no number for an odd pixel."""
        plain = self.padding == "same" and self.padding_mode == "zeros" and self.connections is None
        return (
            plain
            and max(per_axis(self.stride, len(x) - 1)) == 1
            and any(lo != hi for lo, hi in self.around(x))
        )

    def torch_pads(self, x: Shape) -> tuple[tuple[int, int], ...] | None:
        """Padding done apart from the convolution, as a copy; None where torch's kernel does it."""
        around = self.around(x)
        inside = self.padding_mode == "zeros" and all(lo == hi for lo, hi in around)
        return around if not inside or self._pads_by_size(x) else None

    def _pads_by_size(self, x: Shape) -> bool:
        """Whether the amounts depend on the size of the input."""
        return self.padding == "same" and max(per_axis(self.stride, len(x) - 1)) > 1

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        if self.padding_mode == "circular" or self.connections is not None:
            return contiguous(y)
        apart = self.torch_pads(x.sizes[1:]) or ()
        if len(y) == 3 and (self.padding_mode != "zeros" or any(map(any, apart))):
            return contiguous(y)  # as the padded copy is
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
        """torch's own arguments for the padding; none where it has no words for it."""
        around = self.around(x)
        if self._pads_by_size(x):
            return {}
        if all(low == high for low, high in around):  # numbers, which every tool reads
            amounts = tuple(low for low, _ in around)
            return {"padding": amounts, "padding_mode": self.padding_mode}
        if self.padding == "same":
            return {"padding": "same", "padding_mode": self.padding_mode}
        return {}

    def _padding_apart(self, x: Shape) -> TorchCall | None:
        """The padding as a module of its own, where torch's convolution cannot do it."""
        k, s, d = self.geometry(len(x) - 1)
        if self._pads_by_size(x):
            return TorchCall("SamePadding", {"kernel_size": k, "stride": s, "dilation": d})
        around = self.around(x)
        if not any(map(any, around)):
            return None
        return TorchCall("Padding", {"around": around, "mode": self.padding_mode})

    def linearized(self, x: Shape) -> TorchCall:
        """NOTE: a padded position is no part of the input, whatever it is filled with."""
        return self.changed(padding_mode="zeros", parametrize=None).torch(x)

    def narrowed(self) -> Op:
        if self.connections is not None:
            return self
        return self.changed(out=min(self.out, FEW), groups=1)

    @property
    def channel_multiple(self) -> int:
        return self.groups


def _causal(kernel: Any, dilation: Any) -> str | None:
    """Padding of d·(k − 1) before one axis, as it is written; None without such a kernel."""
    if isinstance(kernel, int) and isinstance(dilation, int):
        return f"[[{dilation * (kernel - 1)}, 0]]"
    if isinstance(kernel, (int, str)) and isinstance(dilation, (int, str)):
        return f'[["({dilation}) * (({kernel}) - 1)", 0]]'
    return None


def convolved(x: Layout, y: Shape, kernel: tuple[int, ...], groups: int) -> Layout:
    """How torch lays out a convolution's output: a sequence that is not contiguous is copied.

    NOTE: over 3 axes a single small volume goes to a kernel that knows no channels-last, and so
    does one with a kernel of 1 where torch runs on one thread, which is not foreseen here.
    """
    if len(y) == 3 and not x.is_contiguous or len(y) == 5 and not _onednn(x, kernel, groups):
        return contiguous(y)
    return in_format_of_map(x, y)


def _onednn(x: Layout, kernel: tuple[int, ...], groups: int) -> bool:
    """Whether torch gives a convolution to oneDNN on the CPU. Source: ATen's Convolution.cpp."""
    many = x.sizes[0] > 1 or product(x.sizes[:4]) > 20480
    return many or groups > 1 or min(kernel[-2:]) > 3


class ConvTranspose(Weighted):
    """Transposed convolution, as torch.nn.ConvTranspose1d/2d/3d: n -> (n − 1)·s − 2p + d(k − 1) +
    output_padding + 1.

    Fields:
        out: channels of the output
        kernel: size of the window
        stride: step of the window on the output
        padding: positions removed on each side of the output
        output_padding: positions added at the end of the output
        dilation: distance of the window's points
        groups: groups of channels that are convolved apart

    Example: `conv_transpose: {out: 64, kernel: 2, stride: 2}` on 128×28×28
    """

    key = "conv_transpose"
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
    field_aliases = {**Sliding.field_aliases, **CHANNEL_ALIASES, "group": "groups"}
    field_notes = {**Sliding.field_notes, "padding_mode": "remove it: there are only zeros"}
    aten = ("conv_transpose",)
    spectral_axis = 1
    ranks: ClassVar[tuple[int, ...]] = (2, 3, 4)
    out: Positive
    kernel: PerAxis
    stride: PerAxis = 1
    padding: PerAxisNatural = 0
    output_padding: PerAxisNatural = 0
    dilation: PerAxis = 1
    groups: Positive = 1
    bias: Flag = True
    parametrize: Parametrization = None

    def _axes(self, n: int) -> tuple[tuple[int, int, int, int, int], ...]:
        fields = (self.kernel, self.stride, self.padding, self.output_padding, self.dilation)
        return tuple(zip(*(per_axis(field, n) for field in fields)))

    def needs(self, x: Shape) -> Iterator[Need]:
        n, short = len(x) - 1, False
        for field in ("kernel", "stride", "padding", "output_padding", "dilation"):
            for need in axes_need(getattr(self, field), n, field):
                short = short or bool(need.margin)
                yield need
        if short:
            return
        for _k, s, _p, extra, d in self._axes(n):
            yield Need(
                max(s, d) - 1 - extra,
                lambda s=s, d=d, extra=extra: Diagnostic(
                    "CNN207",
                    f"output_padding {extra} must be smaller than the stride or the dilation",
                    help=f"the largest here is {max(s, d) - 1}",
                    settings=(("output_padding", max(s, d) - 1),),
                ),
            )
        for size in self.shape(x)[1:]:
            yield Need(
                size - 1,
                lambda: Diagnostic(
                    "CNN204",
                    "the padding takes away the whole output",
                    equation=self.arithmetic(x),
                    help="use less padding",
                    settings=(("padding", 0),),
                ),
            )
        if self.groups != 1:
            yield from (
                grouped(self.groups, n, what, x[0], self.out)
                for what, n in (("input ", x[0]), ("output ", self.out))
            )

    def shape(self, x: Shape) -> Shape:
        return (
            self.out,
            *(
                (n - 1) * s + (d * (k - 1) + extra + 1 - 2 * p)
                for n, (k, s, p, extra, d) in zip(x[1:], self._axes(len(x) - 1))
            ),
        )

    def filters(self, x: Shape) -> Shape:
        return (x[0], self.out // self.groups, *per_axis(self.kernel, len(x) - 1))

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(mac=product(self.filters(x)) * product(x[1:]), add=self.bias_additions(y))

    def window(self, x: Shape) -> Windows:
        return (
            tuple(
                transposed(axis, k, s, p, d)
                for axis, (k, s, p, _, d) in enumerate(self._axes(len(x) - 1))
            ),
        )

    def channels(self, x: Shape) -> ChannelReads:
        return by_groups(self.groups, x[0], self.out)

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,), once=self.computed(x))

    def arithmetic(self, x: Shape) -> str:
        lines = []
        for n, y, (k, s, p, extra, d) in zip(x[1:], self.shape(x)[1:], self._axes(len(x) - 1)):
            span = f"{k}" if d == 1 else f"({d}·({k} − 1) + 1)"
            lines.append(f"({n} − 1)·{s} − 2·{p} + {span}{f' + {extra}' if extra else ''} = {y}")
        return lines[0] if len(set(lines)) == 1 else "; ".join(lines)

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        axes = self._axes(len(y) - 2)
        if len(y) == 5 and any(extra >= s for _, s, _, extra, _ in axes):
            return contiguous(y)
        return convolved(x, y, per_axis(self.kernel, len(y) - 2), self.groups)

    def torch(self, x: Shape) -> TorchCall:
        k, s, p, extra, d = zip(*self._axes(len(x) - 1))
        arguments = {
            "in_channels": x[0],
            "out_channels": self.out,
            "kernel_size": k,
            "stride": s,
            "padding": p,
            "output_padding": extra,
            "dilation": d,
            "groups": self.groups,
            "bias": self.bias,
        }
        return torch_nd("ConvTranspose", x, arguments, parametrize=self.parametrize)

    def narrowed(self) -> Op:
        return self.changed(out=min(self.out, FEW), groups=1)

    def units(self, *xs: Shape) -> frozenset[int]:
        return NO_AXES

    def resizes(self, x: Shape, sizes: Shape, wanted: Shape) -> Iterator[tuple[str, Any]]:
        """Rows that a stride lost on the way down, then windows that neither overlap nor gap."""
        axes = self._axes(len(x) - 1)
        extra = tuple(more + m - n for (*_, more, _), n, m in zip(axes, sizes, wanted))
        if all(0 <= e < max(s, d) for (_, s, _, _, d), e in zip(axes, extra)):
            yield "output_padding", _one_or_each(extra)
        yield "kernel", self.stride

    @property
    def channel_multiple(self) -> int:
        return self.groups


def _one_or_each(amounts: tuple[int, ...]) -> int | list[int]:
    """A number if all axes have the same, else one for each axis."""
    return amounts[0] if len(set(amounts)) == 1 else list(amounts)


def transposed(axis: int, k: int, s: int, p: int, d: int) -> Reach:
    """Output o reads input i where o + p − d·t = s·i for a tap t.

    So there are s phases, some of which may read nothing.
    """
    if s > MAX_PHASES:
        return TOO_MANY
    taps: list[Sequence[int]] = [()] * s
    apart = s // gcd(s, d)  # taps of one phase
    for t in range(min(apart, k)):
        phase, step = (d * t - p) % s, d * apart // s
        first = (phase + p - d * t) // s
        count = ceil_div(k - t, apart)
        taps[phase] = range(first - (count - 1) * step, first + 1, step)
    return axis, Map(1, tuple(taps))
