"""Convolutions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..num import Shape, product
from ..window import MAX_PHASES, MAX_TAPS, UNKNOWN, Map
from .base import NO_AXES, Backward, Kept, Need, Op, Reach, axes_need, grouped, per_axis, torch_nd
from .field_types import FillMode, Flag, Natural, Padding, PerAxis, PerAxisNatural, Positive
from .sliding import Sliding

if TYPE_CHECKING:
    from torch import nn

Connections = Annotated[
    tuple[tuple[Natural, ...], ...] | None,
    Field(description="for each output channel, the list of input channels it sees"),
]


class Conv(Sliding):
    """Convolution, as torch.nn.Conv1d/2d/3d: (C, *n) -> (out, *n').

    `connections` lists for each output channel the input channels it sees (LeNet-5's C3). `same` padding at
    stride > 1 has TensorFlow's meaning, which torch refuses.
    """

    key = "conv"
    multiplies = True
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
        if any(need.margin for need in self._lists(len(x) - 1)):
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

    def weights(self, x: Shape) -> dict[str, Shape]:
        k = per_axis(self.kernel, len(x) - 1)
        table = (
            {"weight": (self.out, x[0] // self.groups, *k)}
            if self.connections is None
            else {"weight": (sum(len(row) for row in self.connections), *k)}
        )
        if self.bias:
            table["bias"] = (self.out,)
        return table

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        places = product(y[1:])
        return Cost(
            mac=product(self.weights(x)["weight"]) * places,
            add=self.out * places if self.bias else 0,
        )

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        around = self.torch_pads(x) if self.connections is None else self.around(x)
        if around is None:
            return Kept(inputs=(0,))
        if self.same_word(x):
            around = tuple(
                (0, hi - lo) for lo, hi in around
            )  # torch pads only the odd position apart
        padded = product(n + lo + hi for n, (lo, hi) in zip(x[1:], around))
        read = (0,) if self.padding_mode in ("reflect", "replicate") else ()  # to undo the padding
        if self.connections is None:
            return Kept(read, values=x[0] * padded)  # the padded copy instead of the input
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
        return None if inside else around

    def module(self, x: Shape) -> nn.Module:
        from .torch_modules import padded_conv, table_conv

        n = len(x) - 1
        k, s, d = self.geometry(n)
        if self.connections is not None:
            return table_conv(self, n)
        around, strided = self.around(x), max(s) > 1
        options = {
            "stride": s,
            "dilation": d,
            "groups": self.groups,
            "bias": self.bias,
            "padding_mode": self.padding_mode,
        }
        if all(lo == hi for lo, hi in around) and not (
            self.padding == "same" and strided
        ):  # numbers, which every tool reads
            return torch_nd("Conv", x)(
                x[0], self.out, k, padding=tuple(lo for lo, _ in around), **options
            )
        if self.padding == "same" and not strided:
            return torch_nd("Conv", x)(x[0], self.out, k, padding="same", **options)
        return padded_conv(self, x, options)


class ConvTranspose(Op):
    """Transposed convolution, as torch.nn.ConvTranspose1d/2d/3d: n -> (n − 1)·s − 2p + d(k − 1) + output_padding + 1."""

    key = "conv_transpose"
    multiplies = True
    ranks: ClassVar[tuple[int, ...]] = (2, 3, 4)
    out: Positive
    kernel: PerAxis
    stride: PerAxis = 1
    padding: PerAxisNatural = 0
    output_padding: PerAxisNatural = 0
    dilation: PerAxis = 1
    groups: Positive = 1
    bias: Flag = True

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

    def weights(self, x: Shape) -> dict[str, Shape]:
        table = {"weight": (x[0], self.out // self.groups, *per_axis(self.kernel, len(x) - 1))}
        if self.bias:
            table["bias"] = (self.out,)
        return table

    def units(self, *xs: Shape) -> frozenset[int]:
        return NO_AXES

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(
            mac=product(self.weights(x)["weight"]) * product(x[1:]),
            add=product(y) if self.bias else 0,
        )

    def window(self, x: Shape) -> tuple[tuple[Reach, ...] | None, ...]:
        return (
            tuple(
                transposed(axis, k, s, p, d)
                for axis, (k, s, p, _, d) in enumerate(self._axes(len(x) - 1))
            ),
        )

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,))

    def arithmetic(self, x: Shape) -> str:
        lines = []
        for n, y, (k, s, p, extra, d) in zip(x[1:], self.shape(x)[1:], self._axes(len(x) - 1)):
            span = f"{k}" if d == 1 else f"({d}·({k} − 1) + 1)"
            lines.append(f"({n} − 1)·{s} − 2·{p} + {span}{f' + {extra}' if extra else ''} = {y}")
        return lines[0] if len(set(lines)) == 1 else "; ".join(lines)

    def module(self, x: Shape) -> nn.Module:
        k, s, p, extra, d = (
            per_axis(field, len(x) - 1)
            for field in (
                self.kernel,
                self.stride,
                self.padding,
                self.output_padding,
                self.dilation,
            )
        )
        return torch_nd("ConvTranspose", x)(
            x[0],
            self.out,
            k,
            stride=s,
            padding=p,
            output_padding=extra,
            dilation=d,
            groups=self.groups,
            bias=self.bias,
        )


def transposed(axis: int, k: int, s: int, p: int, d: int) -> Reach:
    """Output o reads input i where o + p − d·t = s·i for a tap t: s phases, some of which may read nothing."""
    if s > MAX_PHASES or k > MAX_TAPS:
        return axis, UNKNOWN
    taps: list[list[int]] = [[] for _ in range(s)]
    for t in range(k - 1, -1, -1):
        phase = (d * t - p) % s
        taps[phase].append((phase + p - d * t) // s)
    return axis, Map(1, tuple(map(tuple, taps)))
