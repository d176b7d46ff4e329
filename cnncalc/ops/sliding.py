"""What windows that slide over the spatial axes share: sizes, conditions, reach, arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

from ..diagnostic import Diagnostic
from ..num import Num, Shape, ceil_div, product, slide, slide_offset
from ..window import Map
from ..wording import article
from .base import Op
from .field_types import PADDING_WORDS, each_side, pads
from .needs import Need, axes_need
from .reads import Reach, Slide, Windows
from .shapes import per_axis, units_of

if TYPE_CHECKING:
    from .onnx_call import OnnxCall


class Sliding(Op):
    """A window (kernel, stride, padding, dilation) that slides along each spatial axis.

    Fields:
        kernel: size of the window
        stride: step from one window to the next
        padding: number of positions added before and after each axis; `valid` adds none, `same`
            makes n' = ⌈n/stride⌉, and `full` adds dilation·(kernel − 1)
        dilation: spacing of the points of the window; 1 leaves no gaps
        ceil_mode: whether a last window that is not full counts too, so that sizes are rounded up
    """

    ranks: ClassVar[tuple[int, ...]] = (2, 3, 4)
    field_aliases = {
        "kernel_size": "kernel",
        "k": "kernel",
        "strides": "stride",
        "s": "stride",
        "pad": "padding",
        "p": "padding",
        "dilation_rate": "dilation",
        "dilations": "dilation",
        "kernel_shape": "kernel",
        "ksize": "kernel",
        "auto_pad": "padding",
    }
    field_notes = {
        "pads": "ONNX lists all starts, then all ends; write `padding: [[start, end], …]`",
        **dict.fromkeys(("kernel_h", "kernel_w"), "write both as `kernel: [h, w]`"),
        **dict.fromkeys(("stride_h", "stride_w"), "write both as `stride: [h, w]`"),
        **dict.fromkeys(("pad_h", "pad_w"), "write both as `padding: [h, w]`"),
    }
    value_aliases = {"padding": PADDING_WORDS}
    onnx_fields = {
        "kernel_shape": "kernel",
        "strides": "stride",
        "dilations": "dilation",
        "group": "groups",
    }

    if TYPE_CHECKING:  # each operator has these as fields or as constants
        kernel: Any
        stride: Any
        padding: Any
        dilation: Any
        ceil_mode: Any

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        """Return the fields, with the padding of each side: ONNX lists all starts, then all ends.

        `SAME_LOWER` puts the odd position before the input, so it becomes numbers.
        """
        handled = ["pads", "auto_pad"]
        if "dilation" not in cls.fields() and set(call.attributes.get("dilations", ())) == {1}:
            handled.append("dilations")
        body = super().of_onnx(call.without(*handled))
        if body is None:
            return None
        padding = cls._onnx_padding(call)
        if "padding" not in cls.fields():
            return body if padding == 0 else None
        return {**body, "padding": padding}

    @classmethod
    def _onnx_padding(cls, call: OnnxCall) -> Any:
        word = call.attributes.get("auto_pad", "NOTSET")
        sizes = call.xs[0][1:]
        if word == "SAME_UPPER":
            return "same"
        if word == "SAME_LOWER":
            kernel = call.attributes.get("kernel_shape") or call.weights.get("weight", ())[2:]
            ones = (1,) * len(sizes)
            steps = [call.attributes.get(name, ones) for name in ("strides", "dilations")]
            around = pads("same", sizes, kernel, *steps)
            return each_side([(high, low) for low, high in around])
        given = call.attributes.get("pads", ()) if word == "NOTSET" else ()
        return each_side([*zip(given, given[len(given) // 2 :])]) if given else 0

    def geometry(self, n: int) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Return kernel, stride and dilation on n axes; the default stride is the kernel."""
        known = self.__dict__.get("_geometry")  # read often, and always with the same n
        if known is None or len(known[0]) != n:
            k, d = per_axis(self.kernel, n), per_axis(self.dilation, n)
            known = k, k if self.stride is None else per_axis(self.stride, n), d
            self.__dict__["_geometry"] = known
        return known

    def around(self, x: Shape) -> tuple[tuple[Num, Num], ...]:
        """Return what is added before and after each axis of an input."""
        if self.padding == "same":
            return pads("same", x[1:], *self.geometry(len(x) - 1))
        known = self.__dict__.get("_around")
        if known is None or len(known) != len(x) - 1:
            known = self.__dict__["_around"] = pads(self.padding, (), *self.geometry(len(x) - 1))
        return known

    def places(self, x: Shape) -> Shape:
        """Return the sizes of the output, (*spatial) -> (*spatial')."""
        if self.padding == "same":
            return tuple(ceil_div(n, s) for n, s in zip(x[1:], self.geometry(len(x) - 1)[1]))
        return tuple([(n + a) // s for n, (a, s) in zip(x[1:], self._floors(x))])

    def _floors(self, x: Shape) -> tuple[tuple[int, int], ...]:
        """Return for each axis the constants (a, s) of its ⌊(n + a)/s⌋ positions."""
        known = self.__dict__.get("_floor_constants")
        if known is None or len(known) != len(x) - 1:
            axes = zip(*self.geometry(len(x) - 1), self.around(x))
            known = tuple(
                (slide_offset(k, s, low, high, d, self.ceil_mode), s)
                for k, s, d, (low, high) in axes
            )
            self.__dict__["_floor_constants"] = known
        return known

    def units(self, x: Shape) -> frozenset[int]:
        before = units_of(x)
        if not before:
            return before
        k, s, _ = self.geometry(len(x) - 1)
        same = {
            axis + 1
            for axis, (w, t, pad) in enumerate(zip(k, s, self.around(x)))
            if (w, t, pad) == (1, 1, (0, 0))
        }
        return before & (same | {0} if self.pool else same)  # a convolution's channels are new ones

    def fits(self, x: Shape) -> Iterator[Need]:
        """Yield that lists match the axes, a window fits, and a pool pads at most half a kernel."""
        wrong = self.wrong_lists(len(x) - 1)
        if wrong:
            yield from wrong
            return
        for axis, size in enumerate(self.places(x)):
            yield Need(size - 1, lambda axis=axis: self._does_not_fit(x, axis))
        if self.padding == "same" and self.ceil_mode:
            yield Need(
                -1,
                lambda: Diagnostic(
                    "CNN207",
                    "`ceil_mode` has no effect with `padding: same`, which keeps the last window",
                    help="remove `ceil_mode`",
                ),
            )
        if self.pool and self.padding not in ("same", "valid", 0):
            for w, amounts in zip(self.geometry(len(x) - 1)[0], self.around(x)):
                yield Need(
                    w // 2 - max(amounts),
                    lambda w=w, p=max(amounts): Diagnostic(
                        "CNN207",
                        f"padding {p} is more than half of kernel {w}: "
                        "some windows would see only padding",
                        help=f"the largest padding here is {w // 2}",
                        settings=(("padding", w // 2), ("padding", 0)),
                    ),
                )

    def wrong_lists(self, n: int) -> list[Need]:
        """Return the needs that fail: a list in a field must have one value for each of n axes."""
        if tuple not in map(type, (self.kernel, self.stride, self.padding, self.dilation)):
            return []
        needs = (
            axes_need(getattr(self, field), n, field)
            for field in ("kernel", "stride", "padding", "dilation")
        )
        return [need for need in chain.from_iterable(needs) if need.margin]

    def _does_not_fit(self, x: Shape, axis: int) -> Diagnostic:
        n, k, s, (lo, hi), d = self._numbers(x, axis)
        span = d * (k - 1) + 1
        missing = span - n - lo - hi
        sizes = "×".join(str(v) for v in x[1:])
        pad, largest = -(-missing // 2), max((n + lo + hi - 1) // d + 1, 1)
        fix = [
            f"pad {pad + lo} on each side" if not self.pool or pad + lo <= k // 2 else "",
            f"use a kernel of at most {largest}",
        ]
        dilated = f" with dilation {d}" if d > 1 else ""
        return Diagnostic(
            "CNN204",
            f"kernel {k}{dilated} does not fit in {article(sizes)} {sizes} input",
            equation=self.line(n, k, s, lo, hi, d),
            help=", ".join(f for f in fix if f) + ", or give the network a larger input",
            settings=(
                *((("padding", pad + lo),) if lo == hi else ()),
                ("kernel", largest),
                *((("dilation", 1),) if d > 1 else ()),
            ),
        )

    def _numbers(self, x: Shape, axis: int) -> tuple[int, int, int, tuple[int, int], int]:
        k, s, d = self.geometry(len(x) - 1)
        return x[1 + axis], k[axis], s[axis], self.around(x)[axis], d[axis]

    def slides(self, x: Shape) -> tuple[Slide, ...]:
        k, s, d = self.geometry(len(x) - 1)
        axes, ceil = zip(k, s, self.around(x), d), bool(self.ceil_mode)
        return tuple(Slide(k, s, low, high, d, ceil) for k, s, (low, high), d in axes)

    def resizes(self, x: Shape, sizes: Shape, wanted: Shape) -> Iterator[tuple[str, Any]]:
        """Yield another stride if it explains the sizes, up to one row lost at a border."""
        k, s, _ = self.geometry(len(x) - 1)
        if s[0] > 1 and all(abs(ceil_div(m, s[0]) - n) < 2 for n, m in zip(sizes, wanted)):
            yield "stride", 1
        step = (2 * sizes[0] + wanted[0]) // (2 * wanted[0])  # the rounded ratio
        apart = all(abs(ceil_div(n, step) - m) < 2 for n, m in zip(sizes, wanted)) if step else 0
        if step > 1 and apart and set(s) == {1} and max(k) > 1 and not self.pool:
            yield "stride", step

    def settings(self, x: Shape) -> dict[str, Any]:
        """Return windows as numbers: `same` equals `padding: 1` where it adds 1."""
        k, s, d = self.geometry(len(x) - 1)
        known = {"kernel": k, "stride": s, "dilation": d, "padding": self.around(x)}
        fields = super().settings(x)
        return fields | {name: value for name, value in known.items() if name in fields}

    def reaches(self, x: Shape) -> tuple[Reach, ...]:
        """Return what the window reads along each axis."""
        found: list[Reach] = []
        before = None
        for axis, window in enumerate(zip(*self.geometry(len(x) - 1), self.around(x))):
            if window != before:  # equal axes share a map
                k, s, d, (low, _) = before = window
                read = Map.window(k, s, low, d)
            found.append((axis, read))
        return tuple(found)

    def window(self, x: Shape) -> Windows:
        return (self.reaches(x),)

    def padded(self, x: Shape) -> Num:
        """Count the values of the input with its padding."""
        return x[0] * product(n + lo + hi for n, (lo, hi) in zip(x[1:], self.around(x)))

    def line(self, n: Num, k: int, s: int, lo: int, hi: int, d: int) -> str:
        """Write ``(227 + 2·0 − 11)/4 + 1 = 55``, or the fraction and how it is rounded."""
        return window_line(n, k, s, lo, hi, d, bool(self.ceil_mode), self.padding == "same")

    def arithmetic(self, x: Shape) -> str:
        lines = [
            self.line(n, k, s, *pad, d)
            for n, k, s, pad, d in (self._numbers(x, axis) for axis in range(len(x) - 1))
        ]
        return lines[0] if len(set(lines)) == 1 else "; ".join(lines)

    def symmetric(self, n: int) -> tuple[int, ...] | None:
        """Return the padding as torch's modules take it, an int per axis; None for other forms."""
        if self.padding == "same":
            return None
        around = pads(self.padding, (), *self.geometry(n))
        return tuple(lo for lo, _ in around) if all(lo == hi for lo, hi in around) else None


def window_line(
    n: Num, k: int, s: int, lo: int, hi: int, d: int, ceil: bool = False, same: bool = False
) -> str:
    """Write the size rule of one axis with its numbers."""
    if same:
        around = f"{lo} on each side" if lo == hi else f"{lo} before and {hi} after"
        return f"⌈{n}/{s}⌉ = {ceil_div(n, s)}, padded by {around}"
    pad = f" + 2·{lo}" if lo == hi else f" + {lo} + {hi}"
    kernel = extent_text(k, d)
    top, out = n + lo + hi - d * (k - 1) - 1, slide(n, k, s, lo, hi, d, ceil)
    if top % s == 0 and top >= 0:
        return f"({n}{pad} − {kernel})/{s} + 1 = {out}"
    if top < 0:
        return f"({n}{pad} − {kernel})/{s} + 1 = {top / s + 1:g}, less than 1"
    shown = (f"{top / s + 1:.{digits}f}".rstrip("0").rstrip(".") for digits in (2, 4, 9))
    # as many digits as are needed to see that it is not a whole number
    value = next((text for text in shown if "." in text), f"{top / s + 1:.0f}")
    how = f"rounded {'up' if ceil else 'down'}: {out}" + (
        " (the last window would start in the padding)" if ceil and out != -(-top // s) + 1 else ""
    )
    return f"({n}{pad} − {kernel})/{s} + 1 = {value}, {how}"


def extent_text(k: int, d: int) -> str:
    """Write how many positions a window covers: its kernel, or ``(2·(3 − 1) + 1)``."""
    return str(k) if d == 1 else f"({d}·({k} − 1) + 1)"
