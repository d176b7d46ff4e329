"""Cropping."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from ..cost import FREE, Cost
from ..diagnostic import Diagnostic
from ..layout import Layout
from ..num import Num, Shape, product
from ..window import IDENTITY, Map
from .base import Op
from .field_types import Amount, LayerName, PerAxis, pairs
from .kept import NOTHING, Backward, Extra, Gradient, Kept, Moment, Storage, at_once, later
from .meanings import SAME_BODY, Meaning
from .needs import Need, axes_need, like_fits, one_of
from .reads import Windows
from .shapes import per_axis
from .torch_call import TorchCall

if TYPE_CHECKING:
    pass


class Crop(Op):
    """Cuts off positions at the ends of each spatial axis.

    Give one of `size`, `amount` and `like`. With `size` and `like` the middle is kept; if an odd
    number of positions is removed, one more goes at the end.

    Shapes: (C, *n) -> (C, *n')
    Rule: n' = size, or the size of layer `like`, or n − before − after
    Cost: none: the output is a view of the input
    Fields:
        size: spatial size of the output
        amount: number of positions removed before and after each axis
        like: layer whose spatial size the output gets

    Source: Ronneberger, Fischer and Brox 2015, U-Net, arXiv:1505.04597
    Example: `crop: 224` on 3×256×256
    """

    key = "crop"
    channelwise = True
    meanings = {"centercrop": SAME_BODY, "cropping": Meaning(bare="amount")}
    field_aliases = {"cropping": "amount", "output_size": "size"}
    reorders = True
    main = "size"
    ranks: ClassVar[tuple[int, ...]] = (2, 3, 4)
    inputs = (1, 2)
    layers_named = ("like",)
    size: PerAxis | None = None
    amount: Amount | None = None
    like: LayerName | None = None

    def needs(self, x: Shape, *like: Shape) -> Iterator[Need]:
        yield one_of(self, ("size", "amount", "like"))
        yield from axes_need(self.size, len(x) - 1, "size")
        yield from axes_need(self.amount, len(x) - 1, "amount")
        yield from (like_fits(x, other) for other in like)
        for n, m in zip(x[1:], self.shape(x, *like)[1:]):

            def fault(n: Num = n, m: Num = m) -> Diagnostic:
                return Diagnostic(
                    "CNN207",
                    f"cannot crop {n} to {m}",
                    help=f"crop to a size from 1 to {n}",
                )

            yield Need(n - m, fault)
            yield Need(m - 1, fault)

    def shape(self, x: Shape, *like: Shape) -> Shape:
        if like:
            return (x[0], *like[0][1:])
        if self.amount is not None:
            return (
                x[0],
                *(n - lo - hi for n, (lo, hi) in zip(x[1:], pairs(self.amount, len(x) - 1))),
            )
        return (x[0], *per_axis(self.size, len(x) - 1))

    def starts(self, x: Shape, *like: Shape) -> tuple[int, ...]:
        """Return the first position kept on each axis; an odd rest is cut off at the end."""
        if self.amount is not None:
            return tuple(lo for lo, _ in pairs(self.amount, len(x) - 1))
        return tuple((n - m) // 2 for n, m in zip(x[1:], self.shape(x, *like)[1:]))

    def cost(self, *xs: Shape, y: Shape) -> Cost:
        return FREE

    def window(self, x: Shape, *like: Shape) -> Windows:
        own = tuple(
            (axis, Map.window(1, 1, -start) if start else IDENTITY)
            for axis, start in enumerate(self.starts(x, *like))
        )
        return (own, None) if like else (own,)

    def storage(self, *xs: Shape) -> Storage:
        return "view"

    def gradients(self, *xs: Shape, y: Shape, back: Backward) -> tuple[Gradient, ...]:
        return ("view" if xs[0] == y else "new", *[None] * len(xs[1:]))

    def busiest_backward(self, *xs: Shape, y: Shape, back: Backward) -> tuple[Moment, ...]:
        """One axis after the other gets its zeros back, the last one first.

        The output's gradient is only read for the first one.
        """
        x, sizes = xs[0], list(y)
        moments: tuple[Moment, ...] = ()
        before: Num = 0
        for axis in range(len(x) - 1, 0, -1):
            if sizes[axis] != x[axis]:
                sizes[axis] = x[axis]
                padded = product(sizes)
                both = Extra(before + padded)
                moments += later(both) if moments else at_once(both)
                before = padded
        return moments

    def viewed(self, x: Layout, *like: Layout, y: Shape) -> Layout:
        starts = self.starts(x.sizes[1:], *(other.sizes[1:] for other in like))
        for axis, start in enumerate(starts, 2):
            x = x.sliced(axis, start, y[axis])
        return x

    def keeps(self, *xs: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        return NOTHING

    def arithmetic(self, x: Shape, *like: Shape) -> str:
        parts = (
            f"{n} − {a} − {n - m - a} = {m}"
            for n, m, a in zip(x[1:], self.shape(x, *like)[1:], self.starts(x, *like))
        )
        return "; ".join(dict.fromkeys(parts))

    def torch(self, x: Shape, *like: Shape) -> TorchCall:
        if like:
            return TorchCall("CroppingLike", {})
        return TorchCall("Cropping", {"starts": self.starts(x), "sizes": self.shape(x)[1:]})
