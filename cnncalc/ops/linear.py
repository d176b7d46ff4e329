"""Fully connected layers, and LeNet-5's radial basis functions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, channels_last, contiguous
from ..num import Num, Shape, product
from ..window import IDENTITY
from ..wording import plural, shape_text
from .autocast import PROMOTED
from .axes import last_of_two, replaced
from .base import Op
from .field_types import Flag, Positive
from .kept import Backward, Extra, Kept, Moment, at_once
from .needs import Need
from .reads import WHOLE, ChannelReads, Windows
from .shapes import NO_AXES, is_one, units_of, values
from .torch_call import TorchCall
from .weighted import CHANNEL_ALIASES, Parametrization, Weighted

_FLATTEN = "put `- flatten` before it, or `- globalavgpool` and `- flatten`"


class Linear(Weighted):
    """Multiplies a vector by a trained weight matrix (fully connected), as torch.nn.Linear.

    Each value of the output is a weighted sum of all values of the vector. Put `flatten`
    before it to turn a feature map into a vector.

    With `over: channels` it works on the channels of each position, as torch's layer does if the
    channels are last; that computes the same as a convolution with kernel 1. With `over: last` it
    works along the last axis, as torch's layer does on any input. On two axes, such as a sequence
    of vectors, that is also the default; a note then says so.

    Shapes: (F,) -> (out,); with `over: channels` (F, *n) -> (out, *n); with `over: last`
        (C, *n, F) -> (C, *n, out)
    Rule: y = Σ w·x + b for each output value, with the sum over the F values of a vector
    Parameters: F·out weights, and out biases with `bias`
    Cost: for each vector F·out multiply–accumulates, and out additions with `bias`
    Fields:
        out: number of values of an output vector
        over: the axis of the vectors: the channels, or the last axis; by default the last one of an
            input with one or two axes

    Example: `linear: 1000` on 4096
    """

    key = "linear"
    signatures = {"Linear": ("in_features", "out_features", "bias")}
    aliases = ("dense", "fc", "fullyconnected", "innerproduct", "gemm")
    field_aliases = CHANNEL_ALIASES
    aten = ("linear", "addmm", "mm")
    copies_inside = True
    main = "out"
    out: Positive
    bias: Flag = True
    over: Annotated[Literal["channels", "last"] | None, Field(description="channels or last")] = (
        None
    )
    parametrize: Parametrization = None

    def _axis(self, x: Shape) -> int:
        """Return the axis of the vectors."""
        return 0 if self.over == "channels" else len(x) - 1

    def _moves(self, x: Shape) -> bool:
        """Return whether torch's layer needs the channels last."""
        return self.over == "channels" and len(x) > 1

    @property
    def reorders(self) -> bool:
        return self.over == "channels"

    def needs(self, x: Shape) -> Iterator[Need]:
        yield Need(
            -1 if self.over is None and len(x) > 2 else 0,
            lambda: Diagnostic(
                "CNN201", f"`{self.key}` takes a vector, not {shape_text(x)}", help=_FLATTEN
            ),
        )

    def remarks(self, x: Shape) -> Iterator[Diagnostic]:
        if self.over is None and len(x) == 2:
            yield last_of_two(self.key, x)

    def shape(self, x: Shape) -> Shape:
        return replaced(x, self._axis(x), self.out)

    def units(self, x: Shape) -> frozenset[int]:
        axis = self._axis(x)
        others = units_of(x) - {axis} if len(x) > 1 else NO_AXES
        return others | {axis} if is_one(self.out) else others

    def window(self, x: Shape) -> Windows:
        if self._axis(x) == 0:
            return super().window(x)
        return ((*((axis, IDENTITY) for axis in range(len(x) - 2)), WHOLE),)

    def channels(self, x: Shape) -> ChannelReads:
        return "all" if self._axis(x) == 0 else "each"

    def filters(self, x: Shape) -> Shape:
        return (self.out, x[self._axis(x)])

    def _vectors(self, x: Shape) -> Num:
        """Count the vectors that are multiplied."""
        axis = self._axis(x)
        return product(x[:axis]) * product(x[axis + 1 :])

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        macs = product(self.filters(x)) * self._vectors(x)
        return Cost(mac=macs, add=self.bias_additions(y))

    def copied(self, x: Layout) -> tuple[int, ...]:
        """It reads a matrix with the vectors as rows, so it copies what is no view of that."""
        if len(x.sizes) < 3:
            return ()
        read = x.permuted(_LAST[len(x.sizes)]) if self.over == "channels" else x
        rows = product(read.sizes[:-1]), read.sizes[-1]
        return () if read.is_contiguous or read.reshaped(rows) is not None else (0,)

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return channels_last(y) if self._moves(y[1:]) else contiguous(y)

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        """NOTE: unlike a convolution, it needs its input for the weight's gradient alone."""
        made = self.computed_and_kept(x, back)
        read = (0,) if back.trained else ()
        if not back.needs(0):
            return Kept(read, extras=made[1:])
        return Kept(read, extras=made, parameters=("weight",))

    def busiest(self, x: Shape, *, y: Shape, back: Backward | None) -> tuple[Moment, ...]:
        return super().busiest(x, y=y, back=back if back and back.needs(0) else None)

    def arithmetic(self, x: Shape) -> str:
        return f"{x[self._axis(x)]} inputs → {self.out} outputs"

    def torch(self, x: Shape) -> TorchCall:
        """NOTE: torch's layer needs channels last; `over: channels` moves them there and back."""
        arguments = {
            "in_features": x[self._axis(x)],
            "out_features": self.out,
            "bias": self.bias,
        }
        if not self._moves(x):
            return TorchCall("Linear", arguments, parametrize=self.parametrize)
        there, back = TorchCall("ChannelsLast", {}), TorchCall("ChannelsFirst", {})
        return TorchCall("Linear", arguments, there, back, self.parametrize)

    def narrowed(self) -> Op:
        """NOTE: along another axis than the channels, the size matters to what comes after."""
        return self if self.over == "last" else super().narrowed()


