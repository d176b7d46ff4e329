"""Layers that change the spatial sizes without a window of weights: upsample, pad, crop."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import floor
from struct import pack, unpack
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from ..cost import FREE, Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, contiguous, copied, in_format_of
from ..num import Num, Shape, ceil_div, product, scaled
from ..window import IDENTITY, MAX_POSITIONS, TOO_MANY, Map, Unknown
from .base import (
    NO_AXES,
    NOTHING,
    SAME_BODY,
    Backward,
    Kept,
    Meaning,
    Need,
    Op,
    Reach,
    Storage,
    Windows,
    along,
    axes_need,
    per_axis,
    values,
)
from .field_types import FILL_WORDS, Amount, FillMode, Flag, LayerName, PerAxis, Real, Scale, pairs
from .pool import adaptive_mean
from .torch_call import TorchCall

Interpolation = Annotated[
    Literal["nearest", "linear", "bilinear", "trilinear", "bicubic", "area"],
    Field(description="nearest, area, linear (1-D), bilinear or bicubic (2-D), trilinear (3-D)"),
]
SPATIAL = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}  # axes each mode is made for


_BILINEAR = {"mode": "bilinear", "align_corners": True}
_FIRST_IS_SIZE = Meaning(
    note="a bare value is `scale`; torch's first argument is the `size`",
    differs=lambda body: body is not None and not isinstance(body, dict),
)


def _has_size(body: Any) -> bool:
    return isinstance(body, dict) and "size" in body


class Upsample(Op):
    """Interpolation to ⌊n·scale⌋ (in float64, as torch), to `size`, or to the size of layer
    `like`, as torch.nn.Upsample: (C, *n) -> (C, *n').

    Fields:
        scale: factor of each size
        size: sizes of the output
        like: layer whose sizes the output takes
        mode: how values are interpolated
        align_corners: whether the corners of input and output are at the same place

    Example: `upsample: 2` on 64×28×28
    """

    key = "upsample"
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
    field_notes = {"scales": "ONNX's scales count the batch and the channels; `scale` does not"}
    value_aliases = {"mode": {"cubic": "bicubic", "nearest_neighbor": "nearest"}}
    rounds = True
    main = "scale"
    ranks: ClassVar[tuple[int, ...]] = (2, 3, 4)
    inputs = (1, 2)
    layers_named = ("like",)
    scale: Scale | None = None
    size: PerAxis | None = None
    like: LayerName | None = None
    mode: Interpolation = "nearest"
    align_corners: Flag = False

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
                f"`{self.mode}` interpolates {axes} axes, the input has {len(x) - 1}",
                help="linear is for 1, bilinear and bicubic for 2, trilinear for 3",
            ),
            True,
        )
        plain = self.align_corners and self.mode in ("nearest", "area")
        yield Need(
            -1 if plain else 0,
            lambda: Diagnostic(
                "CNN207",
                f"`{self.mode}` has no align_corners",
                help="drop it, or use a linear mode",
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
                        "CNN204", "the scale leaves nothing of the input", help="use a larger scale"
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
        return NO_AXES

    def cost(self, *xs: Shape, y: Shape) -> Cost:
        n, axes = values(y), len(y) - 1
        if self.mode == "area":
            return Cost(add=values(xs[0]), div=n)  # NOTE: an input in two windows is counted once
        taps = {"nearest": 1, "bicubic": 4**axes}.get(self.mode, 2**axes)
        return FREE if taps == 1 else Cost(mul=taps * n, add=(taps - 1) * n)

    def window(self, x: Shape, *like: Shape) -> Windows:
        y = self.shape(x, *like)
        steps = (
            per_axis(self.scale, len(x) - 1)
            if self.scale is not None and self._exact(x)
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
        """Source positions, `step` apart; listed one by one where none repeats."""
        a, b = step.numerator, step.denominator
        if self.mode == "area":
            return Map.adaptive(n, m)
        if self.mode == "nearest":
            return _nearest(n, m, step)
        if self.align_corners and (n == 1 or m == 1):
            return Map(1, (range(1),) * m)
        # Position j lies at (2·a·j + shift) / 2·b.
        shift = 0 if self.align_corners else a - b
        taps = tuple(self._taps(2 * a * j + shift, 2 * b) for j in range(min(b, m)))
        return Map(a if b <= m else 0, taps)

    def _taps(self, n: int, d: int) -> range:
        """The positions with weight around n / d; a linear mode reads just one that it hits."""
        wide = 1 if self.mode == "bicubic" and n % d else 0
        return range(n // d - wide, ceil_div(n, d) + wide + 1)

    def _exact(self, x: Shape) -> bool:
        """torch takes the scale as given where it is whole, else the ratio of the sizes we pass."""
        return all(r.denominator == 1 for r in per_axis(self.scale, len(x) - 1))

    def keeps(self, *xs: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,)) if self.mode == "area" and product(y[1:]) > 1 else NOTHING

    def laid_out(self, x: Layout, *like: Layout, y: Shape) -> Layout:
        return adaptive_mean(x, y) if self.mode == "area" else in_format_of(x, y)

    def arithmetic(self, x: Shape, *like: Shape) -> str:
        if self.scale is None:
            return f"that of `{self.like}`" if like else "as given"
        scales = per_axis(self.scale, len(x) - 1)
        return "; ".join(dict.fromkeys(map(_scaling, x[1:], scales, self.shape(x)[1:])))

    def torch(self, x: Shape, *like: Shape) -> TorchCall:
        corners = self.align_corners if self.mode in SPATIAL else self.align_corners or None
        how = {"mode": self.mode, "align_corners": corners}
        if like:
            return TorchCall("ResizingLike", how)
        if self.scale is not None and self._exact(x):
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
    """What each of m positions copies of n: ⌊j·step⌋, but for rounding."""
    a, b = step.numerator, step.denominator
    if m // b > MAX_POSITIONS and b & (b - 1):
        return TOO_MANY  # each that may be rounded would have to be looked at
    if a * m < _SURE and not _rounds_below(m, step):
        sources = (j * a // b for j in range(min(b, m)))
        return Map(a if b <= m else 0, tuple(range(at, at + 1) for at in sources))
    if m > MAX_POSITIONS:
        return TOO_MANY
    return Map(0, tuple(range(at, at + 1) for at in nearest_sources(n, m, step)))


_SURE = 2**22  # a product below it, in units of 1 / b, is rounded past no whole number but its own


def _rounds_below(m: int, step: Fraction) -> bool:
    """Whether single precision ends below a whole number that a position hits."""
    a, b = step.numerator, step.denominator
    if b & (b - 1) == 0:
        return False  # whole numbers, halves, quarters … are exact
    scale = _single(float(step))
    return any(_single(j * scale) < j * a // b for j in range(0, m, b))


def nearest_sources(n: int, m: int, step: Fraction) -> list[int]:
    """The position of n that each of m positions copies.

    torch multiplies in single precision, which can end just below a whole number: of 2 positions
    stretched to 82, the 42nd copies the first.
    """
    if step == 1 or step == Fraction(1, 2):
        return [floor(j * step) for j in range(m)]
    scale = _single(float(step))
    return [min(floor(_single(j * scale)), n - 1) for j in range(m)]


def _single(value: float) -> float:
    """The value in single precision; a product of two such values is exact before."""
    single: float = unpack("f", pack("f", value))[0]
    return single


def _scaling(n: int, scale: Fraction, size: int) -> str:
    """The size rule of one axis, numbers put in."""
    line = f"⌊{n}·{scale}⌋ = {size}"
    if n * scale.numerator // scale.denominator == size:
        return line
    return f"{line}, since torch computes {n}·{float(scale)!r} = {n * float(scale)!r}"


def _has_list(body: Any) -> bool:
    parts = body.values() if isinstance(body, dict) else [body]
    return any(isinstance(part, list) for part in parts)


_LAST_AXIS_FIRST = Meaning(
    note="torch lists the last axis first; here one entry per axis: [[top, bottom], [left, right]]",
    differs=_has_list,
)


class Pad(Op):
    """Values added before and behind each spatial axis: (C, *n) -> (C, *(n + lo + hi)).

    Fields:
        amount: positions added before and after each axis
        mode: what they are filled with
        value: the value of zeros mode

    Source: torch.nn.functional.pad
    Example: `pad: 1` on 3×224×224
    """

    key = "pad"
    channelwise = True
    aliases = ("zeropadding",)
    meanings = {
        **dict.fromkeys(("zeropad", "constantpad"), _LAST_AXIS_FIRST),
        "reflectionpad": _LAST_AXIS_FIRST._replace(settings={"mode": "reflect"}),
        "replicationpad": _LAST_AXIS_FIRST._replace(settings={"mode": "replicate"}),
        "circularpad": _LAST_AXIS_FIRST._replace(settings={"mode": "circular"}),
    }
    field_aliases = {"padding": "amount", "pad": "amount", "constant_values": "value"}
    field_notes = dict.fromkeys(
        ("pads", "paddings"), "`amount` has an entry per spatial axis, each a number or [low, high]"
    )
    value_aliases = {"mode": FILL_WORDS}
    aten = ("constant_pad_nd",)
    main = "amount"
    ranks: ClassVar[tuple[int, ...]] = (2, 3, 4)
    amount: Amount
    mode: FillMode = "zeros"
    value: Real = 0.0

    def needs(self, x: Shape) -> Iterator[Need]:
        yield from axes_need(self.amount, len(x) - 1, "amount")
        yield Need(
            -1 if self.value and self.mode != "zeros" else 0,
            lambda: Diagnostic(
                "CNN207", f"`{self.mode}` padding takes no value", help="drop `value`"
            ),
        )
        most = {"reflect": 1, "circular": 0}.get(self.mode)
        for n, amounts in zip(x[1:], pairs(self.amount, len(x) - 1) if most is not None else ()):
            yield Need(
                n - most - max(amounts),
                lambda n=n, p=max(amounts): Diagnostic(
                    "CNN207",
                    f"padding {p} is too much for {self.mode} padding of size {n}",
                    help=f"the largest is {n - most}",
                ),
            )

    def shape(self, x: Shape) -> Shape:
        return (x[0], *(n + lo + hi for n, (lo, hi) in zip(x[1:], pairs(self.amount, len(x) - 1))))

    def units(self, *xs: Shape) -> frozenset[int]:
        return NO_AXES

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return FREE

    def window(self, x: Shape) -> Windows:
        return (
            tuple(
                (axis, Map.window(1, 1, lo))
                for axis, (lo, _) in enumerate(pairs(self.amount, len(x) - 1))
            ),
        )

    def keeps(self, *xs: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,)) if self.mode in ("reflect", "replicate") else NOTHING

    def arithmetic(self, x: Shape) -> str:
        return ", ".join(
            f"{n} + {lo} + {hi} = {n + lo + hi}"
            for n, (lo, hi) in zip(x[1:], pairs(self.amount, len(x) - 1))
        )

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        if self.mode == "circular":
            return contiguous(y)
        return copied(x) if x.sizes == y and self.mode == "zeros" else in_format_of(x, y)

    def torch(self, x: Shape) -> TorchCall:
        around = pairs(self.amount, len(x) - 1)
        return TorchCall("Padding", {"around": around, "mode": self.mode, "value": self.value})

    def linearized(self, x: Shape) -> TorchCall:
        """NOTE: a padded position is no part of the input, whatever it is filled with."""
        call = self.torch(x)
        return call._replace(arguments={**call.arguments, "mode": "zeros", "value": 0.0})


class Crop(Op):
    """The middle of `size`, or of the size of layer `like`, or less `amount` on the sides:
    (C, *n) -> (C, *n').

    Fields:
        size: sizes of the output
        amount: positions removed before and after each axis
        like: layer whose sizes the output takes

    Source: Ronneberger, Fischer and Brox 2015, U-Net
    Example: `crop: 224` on 3×256×256
    """

    key = "crop"
    channelwise = True
    meanings = {"centercrop": SAME_BODY, "cropping": Meaning(bare="amount")}
    field_aliases = {"cropping": "amount", "output_size": "size"}
    reorders = True
    main = "size"
    ranks: ClassVar[tuple[int, ...]] = (2, 3, 4)
    inputs = (1, 2)
    layers_named = ("like",)
    size: PerAxis | None = None
    amount: Amount | None = None
    like: LayerName | None = None

    def needs(self, x: Shape, *like: Shape) -> Iterator[Need]:
        yield one_of(self, ("size", "amount", "like"))
        yield from axes_need(self.size, len(x) - 1, "size")
        yield from axes_need(self.amount, len(x) - 1, "amount")
        yield from (like_fits(x, other) for other in like)
        for n, m in zip(x[1:], self.shape(x, *like)[1:]):

            def fault(n: Num = n, m: Num = m) -> Diagnostic:
                return Diagnostic(
                    "CNN207",
                    f"cannot crop {n} to {m}",
                    help="crop to something between 1 and the input's size",
                )

            yield Need(n - m, fault)
            yield Need(m - 1, fault)

    def shape(self, x: Shape, *like: Shape) -> Shape:
        if like:
            return (x[0], *like[0][1:])
        if self.amount is not None:
            return (
                x[0],
                *(n - lo - hi for n, (lo, hi) in zip(x[1:], pairs(self.amount, len(x) - 1))),
            )
        return (x[0], *per_axis(self.size, len(x) - 1))

    def starts(self, x: Shape, *like: Shape) -> tuple[int, ...]:
        """First position kept on each axis; an odd rest is cut off behind."""
        if self.amount is not None:
            return tuple(lo for lo, _ in pairs(self.amount, len(x) - 1))
        return tuple((n - m) // 2 for n, m in zip(x[1:], self.shape(x, *like)[1:]))

    def cost(self, *xs: Shape, y: Shape) -> Cost:
        return FREE

    def window(self, x: Shape, *like: Shape) -> Windows:
        own = tuple(
            (axis, Map.window(1, 1, -start) if start else IDENTITY)
            for axis, start in enumerate(self.starts(x, *like))
        )
        return (own, None) if like else (own,)

    def storage(self, *xs: Shape) -> Storage:
        return "view"

    def viewed(self, x: Layout, *like: Layout, y: Shape) -> Layout:
        starts = self.starts(x.sizes[1:], *(other.sizes[1:] for other in like))
        for axis, start in enumerate(starts, 2):
            x = x.sliced(axis, start, y[axis])
        return x

    def keeps(self, *xs: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        return NOTHING

    def arithmetic(self, x: Shape, *like: Shape) -> str:
        parts = (
            f"{n} − {a} − {n - m - a} = {m}"
            for n, m, a in zip(x[1:], self.shape(x, *like)[1:], self.starts(x, *like))
        )
        return "; ".join(dict.fromkeys(parts))

    def torch(self, x: Shape, *like: Shape) -> TorchCall:
        sizes = self.shape(x, *like)[1:]
        return TorchCall("Cropping", {"starts": self.starts(x, *like), "sizes": sizes})


def one_of(op: Any, fields: tuple[str, ...]) -> Need:
    """Exactly one of the fields is given."""
    given = [f for f in fields if getattr(op, f) is not None]
    known = ", ".join(f"`{field}`" for field in fields)
    text = f"`{op.key}` takes one of {known}; {len(given)} are given"
    return Need(len(given) - 1, lambda: Diagnostic("CNN102", text), True)


def like_fits(x: Shape, other: Shape) -> Need:
    """The layer whose size is taken has as many axes."""
    return Need(
        len(other) - len(x),
        lambda: Diagnostic(
            "CNN201",
            f"`like` names a layer with {len(other) - 1} spatial axes, the input has {len(x) - 1}",
        ),
        True,
    )
