"""Pooling to a fixed number of positions: adaptive pools, and global ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from ..cost import Cost
from ..layout import Layout, contiguous, in_format_of_map
from ..num import Num, Shape, product
from ..window import IDENTITY, Map
from .autocast import AS_IS, TO_FLOAT32, Autocast, Cast
from .base import Op
from .kept import NOTHING, Backward, Extra, Kept, Moment, at_once
from .meanings import Meaning
from .needs import Need, axes_need
from .reads import WHOLE, Reach, Windows, along
from .shapes import per_axis, units_of, values
from .torch_call import TorchCall, torch_nd

if TYPE_CHECKING:
    from .called import Called


FLATTENS = Meaning(note="Keras returns a vector: put `- flatten` after it")


class Global(Op):
    """A pool that returns one value per channel.

    Shapes: (C, *n) -> (C, 1, …)
    """

    channelwise = True
    ranks: ClassVar[tuple[int, ...]] = (2, 3, 4)

    @classmethod
    def of_call(cls, call: Called) -> Mapping[str, Any] | None:
        positions = tuple(range(1, len(call.y)))
        reduced = call.settings.get("axes", positions) == positions
        return {} if positions and reduced and set(call.y[1:]) == {1} else None

    def autocast(self, x: Shape, *, by: Autocast) -> Cast:
        """NOTE: on the CPU, pools over 3 axes run in float32."""
        return TO_FLOAT32 if by.on_cpu and len(x) == 4 else AS_IS

    def target(self, n: int) -> tuple[int | None, ...]:
        """Return the output size on each of n spatial axes; None for that of the input."""
        return (1,) * n

    def shape(self, x: Shape) -> Shape:
        sizes = zip(x[1:], self.target(len(x) - 1))
        return (x[0], *[n if out is None else out for n, out in sizes])

    def pairs(self, x: Shape, y: Shape) -> Num:
        """Count operations between two values: for each output, one less than its window has.

        Windows overlap where the output size does not divide the input size.
        """
        held = product(map(_held, x[1:], self.target(len(x) - 1)))
        return x[0] * held - values(y)

    def units(self, x: Shape) -> frozenset[int]:
        before, sizes = units_of(x), enumerate(self.target(len(x) - 1), 1)
        return frozenset(axis for axis, n in sizes if n == 1 or n is None and axis in before)

    def window(self, x: Shape) -> Windows:
        return (
            tuple(
                _adaptive(axis, n, out)
                for axis, (n, out) in enumerate(zip(x[1:], self.target(len(x) - 1)))
            ),
        )

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return adaptive_mean(x, y)

    def arithmetic(self, x: Shape) -> str:
        sizes = self.target(len(x) - 1)
        if None in sizes:
            kept = ("as before" if n is None else str(n) for n in sizes)
            return f"{' × '.join(kept)} for every input size"
        return f"{'×'.join(map(str, sizes))} for every input size"

    def torch_sizes(self, x: Shape) -> tuple[Num | None, ...]:
        """Return the sizes as torch takes them: over one axis, None is not accepted."""
        return self.target(len(x) - 1) if len(x) > 2 else self.shape(x)[1:]


def _held(n: Num, out: int | None) -> Num:
    """Count the positions in all windows along an axis together."""
    if out is None:
        return n
    return sum((((i + 1) * n + out - 1) // out - i * n // out) for i in range(out))


def _adaptive(axis: int, n: int, out: int | None) -> Reach:
    """Return what windows read that are chosen for a size."""
    if out is None:
        return axis, IDENTITY
    return WHOLE if out == 1 else along(axis, Map.adaptive(n, out))


def adaptive_mean(x: Layout, y: Shape) -> Layout:
    """Return how torch lays out an adaptive mean: over 3 axes, several values are contiguous."""
    return contiguous(y) if len(y) == 5 and product(y[2:]) > 1 else in_format_of_map(x, y)


_size = Annotated[int, Field(gt=0, le=100_000)]  # costs are counted window by window
AdaptiveSize = Annotated[
    _size | tuple[_size | None, ...],
    Field(
        description="a positive integer up to 100,000, or a list with one per spatial axis, "
        "where null keeps the size"
    ),
]


class Sized(Global):
    """A pool whose windows are as wide as needed for an output of `size`.

    Shapes: (C, *n) -> (C, *size)
    Rule: n' = size; window i covers the positions from ⌊i·n/size⌋ up to, but not including,
        ⌈(i + 1)·n/size⌉
    Fields:
        size: spatial size of the output; in a list, null keeps the size of its axis
    """

    main = "size"
    field_aliases = {"output_size": "size"}
    size: AdaptiveSize

    @classmethod
    def of_call(cls, call: Called) -> Mapping[str, Any] | None:
        return {"size": call.settings["output_size"]}

    def needs(self, x: Shape) -> Iterator[Need]:
        yield from axes_need(self.size, len(x) - 1, "size")

    def target(self, n: int) -> tuple[int | None, ...]:
        return per_axis(self.size, n)


class GlobalAvgPool(Global):
    """Computes the mean of each channel, as torch.nn.AdaptiveAvgPool1d/2d/3d(1).

    Rule: n' = 1, whatever the input size, so a network that ends in it takes images of any size
    Cost: ∏n − 1 additions and 1 division per channel
    Source: Lin, Chen and Yan 2013, Network in network, arXiv:1312.4400
    Example: `globalavgpool` on 2048×7×7
    """

    key = "globalavgpool"
    onnx = ("GlobalAveragePool",)
    aliases = ("gap", "globalaveragepool", "globalmeanpool")
    meanings = {"globalaveragepooling": FLATTENS}
    traced = ("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "mean")

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(add=self.pairs(x, y), div=values(y))

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return NOTHING if product(y[1:]) == 1 else Kept(inputs=(0,))

    def torch(self, x: Shape) -> TorchCall:
        return torch_nd("AdaptiveAvgPool", x, {"output_size": self.torch_sizes(x)})


class GlobalMaxPool(Global):
    """Keeps the largest value of each channel, as torch.nn.AdaptiveMaxPool1d/2d/3d(1).

    Rule: n' = 1, whatever the input size
    Cost: ∏n − 1 comparisons per channel
    Example: `globalmaxpool` on 2048×7×7
    """

    key = "globalmaxpool"
    onnx = ("GlobalMaxPool",)
    aliases = ("gmp",)
    meanings = {"globalmaxpooling": FLATTENS}
    traced = ("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "amax")

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(cmp=self.pairs(x, y))

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,), extras=(Extra(values(y), "indices"),))

    def busiest(self, x: Shape, *, y: Shape, back: Backward | None) -> tuple[Moment, ...]:
        """The indices are made even where nobody needs them."""
        return at_once(Extra(values(y)), Extra(values(y), "indices"))

    def torch(self, x: Shape) -> TorchCall:
        return torch_nd("AdaptiveMaxPool", x, {"output_size": self.torch_sizes(x)})

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return contiguous(y) if len(y) == 5 else in_format_of_map(x, y)

    def linearized(self, x: Shape) -> TorchCall:
        """Return a mean: it has a gradient at every position, a maximum at one only."""
        call = self.torch(x)
        return call._replace(name=call.name.replace("Max", "Avg"))


class AdaptiveAvgPool(Sized, GlobalAvgPool):
    """Computes the means of windows that are chosen to give an output of `size`, as
    torch.nn.AdaptiveAvgPool1d/2d/3d.

    Cost: per output value 1 division, and 1 addition less than its window has positions
    Example: `adaptiveavgpool: 7` on 512×14×14
    """

    key = "adaptiveavgpool"
    aliases = ("adaptiveavgpooling", "adaptiveaveragepool", "adaptiveaveragepooling")
    aten = ("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d")


class AdaptiveMaxPool(Sized, GlobalMaxPool):
    """Keeps the largest values of windows that are chosen to give an output of `size`, as
    torch.nn.AdaptiveMaxPool1d/2d/3d.

    Cost: per output value 1 comparison less than its window has positions
    Example: `adaptivemaxpool: 2` on 512×7×7
    """

    key = "adaptivemaxpool"
    aliases = ("adaptivemaxpooling",)
    aten = ("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d")
