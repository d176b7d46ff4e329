"""Sampling of a map at computed places, and grids of such places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, contiguous
from ..num import Shape
from ..window import Unknown
from ..wording import shape_text
from .autocast import TO_FLOAT32, TO_HALF, TO_WIDEST, Autocast, Cast
from .base import Op
from .field_types import Flag, LayerName, Positive
from .join import same_rank
from .kept import NEW, NOTHING, Backward, Extra, Gradient, Kept, Moment, at_once
from .needs import Need, one_of
from .reads import WHOLE, ChannelReads, Taken, Windows
from .shapes import NO_AXES, values
from .torch_call import TorchCall

if TYPE_CHECKING:
    from .called import Called

Interpolation = Annotated[
    Literal["bilinear", "nearest", "bicubic"],
    Field(description="bilinear, nearest or bicubic"),
]
Outside = Annotated[
    Literal["zeros", "border", "reflection"],
    Field(description="zeros, border or reflection"),
]
GridSize = Annotated[
    tuple[Positive, ...] | None,
    Field(description="a list of two or three positive integers"),
]
_MODES = ("bilinear", "nearest", "bicubic")  # in the order of torch's numbers for them
_OUTSIDE = ("zeros", "border", "reflection")
_COMPUTED = Unknown("which positions it reads depends on the values of its grid")


class GridSample(Op):
    """Reads a map at the places that a grid holds (a warp), as torch.nn.functional.grid_sample.

    Its branches are the map and then the grid, whose last axis holds the coordinates of a place: x
    and y, or x, y and z. −1 and 1 are the borders of the map. So a grid is no map with channels:
    its first axis is the height or depth of the output.

    Shapes: (C, H, W), (H', W', 2) -> (C, H', W'); (C, D, H, W), (D', H', W', 3) -> (C, D', H', W')
    Rule: y = Σ w·x over 4 values around a place with `bilinear` (8 in three dimensions), 16 with
        `bicubic` and 1 with `nearest`
    Cost: per coordinate, 2 multiplications and 2 additions to find the place; per output value, 1
        multiplication per value that is read, and 1 addition less; weights w are not counted
    Fields:
        mode: how values between positions are computed
        padding_mode: what is read outside the map
        align_corners: whether −1 and 1 are the centres of the outermost positions, not their edges

    Source: torch.nn.functional.grid_sample; Jaderberg et al. 2015, Spatial transformer networks,
        arXiv:1506.02025
    Example: `grid_sample: {map: [], grid: [permute: [1, 2, 0]]}` on 2×28×28
    """

    key = "grid_sample"
    aliases = ("gridsample", "gridsampler")
    value_aliases = {
        "mode": {"linear": "bilinear", "cubic": "bicubic", "trilinear": "bilinear"},
    }
    aten = ("grid_sampler_2d", "grid_sampler_3d")
    traced = ("grid_sampler",)
    inputs = (2, 2)
    ranks = (3, 4)
    mode: Interpolation = "bilinear"
    padding_mode: Outside = "zeros"
    align_corners: Flag = False

    @classmethod
    def of_call(cls, call: Called) -> Mapping[str, Any] | None:
        return {
            "mode": _MODES[call.settings["interpolation_mode"]],
            "padding_mode": _OUTSIDE[call.settings["padding_mode"]],
            "align_corners": bool(call.settings["align_corners"]),
        }

    def needs(self, x: Shape, grid: Shape) -> Iterator[Need]:
        yield same_rank((x, grid))
        axes = len(x) - 1
        text = f"`grid_sample` reads a map, [C, H, W] or [C, D, H, W], not {shape_text(x)}"
        yield Need(axes - 2, lambda: Diagnostic("CNN201", text))
        yield Need(grid[-1] - axes, lambda: _no_places(grid, axes), True)
        volume = self.mode == "bicubic" and axes > 2
        text = "`bicubic` is for maps of two axes"
        help = "use `bilinear`, which reads 8 values in three dimensions"
        yield Need(-1 if volume else 0, lambda: Diagnostic("CNN201", text, help=help))

    def shape(self, x: Shape, grid: Shape) -> Shape:
        return (x[0], *grid[:-1])

    def units(self, x: Shape, grid: Shape) -> frozenset[int]:
        return NO_AXES

    def cost(self, x: Shape, grid: Shape, *, y: Shape) -> Cost:
        axes, n = len(x) - 1, values(y)
        taps = {"nearest": 1, "bicubic": 4**axes}.get(self.mode, 2**axes)
        weighted = taps * n if taps > 1 else 0
        return Cost(mul=2 * values(grid) + weighted, add=2 * values(grid) + (taps - 1) * n)

    def window(self, x: Shape, grid: Shape) -> Windows:
        axes = len(x) - 1
        return (_COMPUTED,) * axes, (_COMPUTED,) * axes

    def channels(self, x: Shape, grid: Shape) -> ChannelReads:
        """A channel reads its own of the map, and all of the grid."""
        return [Taken(0, range(x[0])), Taken(1, range(grid[0]), shared_by=x[0])]

    def keeps(self, x: Shape, grid: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0, 1))

    def autocast(self, *xs: Shape, by: Autocast) -> Cast:
        return TO_FLOAT32 if by.on_cpu else TO_WIDEST

    def busiest_backward(
        self, x: Shape, grid: Shape, *, y: Shape, back: Backward
    ) -> tuple[Moment, ...]:
        """The gradient of the grid is made even if nothing needs it."""
        return at_once(Extra(values(grid) + (values(x) if back.needs(0) else 0)))

    def gradients(self, x: Shape, grid: Shape, *, y: Shape, back: Backward) -> tuple[Gradient, ...]:
        return NEW, NEW

    def laid_out(self, *xs: Layout, y: Shape) -> Layout:
        return contiguous(y)

    def arithmetic(self, x: Shape, grid: Shape) -> str:
        return f"{'×'.join(map(str, grid[:-1]))} places in {'×'.join(map(str, x[1:]))} positions"

    def torch(self, x: Shape, grid: Shape) -> TorchCall:
        arguments = {
            "mode": self.mode,
            "padding_mode": self.padding_mode,
            "align_corners": self.align_corners,
        }
        return TorchCall("GridSample", arguments)


class AffineGrid(Op):
    """Makes the grid of an affine map, as torch.nn.functional.affine_grid, for `grid_sample`.

    Its input holds the matrix of the map: a row for each coordinate, with a shift in its last
    column. `reshape: [2, 3]` makes it of six values. Give one of `size` and `like`.

    Shapes: (2, 3) -> (H', W', 2); (3, 4) -> (D', H', W', 3)
    Rule: each coordinate of a place is the product of a row with (x, y, 1), or (x, y, z, 1), where
        x, y and z go from −1 to 1
    Cost: per value of the grid, as many multiplications and additions as there are coordinates
    Fields:
        size: size of the grid along each axis, [H, W] or [D, H, W]
        like: layer whose spatial size the grid gets
        align_corners: whether −1 and 1 are the centres of the outermost positions, not their edges

    Source: torch.nn.functional.affine_grid; Jaderberg et al. 2015, Spatial transformer networks,
        arXiv:1506.02025
    Example: `affine_grid: [28, 28]` on 2×3
    """

    key = "affine_grid"
    aliases = ("affinegrid",)
    aten = ("affine_grid_generator",)
    main = "size"
    inputs = (1, 2)
    ranks = (2,)
    layers_named = ("like",)
    scatters = True
    cast = TO_HALF._replace(parameters=False)  # its product of matrices
    size: GridSize = None
    like: LayerName | None = None
    align_corners: Flag = False

    @classmethod
    def of_call(cls, call: Called) -> Mapping[str, Any] | None:
        return {"size": call.y[:-1], "align_corners": bool(call.settings["align_corners"])}

    def needs(self, x: Shape, *like: Shape) -> Iterator[Need]:
        yield one_of(self, ("size", "like"))
        n = len(self.sizes(*like))
        yield Need((n - 2) * (3 - n), lambda: _no_grid(n))
        yield Need(x[0] - n, lambda: _no_matrix(x, n), True)
        yield Need(x[1] - n - 1, lambda: _no_matrix(x, n), True)

    def sizes(self, *like: Shape) -> Shape:
        """Return the spatial size of the output."""
        return tuple(like[0][1:]) if like else self.size or ()

    def shape(self, x: Shape, *like: Shape) -> Shape:
        sizes = self.sizes(*like)
        return (*sizes, len(sizes))

    def units(self, *xs: Shape) -> frozenset[int]:
        return NO_AXES

    def cost(self, x: Shape, *like: Shape, y: Shape) -> Cost:
        return Cost(mul=values(y) * y[-1], add=values(y) * y[-1])

    def window(self, x: Shape, *like: Shape) -> Windows:
        return ((WHOLE,), None) if like else ((WHOLE,),)

    def channels(self, *xs: Shape) -> ChannelReads:
        return "all"

    def keeps(self, x: Shape, *like: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        return NOTHING

    def is_followed(self, *xs: Shape, given: tuple[int, ...], mixed: bool, training: bool) -> bool:
        """NOTE: autocast computes the grid of the identity in float32 too."""
        return not mixed

    def laid_out(self, *xs: Layout, y: Shape) -> Layout:
        return contiguous(y)

    def arithmetic(self, x: Shape, *like: Shape) -> str:
        return f"{'×'.join(map(str, self.sizes(*like)))} places"

    def torch(self, x: Shape, *like: Shape) -> TorchCall:
        size = {} if like else {"size": self.sizes()}
        return TorchCall("AffineGrid", {**size, "align_corners": self.align_corners})

    def linearized(self, x: Shape, *like: Shape) -> TorchCall:
        """Return a grid of the sums of the rows: a coordinate of 0 hides what it multiplies."""
        call = self.torch(x, *like)
        return call._replace(arguments={**call.arguments, "sums": True})


def _no_places(grid: Shape, axes: int) -> Diagnostic:
    return Diagnostic(
        "CNN206",
        f"`grid_sample` reads a map of {axes} axes, but its grid {shape_text(grid)} has "
        f"{grid[-1]} coordinates in its last axis",
        help=f"the second branch needs {axes} values per place, in its last axis; `permute` moves "
        "channels there",
    )


def _no_grid(n: int) -> Diagnostic:
    text = f"`affine_grid` makes grids of two or three axes, not of {n}"
    return Diagnostic("CNN201", text, help="give the size as [H, W] or [D, H, W]")


def _no_matrix(x: Shape, n: int) -> Diagnostic:
    return Diagnostic(
        "CNN201",
        f"a grid of {n} axes needs a matrix of {n}×{n + 1}, not {shape_text(x)}",
        help=f"`reshape: [{n}, {n + 1}]` makes one of {n * (n + 1)} values",
    )
