"""Windows as columns: unfolding a map, and folding it again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from ..cost import FREE, Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, contiguous
from ..num import Num, Shape, product, slide
from ..window import MAX_POSITIONS, TOO_MANY, InARow, Map, Part, Unknown
from .base import Op
from .field_types import LayerName, PerAxis, PerAxisNatural
from .kept import NOTHING, Backward, Extra, Kept, Moment, at_once
from .needs import Need, axes_need, divides, one_of
from .reads import ChannelReads, Slide, Taken, Windows
from .shapes import NO_AXES, per_axis, values
from .sliding import Sliding
from .torch_call import TorchCall

_MIXED = Unknown("it reads windows of several rows and columns together")
_AXES = 2  # torch has both for maps only


class Unfold(Sliding):
    """Copies each window of a map into a column, as torch.nn.Unfold.

    The values of a channel stay together. A matrix product with the columns is a convolution.

    Shapes: (C, H, W) -> (C·∏kernel, windows)
    Rule: H' = ⌊(H + 2·padding − dilation·(kernel − 1) − 1)/stride⌋ + 1 and W' alike; H'·W' windows
    Cost: none: it only copies values
    Fields:
        padding: positions around the map that the windows also cover

    Example: `unfold: {kernel: 3, padding: 1}` on 16×14×14
    """

    key = "unfold"
    signatures = {"Unfold": ("kernel_size", "dilation", "padding", "stride")}
    aliases = ("im2col",)
    scatters = True
    aten = ("im2col",)
    main = "kernel"
    value_aliases = {}
    ranks: ClassVar[tuple[int, ...]] = (3,)
    ceil_mode: ClassVar[bool] = False
    kernel: PerAxis
    stride: PerAxis = 1
    padding: PerAxisNatural = 0
    dilation: PerAxis = 1

    def needs(self, x: Shape) -> Iterator[Need]:
        yield from self.fits(x)

    def shape(self, x: Shape) -> Shape:
        taps = product(per_axis(self.kernel, _AXES))
        return (x[0] * taps, product(self.places(x)))

    def units(self, x: Shape) -> frozenset[int]:
        return NO_AXES

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return FREE

    def window(self, x: Shape) -> Windows:
        """Window w is in row ⌊w/W'⌋ and column w mod W' of the windows."""
        (rows, columns), (down, across) = self.places(x), self.slides(x)
        if rows * columns > MAX_POSITIONS:
            return ((TOO_MANY, TOO_MANY),)
        moves = Map(down.stride, (_taps(down),) * columns)
        read = [tuple(n + across.stride * at for n in _taps(across)) for at in range(columns)]
        return (((0, moves), (0, Map(0, tuple(read) * rows))),)

    def channels(self, x: Shape) -> ChannelReads:
        return "each" if product(per_axis(self.kernel, _AXES)) == 1 else "scattered"

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return NOTHING

    def busiest_backward(self, x: Shape, *, y: Shape, back: Backward) -> tuple[Moment, ...]:
        """The gradient of the input keeps the memory of all columns."""
        return at_once(Extra(max(values(x), values(y))))

    def is_followed(self, *xs: Shape, given: tuple[int, ...], mixed: bool, training: bool) -> bool:
        """NOTE: under autocast, backward holds less than is predicted."""
        return not (mixed and training)

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return contiguous(y)

    def arithmetic(self, x: Shape) -> str:
        places = "·".join(map(str, self.places(x)))
        return f"{super().arithmetic(x)}; {places} = {product(self.places(x))} windows"

    def torch(self, x: Shape) -> TorchCall:
        k, s, d = self.geometry(_AXES)
        padding = per_axis(self.padding, _AXES)
        window = {"kernel_size": k, "stride": s, "padding": padding, "dilation": d}
        after = TorchCall("Copying", {}) if self._shrinks(x) else None
        return TorchCall("Unfold", window, after=after)

    def _shrinks(self, x: Shape) -> bool:
        """Return whether windows leave positions out; torch then keeps the input's memory."""
        return bool(values(self.shape(x)) < values(x))

    def busiest(self, x: Shape, *, y: Shape, back: Backward | None) -> tuple[Moment, ...]:
        return at_once(Extra(values(x) + values(y))) if self._shrinks(x) else ()


def _taps(slide: Slide) -> range:
    first = -slide.low
    return range(first, first + slide.span, slide.dilation)


