"""Rearrangement of channels and positions: shuffles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

from ..diagnostic import Diagnostic
from ..num import Shape
from ..window import Map
from .field_types import Positive
from .meanings import Meaning
from .needs import Need, divides, grouped
from .reads import ChannelReads, Taken, Windows
from .reshape import Rearrangement
from .shapes import NO_AXES
from .torch_call import TorchCall

if TYPE_CHECKING:
    from .onnx_call import OnnxCall

_ORDER_OF_CHANNELS = "channels are in torch's order (ONNX's CRD), TensorFlow's order is another"


class ChannelShuffle(Rearrangement):
    """Mixes the channels of several groups, as torch.nn.ChannelShuffle.

    Put it between grouped convolutions, so that each group reads channels of all groups before it.

    Shapes: (C, *n) -> (C, *n)
    Rule: the output takes the first channel of each group, then the second of each, and so on
    Fields:
        groups: number of groups of channels, which must divide C

    Source: Zhang et al. 2017, ShuffleNet, arXiv:1707.01083
    Example: `channel_shuffle: 3` on 240×28×28
    """

    key = "channel_shuffle"
    traced = ("channel_shuffle",)
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


class PixelShuffle(Rearrangement):
    """Makes a map larger by moving channels into space, as torch.nn.PixelShuffle.

    Shapes: (C, H, W) -> (C/factor², H·factor, W·factor)
    Rule: factor² neighbouring channels become one channel, with a block of factor×factor positions
        for each position of the input; factor² must divide C
    Fields:
        factor: by how much height and width grow

    Source: Shi et al. 2016, Real-time single image and video super-resolution, arXiv:1609.05158
    Example: `pixel_shuffle: 2` on 64×28×28
    """

    key = "pixel_shuffle"
    onnx = ("DepthToSpace",)
    onnx_fields = {"blocksize": "factor"}
    traced = ("pixel_shuffle",)
    aliases = ("subpixel",)
    meanings = {"depthtospace": Meaning(note=_ORDER_OF_CHANNELS)}
    field_aliases = {"upscale_factor": "factor", "block_size": "factor", "blocksize": "factor"}
    main = "factor"
    ranks = (3,)
    factor: Positive

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        """NOTE: ONNX's own default is another order of the channels, `DCR`."""
        in_order = call.attributes.get("mode", "DCR") == "CRD"
        return super().of_onnx(call.without("mode")) if in_order else None

    def needs(self, x: Shape) -> Iterator[Need]:
        r = self.factor
        yield divides(
            x[0],
            r * r,
            lambda: Diagnostic(
                "CNN205",
                f"{x[0]} channels cannot be divided by {r}² = {r * r}",
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
    """Makes a map smaller by moving space into channels, as torch.nn.PixelUnshuffle.

    Shapes: (C, H, W) -> (C·factor², H/factor, W/factor)
    Rule: each block of factor×factor positions becomes one position with factor² channels; factor
        must divide H and W
    Fields:
        factor: by how much height and width shrink

    Example: `pixel_unshuffle: 2` on 3×224×224
    """

    key = "pixel_unshuffle"
    traced = ("pixel_unshuffle",)
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
                    f"size {n} cannot be divided by {self.factor}",
                    help=f"use an input whose size here is a multiple of {self.factor}",
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
