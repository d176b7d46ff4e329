"""A window along one axis: its size rule, what it reads, and its padding."""

from __future__ import annotations

from typing import NamedTuple

from ..num import slide
from ..ops.field_types import pads
from ..ops.sliding import window_line
from ..ops.transposed import Axis, transposed_line
from ..window import Map, Unknown


class Window(NamedTuple):
    """A window along one axis.

    Attributes:
        kernel: its size.
        stride: the step from one window to the next.
        padding: what is added on each side, one number for both or two; or ``valid``, ``same`` or
            ``full``. A transposed window removes so much.
        dilation: the spacing of its points.
        ceil: whether a last window that is not full counts too.
        transposed: whether it enlarges, as in a transposed convolution.
        extra: positions that a transposed window adds at the end (`output_padding`).
    """

    kernel: int
    stride: int = 1
    padding: int | tuple[int, int] | str = 0
    dilation: int = 1
    ceil: bool = False
    transposed: bool = False
    extra: int = 0

    @property
    def span(self) -> int:
        """Return how many positions it covers."""
        return self.dilation * (self.kernel - 1) + 1

    def around(self, n: int) -> tuple[int, int]:
        """Return what is added before and after an axis of n positions."""
        given = (self.padding,) if isinstance(self.padding, tuple) else self.padding
        (both,) = pads(given, (n,), (self.kernel,), (self.stride,), (self.dilation,))
        return both

    def out(self, n: int) -> int:
        """Return the size after it."""
        low, high = self.around(n)
        if self.transposed:
            return (n - 1) * self.stride - low - high + self.span + self.extra
        if self.padding == "same":
            return -(-n // self.stride)
        out: int = slide(n, self.kernel, self.stride, low, high, self.dilation, self.ceil)
        return out

    def line(self, n: int) -> str:
        """Write the size rule with its numbers."""
        low, high = self.around(n)
        k, s, d = self.kernel, self.stride, self.dilation
        if self.transposed:
            axis = Axis(k, s, low, high, self.extra, d)
            return transposed_line(n, axis, self.out(n))
        return window_line(n, k, s, low, high, d, self.ceil, self.padding == "same")

    def reads(self, n: int) -> Map | Unknown:
        """Return what each output position reads."""
        low, _ = self.around(n)
        if self.transposed:
            return Map.transposed(self.kernel, self.stride, low, self.dilation)
        return Map.window(self.kernel, self.stride, low, self.dilation)