_LAST = {rank: (0, *range(2, rank), 1) for rank in range(2, 6)}  # the axes with the channels last


class Rbf(Op):
    """Computes the squared distance of its input to each of `out` fixed centres.

    LeNet-5 has it as its output layer. The centres are a buffer: they are saved with the network,
    but not trained.

    Shapes: (F,) -> (out,)
    Rule: yⱼ = Σ (xᵢ − cⱼᵢ)², with the sum over the F values of the input
    Cost: per centre, F multiplications and 2·F − 1 additions
    Fields:
        out: number of centres

    Source: LeCun, Bottou, Bengio and Haffner 1998, Gradient-based learning applied to document
        recognition, doi:10.1109/5.726791
    Example: `rbf: 10` on 84
    """

    key = "rbf"
    aliases = ("radialbasis",)
    cast = PROMOTED
    main = "out"
    ranks = (1,)
    out: Positive

    def shape(self, x: Shape) -> Shape:
        return (self.out,)

    def buffers(self, x: Shape) -> dict[str, Shape]:
        return {"centres": (self.out, x[0])}

    def units(self, *xs: Shape) -> frozenset[int]:
        return NO_AXES

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(add=self.out * (2 * x[0] - 1), mul=self.out * x[0])

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(extras=(Extra(self.out * x[0]),))

    def busiest(self, x: Shape, *, y: Shape, back: Backward | None) -> tuple[Moment, ...]:
        """The differences, and their squares."""
        output = values(y) if back else 0
        return at_once(Extra(2 * self.out * x[0] + output))

    def busiest_backward(self, x: Shape, *, y: Shape, back: Backward) -> tuple[Moment, ...]:
        return at_once(Extra(3 * self.out * x[0]))

    def arithmetic(self, x: Shape) -> str:
        return f"distances of {plural(x[0], 'value')} to {self.out} centres"

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("RadialBasis", {"features": x[0], "out": self.out})
