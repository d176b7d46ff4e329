"""Reductions along chosen axes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, contiguous
from ..num import Num, Shape, product
from ..window import IDENTITY
from .autocast import AS_IS, IN_FLOAT32, TO_FLOAT32, Autocast, Cast
from .axes import Axes, has_axis
from .base import Op
from .field_types import Flag
from .kept import NEW, NOTHING, VIEW, Backward, Extra, Gradient, Kept, Moment, at_once
from .meanings import Meaning
from .needs import Need
from .reads import WHOLE, ChannelReads, Windows
from .shapes import units_of, values
from .torch_call import TorchCall

_Measure = Literal["mean", "sum", "max", "min", "var", "std", "norm"]
_SPREADS = ("var", "std")
_AXES = "write `over`, without the batch: `channels`, `positions`, or a list such as [1, 2]"
_ELSEWHERE = {  # words of ONNX, TensorFlow and torch
    **{f"reduce{what}": what for what in ("mean", "sum", "max", "min", "std")},
    **{what: what for what in ("mean", "std", "var")},
    "reducevariance": "var",
    "reducel2": "norm",
}
_FUNCTIONS = {"max": "amax", "min": "amin"}  # torch's names, where they differ


class Reduce(Op):
    """Replaces the values along some axes with their mean, sum, maximum or another measure.

    The reduced axes stay, with size 1, and joins broadcast them, so that the mean of all channels
    can gate each channel. With `keep: false` they are left out; if the channels are left out, the
    next axis takes their place.

    Shapes: (C, *n) -> the same shape with 1 for each reduced axis, or without these axes
    Rule: mean, sum, max and min are what they say; var is Σ (x − mean)²/(m − 1) over m values, or
        divided by m without `unbiased`; std is √var; norm is √Σ x²
    Cost: per value 1 addition (`max` and `min`: 1 comparison; `norm`: 1 multiplication more; `var`
        and `std`: 2 additions and 1 multiplication more); per result 1 addition or comparison less
        (`var` and `std`: 2 less), and 1 division (`mean`), 2 divisions (`var` and `std`) and 1 root
        (`std` and `norm`)
    Fields:
        what: mean, sum, max, min, var (variance), std (standard deviation) or norm (Euclidean)
        over: the axes: `channels`, `positions` (all others), or a list such as [1, 2], where axis 0
            holds the channels
        keep: whether the reduced axes stay, with size 1
        unbiased: whether var and std divide by one less than the number of values

    Source: torch.mean, torch.sum, torch.amax, torch.amin, torch.var, torch.std,
        torch.linalg.vector_norm; Woo et al. 2018, CBAM, arXiv:1807.06521
    Example: `reduce: {what: mean, over: channels}` on 64×28×28
    """

    key = "reduce"
    meanings = {
        word: Meaning(settings={"what": what}, note=_AXES) for word, what in _ELSEWHERE.items()
    }
    field_aliases = {"keepdim": "keep", "keepdims": "keep", "keep_dims": "keep"}
    field_notes = dict.fromkeys(("dim", "axis", "axes"), _AXES)
    settled = ("over",)
    what: Annotated[_Measure, Field(description="mean, sum, max, min, var, std or norm")]
    over: Annotated[
        Literal["channels", "positions"] | Axes,
        Field(description="channels, positions, or a list of axes such as [1, 2]"),
    ]
    keep: Flag = True
    unbiased: Flag = True

    @property
    def keeps_output(self) -> bool:
        return self.what in ("max", "min", "std", "norm")

    @property
    def scatters(self) -> bool:
        return not self.keep

    def axes(self, x: Shape) -> tuple[int, ...]:
        """Return the reduced axes, in order."""
        if self.over == "channels":
            return (0,)
        if self.over == "positions":
            return tuple(range(1, len(x)))
        return tuple(sorted(self.over))

    def _left(self, x: Shape) -> tuple[int, ...]:
        """Return the axes that are not reduced."""
        return tuple(axis for axis in range(len(x)) if axis not in self.axes(x))

    def _held(self, x: Shape) -> Num:
        """Count the values of which one is made."""
        return product(x[axis] for axis in self.axes(x))

    def needs(self, x: Shape) -> Iterator[Need]:
        axes = self.axes(x)
        twice = len(set(axes)) < len(axes)
        yield Need(
            -1 if twice else 0,
            lambda: Diagnostic("CNN103", f"`over: {[*axes]}` names an axis twice"),
        )
        for axis in axes:
            yield has_axis(axis, x)
        yield Need(
            len(axes) - 1,
            lambda: Diagnostic(
                "CNN201",
                "a vector has no positions to reduce",
                help="write `over: channels`",
            ),
        )
        yield Need(
            0 if self.keep else len(x) - len(axes) - 1,
            lambda: Diagnostic(
                "CNN201",
                "`keep: false` would leave no axis",
                help="remove `keep`: the output is then one value per image, as a shape of 1s",
            ),
        )
        if self.what in _SPREADS and self.unbiased and max(axes, default=0) < len(x):
            yield Need(
                self._held(x) - 2,
                lambda: Diagnostic(
                    "CNN207",
                    f"`{self.what}` of a single value divides by 0",
                    help="`unbiased: false` divides by the number of values",
                ),
            )

    def shape(self, x: Shape) -> Shape:
        reduced = self.axes(x)
        if self.keep:
            return tuple(1 if axis in reduced else n for axis, n in enumerate(x))
        return tuple(x[axis] for axis in self._left(x))

    def units(self, x: Shape) -> frozenset[int]:
        before = units_of(x)
        if self.keep:
            return before.union(self.axes(x))
        return frozenset(new for new, axis in enumerate(self._left(x)) if axis in before)

    def window(self, x: Shape) -> Windows:
        reduced = self.axes(x)
        places = {axis: axis for axis in range(len(x))}
        if not self.keep:
            places = {axis: new for new, axis in enumerate(self._left(x))}
        return (
            tuple(
                WHOLE if axis in reduced or not places[axis] else (places[axis] - 1, IDENTITY)
                for axis in range(1, len(x))
            ),
        )

    def channels(self, x: Shape) -> ChannelReads:
        if 0 not in self.axes(x):
            return "each"
        return "all" if self.keep else "scattered"

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        n, results = values(x), values(y)
        pairs = n - results
        if self.what in ("max", "min"):
            return Cost(cmp=pairs)
        if self.what in _SPREADS:  # the mean, differences, their squares, and the sum of these
            roots = results if self.what == "std" else 0
            return Cost(add=2 * pairs + n, mul=n, div=2 * results, exp=roots)
        if self.what == "norm":
            return Cost(mul=n, add=pairs, exp=results)
        return Cost(add=pairs, div=results if self.what == "mean" else 0)

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        if self.what in ("mean", "sum"):
            return NOTHING
        return Kept(inputs=(0,), output=self.keeps_output)

    def gradients(self, *xs: Shape, y: Shape, back: Backward) -> tuple[Gradient, ...]:
        """The gradient of a sum is that of the result, seen at every position."""
        return (VIEW if self.what == "sum" else NEW,)

    def busiest_backward(self, x: Shape, *, y: Shape, back: Backward) -> tuple[Moment, ...]:
        whole, results = Extra(values(x)), Extra(values(y))
        if self.what in ("max", "min"):  # where they are, how many, and their share
            return at_once(whole, Extra(values(x), "mask"), results, Extra(values(y), "indices"))
        if self.what in _SPREADS:  # the mean, what differs from it, the gradient's factor
            more = 3 if self.what == "std" else 2
            return at_once(Extra(2 * values(x)), Extra(more * values(y)))
        if self.what == "norm":  # the quotients, and where the norm is 0
            return at_once(Extra(2 * values(x)), Extra(values(y), "mask"))
        return ()

    def autocast(self, x: Shape, *, by: Autocast) -> Cast:
        if by.on_cpu or self.what not in ("sum", "norm"):
            return AS_IS
        return TO_FLOAT32 if self.what == "norm" else IN_FLOAT32

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return contiguous(y)

    def torch(self, x: Shape) -> TorchCall:
        return self._called(_FUNCTIONS.get(self.what, self.what), x)

    def _called(self, function: str, x: Shape) -> TorchCall:
        dims = tuple(axis + 1 for axis in self.axes(x))
        arguments = {"function": function, "axes": dims, "keep": self.keep}
        if self.what in _SPREADS and function == self.what:
            arguments["correction"] = int(self.unbiased)
        return TorchCall("Reduction", arguments)

    def linearized(self, x: Shape) -> TorchCall:
        """Return a mean: it has a gradient at every value, and the same one."""
        return self._called("mean", x)

    def arithmetic(self, x: Shape) -> str:
        sizes = "·".join(str(x[axis]) for axis in self.axes(x))
        return f"the {self.what} of {sizes} values" + ("" if self.keep else ", without these axes")