class Fold(Op):
    """Puts columns back as windows of a map and adds up where they overlap, as torch.nn.Fold.

    Give one of `size` and `like`.

    Shapes: (C·∏kernel, windows) -> (C, H', W')
    Rule: H' and W' are `size`, or those of layer `like`; `unfold` with the same fields makes as
        many windows of such a map
    Cost: 1 addition per value of the input, also where it ends in the padding
    Fields:
        size: height and width of the output
        like: layer whose height and width the output gets
        kernel: size of the window
        stride: step from one window to the next
        padding: positions around the output that the windows also cover
        dilation: spacing of the points of the window; 1 leaves no gaps

    Example: `fold: {size: 14, kernel: 3, padding: 1}` on 144×196
    """

    key = "fold"
    signatures = {"Fold": ("output_size", "kernel_size", "dilation", "padding", "stride")}
    aliases = ("col2im",)
    scatters = True
    field_aliases = {
        **{word: field for word, field in Sliding.field_aliases.items() if word != "auto_pad"},
        "output_size": "size",
    }
    aten = ("col2im",)
    ranks: ClassVar[tuple[int, ...]] = (2,)
    inputs = (1, 2)
    layers_named = ("like",)
    size: PerAxis | None = None
    like: LayerName | None = None
    kernel: PerAxis
    stride: PerAxis = 1
    padding: PerAxisNatural = 0
    dilation: PerAxis = 1

    def needs(self, x: Shape, *like: Shape) -> Iterator[Need]:
        yield one_of(self, ("size", "like"))
        short = len(like) + (self.size is not None) != 1
        for field in ("size", "kernel", "stride", "padding", "dilation"):
            for need in axes_need(getattr(self, field), _AXES, field):
                short = short or bool(need.margin)
                yield need
        for other in like:
            text = f"`like` names a {len(other) - 1}-D layer, but the output is 2-D"
            yield Need(len(other) - 3, lambda: Diagnostic("CNN201", text), True)
            short = short or len(other) != _AXES + 1
        if short:
            return
        places = self._places(self.sizes(*like))
        for n in places:
            text = "no window fits into an output of this size"
            yield Need(n - 1, lambda: Diagnostic("CNN204", text, help="use a smaller kernel"))
        taps = product(per_axis(self.kernel, _AXES))
        yield divides(
            x[0],
            taps,
            lambda: Diagnostic("CNN205", f"{x[0]} channels are not a multiple of {taps} points"),
        )
        yield Need(
            x[1] - product(places),
            lambda: Diagnostic(
                "CNN208",
                f"an output of this size has {product(places)} windows, but the input has {x[1]}",
                help="give the size of the map that was unfolded",
            ),
            True,
        )

    def sizes(self, *like: Shape) -> Shape:
        """Return the height and width of the output."""
        return tuple(like[0][1:]) if self.size is None else per_axis(self.size, _AXES)

    def _places(self, sizes: Shape) -> tuple[Num, ...]:
        fields = (self.kernel, self.stride, self.padding, self.dilation)
        axes = zip(sizes, *(per_axis(field, _AXES) for field in fields))
        return tuple(slide(n, k, s, p, p, d, False) for n, k, s, p, d in axes)

    def shape(self, x: Shape, *like: Shape) -> Shape:
        return (x[0] // product(per_axis(self.kernel, _AXES)), *self.sizes(*like))

    def units(self, *xs: Shape) -> frozenset[int]:
        return NO_AXES

    def cost(self, x: Shape, *like: Shape, y: Shape) -> Cost:
        return Cost(add=values(x))

    def window(self, x: Shape, *like: Shape) -> Windows:
        sizes, fields = self.sizes(*like), (self.kernel, self.stride, self.padding, self.dilation)
        parts: list[Part] = []
        axes = zip(self._places(sizes), sizes, *(per_axis(field, _AXES) for field in fields))
        for axis, (windows, n, k, s, p, d) in enumerate(axes):
            reads = Map.transposed(k, s, p, d)
            if isinstance(reads, Unknown):
                return ((reads,), None) if like else ((reads,),)
            parts.append(Part(windows, axis, n, reads))
        own = (InARow(tuple(parts), _MIXED),)
        return (own, None) if like else (own,)

    def channels(self, x: Shape, *like: Shape) -> ChannelReads:
        n = product(per_axis(self.kernel, _AXES))
        return [Taken(0, range(c, c + n), 1, by_position=True) for c in range(0, x[0], n)]

    def keeps(self, x: Shape, *like: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        return NOTHING

    def busiest(
        self, x: Shape, *like: Shape, y: Shape, back: Backward | None
    ) -> tuple[Moment, ...]:
        """The map in the memory of all columns, and its copy."""
        return at_once(Extra(max(values(x), values(y)) + values(y)))

    def busiest_backward(
        self, x: Shape, *like: Shape, y: Shape, back: Backward
    ) -> tuple[Moment, ...]:
        """The gradient of the columns keeps the memory of a larger map."""
        return at_once(Extra(max(values(x), values(y))))

    def is_followed(self, *xs: Shape, given: tuple[int, ...], mixed: bool, training: bool) -> bool:
        """NOTE: under autocast, backward holds more than is predicted."""
        return not (mixed and training)

    def laid_out(self, x: Layout, *like: Layout, y: Shape) -> Layout:
        return contiguous(y)

    def arithmetic(self, x: Shape, *like: Shape) -> str:
        places = self._places(self.sizes(*like))
        return f"{'·'.join(map(str, places))} = {product(places)} windows"

    def torch(self, x: Shape, *like: Shape) -> TorchCall:
        fields = {
            "kernel_size": per_axis(self.kernel, _AXES),
            "stride": per_axis(self.stride, _AXES),
            "padding": per_axis(self.padding, _AXES),
            "dilation": per_axis(self.dilation, _AXES),
        }
        size = {} if like else {"output_size": self.sizes()}
        return TorchCall("Folding", {**size, **fields})
