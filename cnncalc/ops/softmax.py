"""Softmaxes: values along an axis as shares of a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..cost import Cost
from ..layout import Layout, contiguous
from ..num import Shape, product
from ..window import IDENTITY
from .activation import Activation
from .autocast import AS_IS, IN_FLOAT32, TO_FLOAT32, Autocast, Cast
from .axes import NO_BATCH, has_axis
from .field_types import Natural
from .kept import Backward, Extra, Moment, at_once
from .meanings import Meaning
from .needs import Need
from .reads import WHOLE, ChannelReads, Windows
from .shapes import values

WITHOUT_BATCH = Meaning(
    note=NO_BATCH,
    differs=lambda body: isinstance(body, int),
)


class Softmax(Activation):
    """Turns the values along an axis into positive numbers that add up to 1, as torch.nn.Softmax.

    The largest value is subtracted first: this prevents overflow and does not change the result.

    Rule: y = eˣ/Σ eˣ, with the sum over the axis
    Cost: per value 1 comparison, 2 additions, 1 exponential and 1 division; per sum 1 comparison
        and 1 addition less
    Fields:
        axis: the axis that is summed over, where axis 0 holds the channels

    Example: `softmax` on 1000
    """

    key = "softmax"
    meanings = {"softmax": WITHOUT_BATCH}
    field_notes = {"dim": WITHOUT_BATCH.note or ""}
    aten = ("softmax",)
    main = "axis"
    torch_name, keeps_output = "Softmax", True
    axis: Natural = 0

    def needs(self, x: Shape) -> Iterator[Need]:
        yield has_axis(self.axis, x)

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        n, sums = values(x), product(size for axis, size in enumerate(x) if axis != self.axis)
        # cmp: the largest; add: its subtraction, and the sum; exp: the powers; div: the quotients
        return Cost(cmp=n - sums, add=2 * n - sums, exp=n, div=n)

    def autocast(self, x: Shape, *, by: Autocast) -> Cast:
        """NOTE: on a card, one kernel reads float16 and writes float32, but not bfloat16."""
        if by.on_cpu:
            return AS_IS
        return IN_FLOAT32 if by.dtype == "float16" else TO_FLOAT32

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return contiguous(y)

    def arguments(self) -> dict[str, Any]:
        return {"dim": self.axis + 1}

    def window(self, x: Shape) -> Windows:
        return (
            tuple(
                WHOLE if axis + 1 == self.axis else (axis, IDENTITY) for axis in range(len(x) - 1)
            ),
        )

    def channels(self, x: Shape) -> ChannelReads:
        return "all" if self.axis == 0 else "each"


class LogSoftmax(Softmax):
    """Computes the logarithm of the softmax along an axis, as torch.nn.LogSoftmax.

    Rule: y = x − ln Σ eˣ, with the sum over the axis
    Cost: per value 1 comparison, 3 additions and 1 exponential; per sum 1 logarithm more, 1
        comparison and 1 addition less
    Example: `log_softmax` on 1000
    """

    key = "log_softmax"
    meanings = {"logsoftmax": WITHOUT_BATCH}
    aten = ("log_softmax",)
    torch_name = "LogSoftmax"

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        n, sums = values(x), product(size for axis, size in enumerate(x) if axis != self.axis)
        return Cost(cmp=n - sums, add=3 * n - sums, exp=n + sums)


class Softmin(Softmax):
    """Turns the values along an axis into shares that favour small ones, as torch.nn.Softmin.

    Rule: y = e⁻ˣ/Σ e⁻ˣ, with the sum over the axis
    Cost: per value 1 comparison, 3 additions, 1 exponential and 1 division; per sum 1 comparison
        and 1 addition less (a change of sign counts as an addition)
    Example: `softmin` on 1000
    """

    key = "softmin"
    meanings = {"softmin": WITHOUT_BATCH}
    torch_name = "Softmin"

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return super().cost(x, y=y).plus(Cost(add=values(x)))

    def busiest(self, *xs: Shape, y: Shape, back: Backward | None) -> tuple[Moment, ...]:
        """The values with the other sign are there until the output is."""
        return at_once(Extra(2 * values(y)))
