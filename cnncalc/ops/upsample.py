"""Interpolation to other sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import floor
from struct import pack, unpack
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from ..cost import FREE, Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, in_format_of
from ..num import Shape, ceil_div, product, scaled
from ..window import MAX_POSITIONS, TOO_MANY, Map, Unknown
from .adaptive import adaptive_mean
from .autocast import AS_IS, TO_FLOAT32, Autocast, Cast
from .base import Op
from .field_types import Flag, LayerName, PerAxis, Scale
from .kept import NOTHING, Backward, Kept
from .meanings import Meaning
from .needs import Need, axes_need, like_fits, one_of
from .reads import Reach, Windows, along
from .shapes import CHANNELS, alike, per_axis, units_of, values
from .torch_call import TorchCall

if TYPE_CHECKING:
    from .called import Called
    from .onnx_call import OnnxCall

Interpolation = Annotated[
    Literal["nearest", "linear", "bilinear", "trilinear", "bicubic", "area"],
    Field(description="nearest, area, linear (1-D), bilinear or bicubic (2-D), trilinear (3-D)"),
]
SPATIAL = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}  # spatial axes of each mode


_BILINEAR = {"mode": "bilinear", "align_corners": True}
_FIRST_IS_SIZE = Meaning(
    note="a bare value is `scale` here; torch's first argument is `size`",
    differs=lambda body: body is not None and not isinstance(body, dict),
)


def _has_size(body: Any) -> bool:
    return isinstance(body, dict) and "size" in body


# The calls of torch, with the word for each.
_INTERPOLATIONS: Mapping[str, Interpolation] = {
    "upsample_nearest1d": "nearest",
    "upsample_nearest2d": "nearest",
    "upsample_nearest3d": "nearest",
    "upsample_linear1d": "linear",
    "upsample_bilinear2d": "bilinear",
    "upsample_bicubic2d": "bicubic",
    "upsample_trilinear3d": "trilinear",
}


_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}  # by the number of spatial axes
_CENTRED = ("half_pixel", "pytorch_half_pixel")


def _of_onnx(call: OnnxCall, axes: int, enlarges: bool) -> dict[str, Any] | None:
    """Return the mode of a node that resizes, if torch has one that reads the same positions.

    `enlarges` says that the sizes grow by whole factors: then the nearest position is the same
    whether centres or starts are compared.
    """
    attributes = call.attributes
    older = call.name == "Upsample"
    mode = attributes.get("mode", "nearest")
    usual = ("asymmetric", "floor") if older else ("half_pixel", "round_prefer_floor")
    place = attributes.get("coordinate_transformation_mode", usual[0])
    if any(attributes.get(name) for name in ("antialias", "exclude_outside", "axes")):
        return None
    if mode == "nearest":
        rounded = attributes.get("nearest_mode", usual[1])
        starts = place == "asymmetric" and rounded == "floor"
        centres = place in _CENTRED and rounded.startswith("round") and enlarges
        return {"mode": mode} if starts or centres else None
    word = {"linear": _LINEAR.get(axes), "cubic": "bicubic" if axes == 2 else None}.get(mode)
    sharp = mode == "cubic" and not call.has(cubic_coeff_a=-0.75)
    if word is None or sharp or place not in (*_CENTRED, "align_corners"):
        return None
    return {"mode": word, "align_corners": place == "align_corners"}


class Upsample(Op):
    """Changes the spatial sizes by interpolation, as torch.nn.Upsample.

    Give one of `scale`, `size` and `like`.

    Shapes: (C, *n) -> (C, *n')
    Rule: n' = ⌊n·scale⌋, computed in float64 as torch does; or `size`; or the size of layer `like`
    Cost: none with `mode: nearest`; with `mode: area` one addition per input value and one division
        per output value; otherwise, where an output value reads t input values (2 per axis, bicubic
        4), t multiplications and t − 1 additions per output value
    Fields:
        scale: factor of each size
        size: spatial size of the output
        like: layer whose spatial size the output gets
        mode: how values are interpolated
        align_corners: whether the centres of the corner values of input and output coincide

    Example: `upsample: {scale: 2, mode: bilinear}` on 64×28×28
    """

    key = "upsample"
    onnx = ("Resize", "Upsample")
    channelwise = True
    signatures = {
        "Upsample": ("size", "scale_factor", "mode", "align_corners"),
        **dict.fromkeys(("UpsamplingNearest", "UpsamplingBilinear"), ("size", "scale_factor")),
    }
    meanings = {
        **dict.fromkeys(("upsample", "interpolate", "upsamplingnearest"), _FIRST_IS_SIZE),
        "upsampling": Meaning(note="Keras's `size` is `scale` here", differs=_has_size),
        "upsamplingbilinear": _FIRST_IS_SIZE._replace(settings=_BILINEAR),
        **dict.fromkeys(("resize", "resizing", "resizenearestneighbor"), Meaning(bare="size")),
        "resizebilinear": Meaning(bare="size", settings={"mode": "bilinear"}),
        "resizebicubic": Meaning(bare="size", settings={"mode": "bicubic"}),
    }
    field_aliases = {"scale_factor": "scale", "output_size": "size", "interpolation": "mode"}
    field_notes = {"scales": "ONNX's scales include the batch and the channels; `scale` does not"}
    value_aliases = {"mode": {"cubic": "bicubic", "nearest_neighbor": "nearest"}}
    rounds = True
    main = "scale"
    ranks: ClassVar[tuple[int, ...]] = (2, 3, 4)
    inputs = (1, 2)
    layers_named = ("like",)
    traced = tuple(_INTERPOLATIONS)
    scale: Scale | None = None
    size: PerAxis | None = None
    like: LayerName | None = None
    mode: Interpolation = "nearest"
    align_corners: Flag = False

    @classmethod
    def of_call(cls, call: Called) -> Mapping[str, Any] | None:
        """Prefer a scale, which fits other inputs too."""
        (x,), y = call.xs, call.y
        mode = _INTERPOLATIONS[call.name]
        scales = [Fraction(n, m) for n, m in zip(y[1:], x[1:])]
        found = {"mode": mode, "align_corners": bool(call.settings.get("align_corners"))}
        if all(scale.denominator == 1 for scale in scales):
            return {**found, "scale": alike([int(scale) for scale in scales])}
        # Positions are computed from factors that are given, not from the rounded sizes.
        factors = call.settings.get("scale_factors")
        if not factors or mode == "area":
            return {**found, "size": alike(y[1:])}
        listed = factors if isinstance(factors, tuple) else (factors,)
        return {**found, "scale": alike([Fraction(str(factor)) for factor in listed])}

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        """Return the fields if ONNX places the positions as torch does.

        Scales and sizes have entries for the batch and the channels too. Older files have the
        scales alone, as an attribute or as the first of these inputs.
        """
        x, axes = call.xs[0], len(call.xs[0]) - 1
        first = 1 if call.name == "Upsample" else 2
        scales = call.attributes.get("scales") or call.numbers.get(first, ())
        sizes = call.numbers.get(3, ())
        if not (len(scales) == axes + 2 and set(scales[:2]) == {1} or len(sizes) == axes + 2):
            return None
        factors = [Fraction(n) for n in scales[2:]]
        if sizes:
            factors = [Fraction(int(n), m) for n, m in zip(sizes[2:], x[1:])]
        whole = all(factor.denominator == 1 for factor in factors)
        found = _of_onnx(call, axes, whole)
        if found is None or sizes and sizes[1] != x[0]:
            return None
        if whole:
            return {**found, "scale": alike([int(factor) for factor in factors])}
        return {**found, "size": alike(sizes[2:] or [*map(scaled, x[1:], factors)])}

    def needs(self, x: Shape, *like: Shape) -> Iterator[Need]:
        yield one_of(self, ("scale", "size", "like"))
        yield from axes_need(self.scale, len(x) - 1, "scale")
        yield from axes_need(self.size, len(x) - 1, "size")
        yield from (like_fits(x, other) for other in like)
        axes = SPATIAL.get(self.mode, len(x) - 1)
        yield Need(
            axes - len(x) + 1,
            lambda: Diagnostic(
                "CNN201",
                f"`mode: {self.mode}` is for {axes}-D inputs, but this input is {len(x) - 1}-D",
                help="use linear for 1-D, bilinear or bicubic for 2-D, trilinear for 3-D inputs",
            ),
            True,
        )
        plain = self.align_corners and self.mode in ("nearest", "area")
        yield Need(
            -1 if plain else 0,
            lambda: Diagnostic(
                "CNN207",
                f"`align_corners` cannot be used with `mode: {self.mode}`",
                help="remove it, or use a linear mode",
            ),
        )
        if (
            self.scale is not None
            and not isinstance(self.scale, tuple)
            or isinstance(self.scale, tuple)
            and len(self.scale) == len(x) - 1
        ):
            for n in self.shape(x)[1:]:
                yield Need(
                    n - 1,
                    lambda: Diagnostic(
                        "CNN204", "the scale makes the output empty", help="use a larger scale"
                    ),
                )

    def shape(self, x: Shape, *like: Shape) -> Shape:
        if like:
            return (x[0], *like[0][1:])
        if self.size is not None:
            return (x[0], *per_axis(self.size, len(x) - 1))
        scales = per_axis(self.scale, len(x) - 1)
        return (x[0], *map(scaled, x[1:], scales))

    def units(self, *xs: Shape) -> frozenset[int]:
        return units_of(xs[0]) & CHANNELS

    def cost(self, *xs: Shape, y: Shape) -> Cost:
        n, axes = values(y), len(y) - 1
        if self.mode == "area":
            return Cost(
                add=values(xs[0]), div=n
            )  # NOTE: an input that is in two windows counts once
        taps = {"nearest": 1, "bicubic": 4**axes}.get(self.mode, 2**axes)
        return FREE if taps == 1 else Cost(mul=taps * n, add=(taps - 1) * n)

    def window(self, x: Shape, *like: Shape) -> Windows:
        y = self.shape(x, *like)
        steps = (
            per_axis(self.scale, len(x) - 1)
            if self.scale is not None and self.mode != "area"
            else (None,) * (len(x) - 1)
        )
        own = tuple(
            self._axis(axis, n, m, step)
            for axis, (n, m, step) in enumerate(zip(x[1:], y[1:], steps))
        )
        return (own, None) if like else (own,)

    def _axis(self, axis: int, n: int, m: int, scale: Fraction | None) -> Reach:
        step = Fraction(n, m) if scale is None else 1 / scale
        if self.align_corners:
            step = Fraction(n - 1, max(m - 1, 1)) or Fraction(1, m)
        if min(step.denominator, m) > MAX_POSITIONS:
            return TOO_MANY
        return along(axis, self._map(n, m, step))

    def _map(self, n: int, m: int, step: Fraction) -> Map | Unknown:
        """Return the source positions, `step` apart; they are listed where no pattern repeats."""
        a, b = step.numerator, step.denominator
        if self.mode == "area":
            return Map.adaptive(n, m)
        if self.mode == "nearest":
            return _nearest(n, m, step)
        if self.align_corners and (n == 1 or m == 1):
            return Map(1, (range(1),) * m)
        # Position j is at (2·a·j + shift) / 2·b.
        shift = 0 if self.align_corners else a - b
        taps = tuple(self._taps(2 * a * j + shift, 2 * b) for j in range(min(b, m)))
        return Map(a if b <= m else 0, taps)

    def _taps(self, n: int, d: int) -> range:
        """Return the positions with weight around n / d; a linear mode reads one that it hits."""
        wide = 1 if self.mode == "bicubic" and n % d else 0
        return range(n // d - wide, ceil_div(n, d) + wide + 1)

    def keeps(self, *xs: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,)) if self.mode == "area" and product(y[1:]) > 1 else NOTHING

    def autocast(self, x: Shape, *like: Shape, by: Autocast) -> Cast:
        """NOTE: on the CPU, means over 3 axes run in float32, and nothing else."""
        in_float32 = by.on_cpu and len(x) == 4 if self.mode == "area" else not by.on_cpu
        return TO_FLOAT32 if in_float32 else AS_IS

    def laid_out(self, x: Layout, *like: Layout, y: Shape) -> Layout:
        return adaptive_mean(x, y) if self.mode == "area" else in_format_of(x, y)

    def arithmetic(self, x: Shape, *like: Shape) -> str:
        if self.scale is None:
            return f"that of `{self.like}`" if like else "as given by `size`"
        scales = per_axis(self.scale, len(x) - 1)
        return "; ".join(dict.fromkeys(map(_scaling, x[1:], scales, self.shape(x)[1:])))

    def torch(self, x: Shape, *like: Shape) -> TorchCall:
        corners = self.align_corners if self.mode in SPATIAL else self.align_corners or None
        how = {"mode": self.mode, "align_corners": corners}
        if like:
            return TorchCall("ResizingLike", how)
        if self.scale is not None and self.mode != "area":
            scales = tuple(float(r) for r in per_axis(self.scale, len(x) - 1))
            return TorchCall("Upsample", {"scale_factor": scales, **how})
        return TorchCall("Upsample", {"size": self.shape(x)[1:], **how})

    def resizes(self, x: Shape, sizes: Shape, wanted: Shape) -> Iterator[tuple[str, Any]]:
        if self.size is not None:
            yield "size", list(wanted)
        scales = {Fraction(m, n) for n, m in zip(x[1:], wanted)}
        scale = scales.pop()
        if self.scale is not None and not scales and scale.denominator == 1:
            yield "scale", scale.numerator


def _nearest(n: int, m: int, step: Fraction) -> Map | Unknown:
    """Return which of n positions each of m positions copies: ⌊j·step⌋, up to rounding."""
    a, b = step.numerator, step.denominator
    if m // b > MAX_POSITIONS and b & (b - 1):
        return TOO_MANY  # each one that may be rounded would have to be checked
    if a * m < _SURE and not _rounds_below(m, step):
        sources = (j * a // b for j in range(min(b, m)))
        return Map(a if b <= m else 0, tuple(range(at, at + 1) for at in sources))
    if m > MAX_POSITIONS:
        return TOO_MANY
    return Map(0, tuple(range(at, at + 1) for at in nearest_sources(n, m, step)))


_SURE = 2**22  # a product below it, in units of 1 / b, is never rounded past a whole number


def _rounds_below(m: int, step: Fraction) -> bool:
    """Return whether single precision ends below a whole number that a position hits."""
    a, b = step.numerator, step.denominator
    if b & (b - 1) == 0:
        return False  # whole numbers, halves, quarters … are exact
    scale = _single(float(step))
    return any(_single(j * scale) < j * a // b for j in range(0, m, b))


def nearest_sources(n: int, m: int, step: Fraction) -> list[int]:
    """Return which of n positions each of m positions copies.

    torch multiplies in single precision, which can end just below a whole number: if 2 positions
    are stretched to 82, the 42nd copies the first.
    """
    if step == 1 or step == Fraction(1, 2):
        return [floor(j * step) for j in range(m)]
    scale = _single(float(step))
    return [min(floor(_single(j * scale)), n - 1) for j in range(m)]


def _single(value: float) -> float:
    """Return the value in single precision; a product of two such values is exact before."""
    single: float = unpack("f", pack("f", value))[0]
    return single


def _scaling(n: int, scale: Fraction, size: int) -> str:
    """Write the size rule of one axis with its numbers."""
    line = f"⌊{n}·{scale}⌋ = {size}"
    if n * scale.numerator // scale.denominator == size:
        return line
    return f"{line}, because torch computes {n}·{float(scale)!r} = {n * float(scale)!r}"
