"""Rearrangement of values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from ..cost import FREE, Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, contiguous
from ..num import Shape, product
from ..window import IDENTITY, Map
from ..wording import plural, shape_text
from .axes import Axis, has_axis
from .base import Op
from .field_types import LARGEST, Positive
from .kept import NOTHING, Backward, Gradient, Kept, Storage
from .meanings import Meaning
from .needs import Need, divides
from .reads import WHOLE, ChannelReads, Taken, Windows
from .regroup import regrouped_reaches
from .shapes import is_one, units_of, values
from .torch_call import TorchCall

if TYPE_CHECKING:
    pass

MOST_AXES = 6  # of windows of maps, with channels: more than layers with parameters have
Sizes = Annotated[
    tuple[Annotated[int, Field(ge=-1, le=LARGEST)], ...],
    Field(
        min_length=1,
        max_length=MOST_AXES,
        description="a list of 1 to 6 sizes, channels first; one of them may be -1",
    ),
]
Order = Annotated[
    tuple[Annotated[int, Field(ge=0, lt=MOST_AXES)], ...],
    Field(
        min_length=1,
        max_length=MOST_AXES,
        description="a list of all axes, such as [1, 0]; axis 0 holds the channels",
    ),
]


class Rearrangement(Op):
    """An operator whose output has the values of its input, in other places.

    Cost: none: it only moves values
    """

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return FREE

    def keeps(self, *xs: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        return NOTHING


_AXES_OF_FLATTEN = "write `first` and `last`, without the batch: the channels are axis 0"


class Flatten(Rearrangement):
    """Puts all values of an image into one vector, or several axes into one, as torch.nn.Flatten.

    With `first` and `last`, the axes from one to the other become one. So `flatten: 1` puts all
    positions of a map on one axis, and keeps the channels.

    Shapes: (C, *n) -> (F,); with `first: 1` (C, *n) -> (C, ∏n)
    Rule: F = C·∏n; the values keep their order: channel by channel, row by row
    Fields:
        first: the first axis that is merged, where axis 0 holds the channels
        last: the last axis that is merged; by default the last one of the input

    Example: `flatten` on 512×7×7
    """

    key = "flatten"
    scatters = True
    settled = ("first", "last")
    field_notes = dict.fromkeys(("start_dim", "end_dim", "axis"), _AXES_OF_FLATTEN)
    main = "first"
    first: Axis = 0
    last: Axis | None = None

    def _end(self, x: Shape) -> int:
        """Return the axis after those that are merged."""
        return len(x) if self.last is None else self.last + 1

    def needs(self, x: Shape) -> Iterator[Need]:
        yield has_axis(self.first, x)
        if self.last is not None:
            yield has_axis(self.last, x)
            yield Need(
                self.last - self.first,
                lambda: Diagnostic(
                    "CNN103", f"`first: {self.first}` comes after `last: {self.last}`"
                ),
            )

    def shape(self, x: Shape) -> Shape:
        end = self._end(x)
        return (*x[: self.first], product(x[self.first : end]), *x[end:])

    def window(self, x: Shape) -> Windows:
        return (regrouped_reaches(tuple(x), self.shape(x)),)

    def channels(self, x: Shape) -> ChannelReads:
        return "each" if self.first or self._end(x) == 1 else "scattered"

    def units(self, x: Shape) -> frozenset[int]:
        """NOTE: an axis that is made of several is no single value, even if it has size 1."""
        end = self._end(x)
        if end == self.first + 1:
            return units_of(x)
        before = {axis for axis in units_of(x) if axis < self.first}
        return frozenset(
            before | {axis - end + self.first + 1 for axis in units_of(x) - before if axis >= end}
        )

    def storage(self, x: Shape) -> Storage:
        return "view"

    def viewed(self, x: Layout, *, y: Shape) -> Layout | None:
        return x if x.sizes == y else x.reshaped(y)

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return contiguous(y)

    def arithmetic(self, x: Shape) -> str:
        merged = x[self.first : self._end(x)]
        return f"{'·'.join(map(str, merged))} = {product(merged)}"

    def torch(self, x: Shape) -> TorchCall:
        dims = {"start_dim": self.first + 1, "end_dim": self._end(x)}
        return TorchCall("Flatten", {} if dims == {"start_dim": 1, "end_dim": len(x)} else dims)


class Reshape(Rearrangement):
    """Gives the same values another shape, as torch.nn.Unflatten does.

    Shapes: any shape -> sizes
    Rule: the product of the sizes stays the same; an entry of -1 is replaced with the size that is
        left. The values keep their order.
    Fields:
        sizes: shape of the output, without the batch

    Example: `reshape: [16, 5, 5]` on 400
    """

    key = "reshape"
    scatters = True
    ranks = tuple(range(1, MOST_AXES + 1))
    meanings = dict.fromkeys(
        ("view", "unflatten"),
        Meaning(note="write the whole shape, without the batch"),
    )
    field_aliases = {"shape": "sizes", "target_shape": "sizes"}
    field_notes = {"unflattened_size": "write the whole shape, without the batch, as `sizes`"}
    main = "sizes"
    sizes: Sizes

    def needs(self, x: Shape) -> Iterator[Need]:
        given = product(n for n in self.sizes if n != -1)
        odd = self.sizes.count(-1) > 1 or 0 in self.sizes
        yield Need(
            -1 if odd else 0,
            lambda: Diagnostic("CNN208", "all sizes must be positive, but one may be -1"),
        )
        if odd:
            return

        def fault() -> Diagnostic:
            return Diagnostic(
                "CNN208",
                f"{plural(values(x), 'value')} cannot take the shape {shape_text(self.sizes)}",
                equation=f"{shape_text(x)} = {values(x)}",
                help=f"the other sizes must divide {values(x)}"
                if -1 in self.sizes
                else "one entry may be -1: it becomes the size that is left",
                settings=self._with_rest(x),
            )

        yield (
            divides(values(x), given, fault)
            if -1 in self.sizes
            else Need(values(x) - given, fault, True)
        )

    def _with_rest(self, x: Shape) -> tuple[tuple[str, list[int]], ...]:
        """Return the shapes with one entry open whose others divide the values; first axes last."""
        others = [
            (n, product(m for k, m in enumerate(self.sizes) if k != n))
            for n in reversed(range(len(self.sizes)))
        ]
        return tuple(
            ("sizes", [*self.sizes[:n], -1, *self.sizes[n + 1 :]])
            for n, given in others
            if given > 0 and values(x) % given == 0
        )

    def shape(self, x: Shape) -> Shape:
        given = product(n for n in self.sizes if n != -1)
        return tuple(values(x) // given if n == -1 else n for n in self.sizes)

    def units(self, x: Shape) -> frozenset[int]:
        return frozenset(axis for axis, n in enumerate(self.sizes) if n == 1)

    def window(self, x: Shape) -> Windows:
        return (regrouped_reaches(tuple(x), self.shape(x)),)

    def channels(self, x: Shape) -> ChannelReads:
        return "each" if self.shape(x)[0] == x[0] else "scattered"

    def storage(self, x: Shape) -> Storage:
        return "view"

    def viewed(self, x: Layout, *, y: Shape) -> Layout | None:
        return x.reshaped(y)

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return contiguous(y)

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("Reshaping", {"sizes": self.sizes})


_ORDER = "write `order`, a list of all axes without the batch; axis 0 holds the channels"


def _is_no_order(body: Any) -> bool:
    """Return whether a list is not a real order of all axes; it may be a pair to swap."""
    is_list = isinstance(body, list) and all(isinstance(axis, int) for axis in body)
    in_order = list(range(len(body))) if is_list else []
    return not is_list or sorted(body) != in_order or body == in_order


class Permute(Rearrangement):
    """Puts the axes into another order.

    `permute: [1, 0]` swaps the channels and the positions of a sequence.

    Shapes: (C, *n) -> the same sizes in another order
    Rule: axis i of the output is axis order[i] of the input; axis 0 holds the channels
    Fields:
        order: the axis of the input that comes first, the one that comes second, …

    Source: torch.permute
    Example: `permute: [1, 0]` on 64×49
    """

    key = "permute"
    scatters = True
    ranks = tuple(range(1, MOST_AXES + 1))
    meanings = {"transpose": Meaning(note=_ORDER, differs=_is_no_order)}
    field_notes = dict.fromkeys(("perm", "dims", "dim0", "dim1", "axes"), _ORDER)
    reorders = True
    main = "order"
    order: Order

    def needs(self, x: Shape) -> Iterator[Need]:
        wrong = sorted(self.order) != list(range(len(x)))
        yield Need(
            -1 if wrong else 0,
            lambda: Diagnostic(
                "CNN201",
                f"{list(self.order)} is not an order of the axes of {shape_text(x)}",
                help=f"list each axis from 0 to {len(x) - 1} once",
            ),
        )

    def shape(self, x: Shape) -> Shape:
        return tuple(x[axis] for axis in self.order)

    def units(self, x: Shape) -> frozenset[int]:
        return frozenset(new for new, axis in enumerate(self.order) if axis in units_of(x))

    def window(self, x: Shape) -> Windows:
        places = (self.order.index(axis) for axis in range(1, len(x)))
        return (tuple((place - 1, IDENTITY) if place else WHOLE for place in places),)

    def channels(self, x: Shape) -> ChannelReads:
        return "scattered" if self.order[0] else "each"

    def storage(self, x: Shape) -> Storage:
        return "view"

    def viewed(self, x: Layout, *, y: Shape) -> Layout:
        return x.permuted((0, *(axis + 1 for axis in self.order)))

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("Permutation", {"order": self.order})


Bound = Annotated[
    int | None,
    Field(ge=-LARGEST, le=LARGEST, description="an integer; negative positions count from the end"),
]


class Slice(Rearrangement):
    """Keeps the positions start, start + step, … before stop of one axis.

    It works as slices do in Python and torch, but positions past the end are an error.

    Shapes: (C, *n) -> the same shape with a shorter axis
    Rule: n' = ⌈(stop − start)/step⌉ on that axis
    Fields:
        axis: the axis that is cut, where axis 0 holds the channels
        start: first position
        stop: position after the last one; by default the end of the axis
        step: distance between positions

    Source: Python's slices, `https://docs.python.org/3/library/functions.html#slice`
    Example: `slice: 32` on 64×28×28
    """

    key = "slice"
    ranks = tuple(range(1, MOST_AXES + 1))
    meanings = {
        "stridedslice": Meaning(
            note="write one `slice` for each axis, where axis 0 holds the channels"
        )
    }
    field_notes = {"dim": "write `axis`, without the batch: the channels are axis 0"}
    reorders = True
    settled = ("axis",)
    main = "stop"
    axis: Axis = 0
    start: Bound = 0
    stop: Bound = None
    step: Positive = 1

    def _bounds(self, n: Any) -> tuple[Any, Any]:
        start = 0 if self.start is None else self.start
        stop = n if self.stop is None else self.stop
        if start < 0:
            start = n + start
        if self.stop is not None and self.stop < 0:
            stop = n + self.stop
        return start, stop

    def needs(self, x: Shape) -> Iterator[Need]:
        yield has_axis(self.axis, x)
        if self.axis >= len(x):
            return
        n = x[self.axis]
        start, stop = self._bounds(n)

        def fault() -> Diagnostic:
            return Diagnostic(
                "CNN207",
                f"the slice from {start} to {stop} is empty or goes beyond an axis of size {n}",
                help=f"use positions from 0 to {n}",
            )

        yield Need(start, fault)
        yield Need(n - stop, fault)
        yield Need(stop - start - 1, fault)

    def shape(self, x: Shape) -> Shape:
        start, stop = self._bounds(x[self.axis])
        return tuple(
            (stop - start + self.step - 1) // self.step if axis == self.axis else n
            for axis, n in enumerate(x)
        )

    def units(self, x: Shape) -> frozenset[int]:
        """An axis that is cut to one position, whatever its size, is a single value."""
        start = 0 if self.start is None else self.start
        if self.stop is None:
            one = is_one(-start)
        else:
            one = (start < 0) == (self.stop < 0) and is_one(self.stop - start)
        return units_of(x) | {self.axis} if one else units_of(x)

    def window(self, x: Shape) -> Windows:
        taken = Map.window(1, self.step, -self._bounds(x[self.axis])[0])
        return (
            tuple(
                (axis, taken if axis + 1 == self.axis else IDENTITY) for axis in range(len(x) - 1)
            ),
        )

    def channels(self, x: Shape) -> ChannelReads:
        if self.axis:
            return "each"
        start, stop = self._bounds(x[0])
        return [Taken(0, range(x[0])[start : stop : self.step])]

    def storage(self, x: Shape) -> Storage:
        return "view"

    def gradients(self, *xs: Shape, y: Shape, back: Backward) -> tuple[Gradient, ...]:
        return ("view" if xs[0] == y and self.step == 1 else "new",)

    def viewed(self, x: Layout, *, y: Shape) -> Layout:
        axis = self.axis + 1
        start, _ = self._bounds(x.sizes[axis])
        return x.sliced(axis, start, y[axis], self.step)

    def torch(self, x: Shape) -> TorchCall:
        start, stop = self._bounds(x[self.axis])
        end = None if self.stop is None else stop
        arguments = {"axis": self.axis, "start": start, "stop": end, "step": self.step}
        return TorchCall("Slicing", arguments)
