"""Layers that only rearrange values."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Any, ClassVar

from pydantic import Field

from ..cost import FREE, Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, contiguous
from ..num import Shape, product
from ..window import IDENTITY, Map
from ..wording import shape_text
from .base import (
    NO_AXES,
    NOTHING,
    WHOLE,
    Backward,
    ChannelReads,
    Kept,
    Meaning,
    Need,
    Op,
    Storage,
    Taken,
    Windows,
    divides,
    grouped,
    units_of,
    values,
)
from .field_types import LARGEST, Positive
from .regroup import regrouped_reaches
from .torch_call import TorchCall

Sizes = Annotated[
    tuple[Annotated[int, Field(ge=-1, le=LARGEST)], ...],
    Field(
        min_length=1, max_length=4, description="the new shape, [channels, …]; one entry may be -1"
    ),
]
Order = Annotated[
    tuple[Annotated[int, Field(ge=0, le=3)], ...],
    Field(min_length=1, max_length=4, description="the axes in their new order, channels being 0"),
]


class Rearrangement(Op):
    """Values in, the same values out."""

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return FREE

    def keeps(self, *xs: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        return NOTHING


class Flatten(Rearrangement):
    """All axes into one, as torch.nn.Flatten: (C, *n) -> (C·∏n,).

    Example: `flatten` on 512×7×7
    """

    key = "flatten"
    scatters = True
    field_notes = dict.fromkeys(("start_dim", "end_dim", "axis"), "all axes become one")

    def shape(self, x: Shape) -> Shape:
        return (values(x),)

    def window(self, x: Shape) -> Windows:
        return ((WHOLE,) * (len(x) - 1),)

    def channels(self, x: Shape) -> ChannelReads:
        return "scattered"

    def units(self, *xs: Shape) -> frozenset[int]:
        return NO_AXES

    def storage(self, x: Shape) -> Storage:
        return "view"

    def viewed(self, x: Layout, *, y: Shape) -> Layout | None:
        return x if x.sizes == y else x.reshaped(y)

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return contiguous(y)

    def arithmetic(self, x: Shape) -> str:
        return f"{'·'.join(map(str, x))} = {values(x)}"

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("Flatten", {})


class Reshape(Rearrangement):
    """The same values in another shape, as torch.nn.Unflatten and view; one entry may be -1.

    Fields:
        sizes: sizes of the output

    Example: `reshape: [16, 5, 5]` on 400
    """

    key = "reshape"
    scatters = True
    meanings = dict.fromkeys(
        ("view", "unflatten"),
        Meaning(note="`reshape` takes the whole shape, without the batch"),
    )
    field_aliases = {"shape": "sizes", "target_shape": "sizes"}
    field_notes = {"unflattened_size": "`sizes` is the whole shape, without the batch"}
    main = "sizes"
    sizes: Sizes

    def needs(self, x: Shape) -> Iterator[Need]:
        given = product(n for n in self.sizes if n != -1)
        odd = self.sizes.count(-1) > 1 or 0 in self.sizes
        yield Need(
            -1 if odd else 0,
            lambda: Diagnostic("CNN208", "a shape has positive sizes, and -1 at most once"),
        )
        if odd:
            return

        def fault() -> Diagnostic:
            return Diagnostic(
                "CNN208",
                f"{values(x)} values do not fill {shape_text(self.sizes)}",
                equation=f"{shape_text(x)} = {values(x)}",
                help="one entry may be -1, for what is left",
                settings=self._with_rest(x),
            )

        yield (
            divides(values(x), given, fault)
            if -1 in self.sizes
            else Need(values(x) - given, fault, True)
        )

    def _with_rest(self, x: Shape) -> tuple[tuple[str, list[int]], ...]:
        """The shapes with one entry left open, if the others divide the values; first axes last."""
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


_ORDER = "`order` lists all axes, from the channels, 0, on, without the batch"


def _is_no_order(body: Any) -> bool:
    """Whether a list is not an order of all axes, or one that changes nothing: a pair to swap."""
    is_list = isinstance(body, list) and all(isinstance(axis, int) for axis in body)
    in_order = list(range(len(body))) if is_list else []
    return not is_list or sorted(body) != in_order or body == in_order


class Permute(Rearrangement):
    """Axes in another order, channels being 0: [1, 0] swaps the channels and the positions of
    [C, L].

    Fields:
        order: which axis of the input comes first, second, …

    Source: torch.permute
    Example: `permute: [1, 0]` on 64×49
    """

    key = "permute"
    scatters = True
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
                f"{list(self.order)} is no order of {len(x)} axes",
                help=f"name each of 0 … {len(x) - 1} once",
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


class ChannelShuffle(Rearrangement):
    """Channels dealt round between groups, as torch.nn.ChannelShuffle (ShuffleNet).

    Fields:
        groups: groups that the channels are dealt to

    Source: Zhang et al. 2017, ShuffleNet
    Example: `channel_shuffle: 3` on 240×28×28
    """

    key = "channel_shuffle"
    aliases = ("shufflechannel",)
    field_aliases = {"group": "groups"}
    main = "groups"
    ranks: ClassVar[tuple[int, ...]] = (2, 3, 4)
    groups: Positive

    def needs(self, x: Shape) -> Iterator[Need]:
        yield grouped(self.groups, x[0])

    def channels(self, x: Shape) -> ChannelReads:
        apart = x[0] // self.groups
        return [Taken(0, [*chain.from_iterable(range(c, x[0], apart) for c in range(apart))])]

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("ChannelShuffle", {"groups": self.groups})

    @property
    def channel_multiple(self) -> int:
        return self.groups


_ORDER_OF_CHANNELS = "torch's order of the channels (ONNX's CRD): TensorFlow's values lie elsewhere"


class PixelShuffle(Rearrangement):
    """Channels to space, as torch.nn.PixelShuffle: (C·r², H, W) -> (C, H·r, W·r).

    Fields:
        factor: r, the factor of each size

    Source: Shi et al. 2016, Real-time single image and video super-resolution
    Example: `pixel_shuffle: 2` on 64×28×28
    """

    key = "pixel_shuffle"
    aliases = ("subpixel",)
    meanings = {"depthtospace": Meaning(note=_ORDER_OF_CHANNELS)}
    field_aliases = {"upscale_factor": "factor", "block_size": "factor", "blocksize": "factor"}
    main = "factor"
    ranks = (3,)
    factor: Positive

    def needs(self, x: Shape) -> Iterator[Need]:
        r = self.factor
        yield divides(
            x[0],
            r * r,
            lambda: Diagnostic(
                "CNN205",
                f"{r}² = {r * r} does not divide {x[0]} channels",
                help=f"use {-(-x[0] // (r * r)) * r * r} channels",
            ),
        )

    def shape(self, x: Shape) -> Shape:
        r = self.factor
        return (x[0] // (r * r), *(n * r for n in x[1:]))

    def window(self, x: Shape) -> Windows:
        return (tuple((axis, Map(1, (range(1),) * self.factor)) for axis in range(len(x) - 1)),)

    def units(self, *xs: Shape) -> frozenset[int]:
        return NO_AXES

    def channels(self, x: Shape) -> ChannelReads:
        n = self.factor**2
        return [Taken(0, range(c, c + n), 1, by_position=True) for c in range(0, x[0], n)]

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("PixelShuffle", {"upscale_factor": self.factor})

    @property
    def channel_multiple(self) -> int:
        return self.factor**2


class PixelUnshuffle(Rearrangement):
    """Space to channels, as torch.nn.PixelUnshuffle: (C, H·r, W·r) -> (C·r², H, W).

    Fields:
        factor: r, the divisor of each size

    Example: `pixel_unshuffle: 2` on 3×224×224
    """

    key = "pixel_unshuffle"
    scatters = True
    meanings = {"spacetodepth": Meaning(note=_ORDER_OF_CHANNELS)}
    field_aliases = {"downscale_factor": "factor", "block_size": "factor", "blocksize": "factor"}
    main = "factor"
    ranks = (3,)
    factor: Positive

    def needs(self, x: Shape) -> Iterator[Need]:
        for n in x[1:]:
            yield divides(
                n,
                self.factor,
                lambda n=n: Diagnostic(
                    "CNN208",
                    f"{self.factor} does not divide size {n}",
                    help=f"use an input that comes to a multiple of {self.factor} here",
                ),
            )

    def shape(self, x: Shape) -> Shape:
        r = self.factor
        return (x[0] * r * r, *(n // r for n in x[1:]))

    def window(self, x: Shape) -> Windows:
        return (tuple((axis, Map.window(self.factor, self.factor)) for axis in range(len(x) - 1)),)

    def units(self, *xs: Shape) -> frozenset[int]:
        return NO_AXES

    def channels(self, x: Shape) -> ChannelReads:
        return "scattered"

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("PixelUnshuffle", {"downscale_factor": self.factor})


Bound = Annotated[
    int | None,
    Field(ge=-LARGEST, le=LARGEST, description="a position, counted from the end where negative"),
]


class Slice(Rearrangement):
    """Positions start, start + step, … before stop along one axis (0: channels), as Python's
    slices, but never past the end.

    Fields:
        axis: the axis that is cut; channels are 0
        start: first position
        stop: position after the last one; the end where it is not given
        step: distance of the positions

    Source: Python's slices, which torch's tensors take too
    Example: `slice: 32` on 64×28×28
    """

    key = "slice"
    meanings = {"stridedslice": Meaning(note="one axis at a time, channels being 0")}
    field_notes = {"dim": "`axis` counts without the batch: the channels are 0"}
    reorders = True
    main = "stop"
    axis: Annotated[int, Field(ge=0, le=3, description="an axis, channels being 0")] = 0
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
        yield Need(
            len(x) - 1 - self.axis,
            lambda: Diagnostic("CNN201", f"axis {self.axis} of a shape with {len(x)} axes"),
        )
        if self.axis >= len(x):
            return
        n = x[self.axis]
        start, stop = self._bounds(n)

        def fault() -> Diagnostic:
            return Diagnostic(
                "CNN207",
                f"the slice from {start} to {stop} is empty or leaves an axis of {n}",
                help=f"stay within 0 … {n}",
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

    def viewed(self, x: Layout, *, y: Shape) -> Layout:
        axis = self.axis + 1
        start, _ = self._bounds(x.sizes[axis])
        return x.sliced(axis, start, y[axis], self.step)

    def torch(self, x: Shape) -> TorchCall:
        start, stop = self._bounds(x[self.axis])
        arguments = {"axis": self.axis, "start": start, "stop": stop, "step": self.step}
        return TorchCall("Slicing", arguments)
