"""Pooling undone: values go back to where a maximum was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..cost import FREE, Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, contiguous, in_format_of
from ..num import Shape
from ..window import Map
from .base import Op
from .field_types import LayerName
from .kept import NOTHING, Backward, Extra, Kept
from .needs import Need
from .pool import MaxPool
from .reads import Windows, along
from .shapes import NO_AXES, values
from .torch_call import TorchCall


class MaxUnpool(Op):
    """Puts each value back where a `maxpool` found its maximum, and zeros elsewhere.

    The pool then returns where it found each maximum, 8 bytes for each value, which stay in memory
    until the last `maxunpool` that names it. The output has the size of the pool's input, also
    where that is not a multiple of the kernel. A receptive field follows the values, not the
    choice of the places.

    Shapes: (C, *n') -> (C, *n)
    Rule: n is the size of the pool's input, and n' that of its output
    Cost: none: it only copies values
    Fields:
        indices: the `maxpool` that is undone; its output has the shape of the input

    Source: torch.nn.functional.max_unpool2d; Badrinarayanan, Kendall and Cipolla 2015, SegNet,
        arXiv:1511.00561
    Example: `chain: [maxpool: 2, maxunpool: maxpool1]` on 64×56×56
    """

    key = "maxunpool"
    channelwise = True
    aliases = ("unpool", "maxunpooling", "unpooling")
    field_aliases = {"like": "indices"}
    field_notes = dict.fromkeys(
        ("kernel", "kernel_size", "stride", "padding", "size", "output_size"),
        "remove it: it is that of the pool",
    )
    aten = ("max_unpool2d", "max_unpool3d")
    main = "indices"
    ranks = (2, 3, 4)
    inputs = (3, 3)  # the second is the pool, the third the pool's input
    layers_named = ("indices",)
    reads_places = True
    indices: LayerName

    def attached(self, named: Op | None, x: Shape) -> Op:
        """Return the operator with the pool that it names, whose input has the shape x.

        Errors: a Mistake if that is no `maxpool`, or if torch has no places for it.
        """
        from ..diagnostic import Mistake

        if not isinstance(named, MaxPool):
            kind = "an input of the network" if named is None else f"`{named.key}`"
            message = f"`indices` names `{self.indices}`, which is {kind}, not `maxpool`"
            raise Mistake(Diagnostic("CNN103", message, help="name the `maxpool` to undo"))
        if named.symmetric(len(x) - 1) is None:
            message = f"`{self.indices}` pads unevenly: torch has no places of its maxima"
            help = "give that pool the same padding on both sides, as a number"
            raise Mistake(Diagnostic("CNN207", message, help=help))
        found = self.changed()
        vars(found)["_window"] = named
        return found

    def _geometry(self, n: int) -> tuple[tuple[int, ...], ...]:
        """Return kernel, stride, padding and dilation of the pool on n axes."""
        pool: MaxPool = vars(self)["_window"]
        k, s, d = pool.geometry(n)
        return k, s, pool.symmetric(n) or (0,) * n, d

    def needs(self, x: Shape, pooled: Shape, before: Shape) -> Iterator[Need]:
        def fault() -> Diagnostic:
            wanted, found = ("×".join(map(str, shape)) for shape in (pooled, x))
            return Diagnostic(
                "CNN206",
                f"`{self.indices}` has places for {wanted} values, but the input is {found}",
                help="name the pool whose output has the shape of this input",
            )

        yield Need(len(x) - len(pooled), fault, True)
        yield from (Need(n - m, fault, True) for n, m in zip(x, pooled))
        for n, m, k, s, p, d in zip(x[1:], before[1:], *self._geometry(len(x) - 1)):
            if d > 1:  # torch's own rule, which does not know dilation
                default = (n - 1) * s + k - 2 * p
                yield Need(m - default + s - 1, self._dilated)
                yield Need(default + s - 1 - m, self._dilated)

    def _dilated(self) -> Diagnostic:
        return Diagnostic(
            "CNN207",
            f"torch does not undo `{self.indices}`, whose windows are dilated",
            help="set `dilation: 1` in that pool",
        )

    def shape(self, x: Shape, pooled: Shape, before: Shape) -> Shape:
        return (x[0], *before[1:])

    def units(self, *xs: Shape) -> frozenset[int]:
        return NO_AXES

    def cost(self, *xs: Shape, y: Shape) -> Cost:
        return FREE

    def window(self, x: Shape, pooled: Shape, before: Shape) -> Windows:
        axes = enumerate(zip(*self._geometry(len(x) - 1)))
        own = tuple(along(axis, Map.transposed(k, s, p, d)) for axis, (k, s, p, d) in axes)
        return own, None, None

    def keeps(self, *xs: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        """The places, which the pool holds too if a gradient passes through it."""
        return NOTHING if back.needs(1) else Kept(extras=(Extra(values(xs[0]), "indices"),))

    def laid_out(self, x: Layout, *others: Layout, y: Shape) -> Layout:
        return contiguous(y) if len(y) != 4 else in_format_of(x, y)

    def arithmetic(self, x: Shape, *others: Shape) -> str:
        return f"that of the input of `{self.indices}`"

    def torch(self, x: Shape, *others: Shape) -> TorchCall:
        k, s, p, _ = self._geometry(len(x) - 1)
        return TorchCall("MaxUnpooling", {"kernel_size": k, "stride": s, "padding": p})

    def linearized(self, x: Shape, pooled: Shape, before: Shape) -> TorchCall:
        """Return a layer that puts each value everywhere in its window."""
        k, s, p, d = self._geometry(len(x) - 1)
        how: dict[str, Any] = {"kernel_size": k, "stride": s, "padding": p, "dilation": d}
        return TorchCall("WindowSpread", how)
