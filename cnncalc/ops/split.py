"""Rearrangement of values: one part of an axis that is split."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from ..diagnostic import Diagnostic
from ..layout import Layout
from ..num import Num, Shape
from ..wording import plural
from .axes import NO_BATCH, Axis, has_axis, replaced
from .field_types import LARGEST, Natural
from .kept import Backward, Gradient, Storage
from .meanings import Meaning
from .needs import Need, divides
from .reads import ChannelReads, Windows
from .reshape import Rearrangement, Slice
from .shapes import units_of
from .torch_call import TorchCall

_ONE_PART = (
    "`split` returns one part: write one for each, all `from` the same layer, as in "
    "`split: {into: 2, part: 0}`"
)
_Size = Annotated[int, Field(gt=0, le=LARGEST)]


class Split(Rearrangement):
    """Splits an axis into equal parts, or parts of given sizes, and keeps one of them.

    Write one for each part that is needed, all `from` the same layer.

    Shapes: (C, *n) -> the same shape with a shorter axis
    Rule: n' = n/into, where `into` must divide n; with a list of sizes, their sum must be n
    Fields:
        into: the number of equal parts, or the list of their sizes
        part: the number of the part that is kept, from 0
        axis: the axis that is split, where axis 0 holds the channels

    Source: torch.split
    Example: `split: {into: 2, part: 0}` on 64×28×28
    """

    key = "split"
    meanings = dict.fromkeys(("chunk", "splitv"), Meaning(note=_ONE_PART))
    field_aliases = {"chunks": "into", "sections": "into", "split_size_or_sections": "into"}
    field_notes = {"dim": NO_BATCH, "num_or_size_splits": "write `into` and `part`"}
    reorders = True
    settled = ("part", "axis")
    into: Annotated[
        _Size | tuple[_Size, ...], Field(description="a positive integer, or a list of sizes")
    ]
    part: Natural
    axis: Axis = 0

    def needs(self, x: Shape) -> Iterator[Need]:
        yield has_axis(self.axis, x)
        if self.axis >= len(x):
            return
        n, sizes = x[self.axis], self.into
        parts = len(sizes) if isinstance(sizes, tuple) else sizes
        yield Need(
            parts - 1 - self.part,
            lambda: Diagnostic(
                "CNN103",
                f"there is no part {self.part} of {plural(parts, 'part')}",
                help="parts are numbered from 0",
            ),
        )
        if not isinstance(sizes, tuple):
            yield divides(
                n,
                sizes,
                lambda: Diagnostic(
                    "CNN205",
                    f"an axis of size {n} cannot be split into {sizes} equal parts",
                    help="give the list of their sizes, as `into`",
                ),
            )
            return
        yield Need(
            n - sum(sizes),
            lambda: Diagnostic(
                "CNN205",
                f"parts of {' + '.join(map(str, sizes))} = {sum(sizes)} do not add up to {n}",
            ),
            True,
        )

    def _size(self, n: Num) -> Num:
        return self.into[self.part] if isinstance(self.into, tuple) else n // self.into

    def _start(self, n: Num) -> Num:
        if isinstance(self.into, tuple):
            return sum(self.into[: self.part])
        return self.part * (n // self.into)

    def shape(self, x: Shape) -> Shape:
        return replaced(x, self.axis, self._size(x[self.axis]))

    def units(self, x: Shape) -> frozenset[int]:
        return units_of(x)

    def _slice(self, x: Shape) -> Slice:
        """Return the slice that keeps the same positions."""
        start = self._start(x[self.axis])
        found = Slice(axis=self.axis)
        vars(found).update(start=start, stop=start + self._size(x[self.axis]))  # may be open
        return found

    def window(self, x: Shape) -> Windows:
        return self._slice(x).window(x)

    def channels(self, x: Shape) -> ChannelReads:
        return self._slice(x).channels(x)

    def storage(self, x: Shape) -> Storage:
        return "view"

    def gradients(self, *xs: Shape, y: Shape, back: Backward) -> tuple[Gradient, ...]:
        return self._slice(xs[0]).gradients(*xs, y=y, back=back)

    def viewed(self, x: Layout, *, y: Shape) -> Layout:
        return self._slice(x.sizes[1:]).viewed(x, y=y)

    def torch(self, x: Shape) -> TorchCall:
        sizes = self.into
        if not isinstance(sizes, tuple):
            sizes = (x[self.axis] // sizes,) * sizes
        arguments = {"axis": self.axis + 1, "sizes": sizes, "part": self.part}
        return TorchCall("Splitting", arguments)

    def arithmetic(self, x: Shape) -> str:
        n = x[self.axis]
        start = self._start(n)
        return f"positions {start} to {start + self._size(n) - 1} of {n} on axis {self.axis}"
