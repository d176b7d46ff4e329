"""Pooling with a fixed filter: a blur before a stride."""

from __future__ import annotations

from collections.abc import Iterator
from math import comb
from typing import Annotated, Any, ClassVar

from pydantic import Field

from ..cost import Cost
from ..layout import Layout
from ..num import Num, Shape, product
from .autocast import TO_HALF, Autocast, Cast
from .base import Op
from .conv import Conv
from .field_types import FILL_WORDS, FillMode, PerAxis
from .kept import Backward, Kept, Moment
from .needs import Need
from .reads import ChannelReads, Slide, Windows
from .shapes import per_axis, units_of
from .torch_call import TorchCall

FilterSize = Annotated[int, Field(ge=1, le=33, description="an integer from 1 to 33")]


class BlurPool(Op):
    """Blurs each channel with a fixed filter and keeps every `stride`-th position.

    The filter is a row of Pascal's triangle along each axis, such as 1 3 3 1, and its values add up
    to 1. It is a buffer, not trained. Where the filter is even, one more position is added at the
    end.

    Shapes: (C, *n) -> (C, *n')
    Rule: n' = ⌊(n − 1)/stride⌋ + 1
    Cost: kernel^axes multiply–accumulates per output value
    Fields:
        kernel: size of the filter along each axis
        stride: step of the filter
        mode: what the added positions are filled with

    Source: Zhang 2019, Making convolutional networks shift-invariant again, arXiv:1904.11486
    Example: `blurpool: {kernel: 4, stride: 2}` on 64×56×56
    """

    key = "blurpool"
    channelwise = True
    aliases = ("blurpooling", "antialiaspool")
    field_aliases = {
        "filt_size": "kernel",
        "filter_size": "kernel",
        "kernel_size": "kernel",
        "pad_type": "mode",
        "padding_mode": "mode",
    }
    field_notes = dict.fromkeys(("padding", "pad_off"), "remove it: it follows from the kernel")
    value_aliases = {"mode": FILL_WORDS}
    main = "kernel"
    ranks: ClassVar[tuple[int, ...]] = (2, 3, 4)
    cast = TO_HALF
    kernel: FilterSize = 4
    stride: PerAxis = 2
    mode: FillMode = "reflect"

    def conv(self, x: Shape) -> Conv:
        """Return the convolution that computes the same."""
        around = ((self.kernel - 1) // 2, self.kernel // 2)
        found = Conv(
            out=1,
            kernel=self.kernel,
            stride=self.stride,
            padding=(around,) * (len(x) - 1) if any(around) else 0,
            bias=False,
            padding_mode=self.mode if any(around) else "zeros",
        )
        vars(found).update(out=x[0], groups=x[0])  # which may be open
        return found

    def needs(self, x: Shape) -> Iterator[Need]:
        conv = self.conv(x)
        yield from conv.fits(x)
        if self.mode != "zeros":
            yield from conv.fill_fits(x)

    def shape(self, x: Shape) -> Shape:
        return (x[0], *self.conv(x).places(x))

    def units(self, x: Shape) -> frozenset[int]:
        return units_of(x) if self.kernel == 1 and self.stride == 1 else frozenset()

    def buffers(self, x: Shape) -> dict[str, Shape]:
        return {"filter": (x[0], 1, *(self.kernel,) * (len(x) - 1))}

    def filters(self, x: Shape) -> Shape:
        return (x[0], *(self.kernel,) * (len(x) - 1))

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(mac=product(self.filters(x)) * product(y[1:]))

    def reads(self, x: Shape) -> Num:
        return self.conv(x).padded(x)

    def slides(self, x: Shape) -> tuple[Slide, ...]:
        return self.conv(x).slides(x)

    def window(self, x: Shape) -> Windows:
        return self.conv(x).window(x)

    def channels(self, x: Shape) -> ChannelReads:
        return "each"

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        kept = self.conv(x).keeps(x, y=y, back=back._replace(trained=False))
        return kept._replace(parameters=("filter",))

    def autocast(self, x: Shape, *, by: Autocast) -> Cast:
        return self.conv(x).autocast(x, by=by)

    def busiest(self, x: Shape, *, y: Shape, back: Backward | None) -> tuple[Moment, ...]:
        return self.conv(x).busiest(x, y=y, back=back and back._replace(trained=False))

    def busiest_backward(self, x: Shape, *, y: Shape, back: Backward) -> tuple[Moment, ...]:
        return self.conv(x).busiest_backward(x, y=y, back=back._replace(trained=False))

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return self.conv(x.sizes[1:]).laid_out(x, y=y)

    def arithmetic(self, x: Shape) -> str:
        return self.conv(x).arithmetic(x)

    def torch(self, x: Shape) -> TorchCall:
        row = tuple(comb(self.kernel - 1, n) for n in range(self.kernel))
        arguments: dict[str, Any] = {
            "row": row,
            "channels": x[0],
            "stride": per_axis(self.stride, len(x) - 1),
            "around": self.conv(x).around(x),
            "mode": self.mode,
        }
        return TorchCall("BlurPool", arguments)

    def linearized(self, x: Shape) -> TorchCall:
        """Return a layer whose filter is trained, so that it gets positive weights."""
        return self.conv(x).linearized(x)
