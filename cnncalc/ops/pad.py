"""Padding as a layer of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ..cost import FREE, Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, contiguous, copied, in_format_of
from ..num import Num, Shape
from ..window import Map
from .autocast import AS_IS, TO_FLOAT32, Autocast, Cast
from .base import Op
from .field_types import FILL_WORDS, Amount, FillMode, LayerName, Real, each_side, pairs
from .kept import NOTHING, Backward, Extra, Kept, Moment, at_once
from .meanings import Meaning
from .needs import Need, axes_need, like_fits, one_of
from .padding import mirrors_in_float32, undone
from .reads import Windows
from .shapes import CHANNELS, alike, units_of
from .torch_call import TorchCall

if TYPE_CHECKING:
    from .called import Called
    from .onnx_call import OnnxCall


def _has_list(body: Any) -> bool:
    parts = body.values() if isinstance(body, dict) else [body]
    return any(isinstance(part, list) for part in parts)


_LAST_AXIS_FIRST = Meaning(
    note="torch lists the last axis first; here the first one is: [[top, bottom], [left, right]]",
    differs=_has_list,
)


class Pad(Op):
    """Adds positions before and after each spatial axis.

    Give one of `amount` and `like`. With `like` the map stays in the middle; if an odd number of
    positions is added, one more goes at the end.

    Shapes: (C, *n) -> (C, *n')
    Rule: n' = n + before + after, or the size of layer `like`
    Cost: none: it only copies values
    Fields:
        amount: number of positions added before and after each axis
        like: layer whose spatial size the output gets
        mode: what they are filled with: zeros (or `value`), a mirror image (reflect), the border
            (replicate) or the opposite border (circular)
        value: what `mode: zeros` writes instead of 0

    Source: torch.nn.functional.pad
    Example: `pad: 1` on 3×224×224
    """

    key = "pad"
    onnx = ("Pad",)
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
        ("pads", "paddings"),
        "write `amount`, with one entry per spatial axis, a number or [before, after]",
    )
    value_aliases = {"mode": FILL_WORDS}
    aten = ("constant_pad_nd",)
    main = "amount"
    ranks: ClassVar[tuple[int, ...]] = (2, 3, 4)
    traced = ("pad",)
    inputs = (1, 2)
    layers_named = ("like",)
    amount: Amount | None = None
    like: LayerName | None = None
    mode: FillMode = "zeros"
    value: Real = 0.0

    @classmethod
    def of_call(cls, call: Called) -> Mapping[str, Any] | None:
        """torch lists pairs of amounts, those of the last axis first."""
        listed, axes = call.settings["pad"], len(call.y) - 1
        padded = sum(n != m for n, m in zip(call.xs[0][1:], call.y[1:]))
        given = list(listed) if isinstance(listed, tuple) else [listed] * 2 * padded
        amounts = [(given[n], given[n + 1]) for n in range(0, len(given), 2)][::-1]
        if len(amounts) > axes or min(given, default=-1) < 0:
            return None
        both = [(0, 0)] * (axes - len(amounts)) + amounts
        if all(low == high for low, high in both):
            both = [low for low, _ in both]
        mode, value = call.settings.get("mode", "constant"), call.settings.get("value")
        word = "zeros" if mode == "constant" else mode
        amount = alike(both) if not isinstance(both[0], tuple) else tuple(both)
        return {"amount": amount, "mode": word, "value": float(value or 0)}

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        """Return the fields: ONNX lists all starts, then all ends, of all axes with the batch."""
        listed = call.attributes.get("pads") or call.numbers.get(1, ())
        axes = len(call.xs[0]) + 1
        if len(listed) != 2 * axes or 3 in call.numbers or min(listed) < 0:
            return None
        amounts = [*zip(listed[:axes], listed[axes:])]
        if any(map(any, amounts[:2])):
            return None
        mode = call.attributes.get("mode", "constant")
        value = call.given("value", 2)
        return {
            "amount": each_side(amounts[2:]),
            "mode": FILL_WORDS.get(mode, mode),
            "value": float(value or 0),
        }

    def around(self, x: Shape, *like: Shape) -> tuple[tuple[Num, Num], ...]:
        """Return what is added before and after each axis."""
        if not like:
            return pairs(self.amount, len(x) - 1)
        added = (m - n for n, m in zip(x[1:], like[0][1:]))
        return tuple((more // 2, more - more // 2) for more in added)

    def needs(self, x: Shape, *like: Shape) -> Iterator[Need]:
        yield one_of(self, ("amount", "like"))
        yield from axes_need(self.amount, len(x) - 1, "amount")
        yield from (like_fits(x, other) for other in like)
        for n, m in zip(x[1:], like[0][1:] if like else ()):
            yield Need(
                m - n,
                lambda n=n, m=m: Diagnostic(
                    "CNN207",
                    f"cannot pad {n} to {m}",
                    help="`crop: {like: …}` makes a map smaller",
                ),
            )
        yield Need(
            -1 if self.value and self.mode != "zeros" else 0,
            lambda: Diagnostic(
                "CNN207",
                f"`value` cannot be used with `mode: {self.mode}`",
                help="remove `value`",
            ),
        )
        most = {"reflect": 1, "circular": 0}.get(self.mode)
        if self.amount is None and not like:
            return
        for n, amounts in zip(x[1:], self.around(x, *like) if most is not None else ()):
            largest = amounts[1] if like else max(amounts)  # an odd position goes at the end
            yield Need(
                n - most - largest,
                lambda n=n, p=largest: Diagnostic(
                    "CNN207",
                    f"padding {p} is too large for `mode: {self.mode}` on an input of size {n}",
                    help=f"the largest padding here is {n - most}",
                ),
            )

    def shape(self, x: Shape, *like: Shape) -> Shape:
        if like:
            return (x[0], *like[0][1:])
        return (x[0], *(n + lo + hi for n, (lo, hi) in zip(x[1:], self.around(x))))

    def units(self, *xs: Shape) -> frozenset[int]:
        return units_of(xs[0]) & CHANNELS

    def cost(self, *xs: Shape, y: Shape) -> Cost:
        return FREE

    def window(self, x: Shape, *like: Shape) -> Windows:
        own = tuple(
            (axis, Map.window(1, 1, lo)) for axis, (lo, _) in enumerate(self.around(x, *like))
        )
        return (own, None) if like else (own,)

    def keeps(self, *xs: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,)) if self.mode in ("reflect", "replicate") else NOTHING

    def autocast(self, x: Shape, *like: Shape, by: Autocast) -> Cast:
        return TO_FLOAT32 if by.on_cpu and mirrors_in_float32(self.mode, x) else AS_IS

    def busiest_backward(
        self, x: Shape, *like: Shape, y: Shape, back: Backward
    ) -> tuple[Moment, ...]:
        return at_once(Extra(undone(x, self.around(x, *like), self.mode)))

    def arithmetic(self, x: Shape, *like: Shape) -> str:
        parts = (
            f"{n} + {lo} + {hi} = {n + lo + hi}"
            for n, (lo, hi) in zip(x[1:], self.around(x, *like))
        )
        return "; ".join(dict.fromkeys(parts))

    def laid_out(self, x: Layout, *like: Layout, y: Shape) -> Layout:
        if self.mode == "circular":
            return contiguous(y)
        return copied(x) if x.sizes == y and self.mode == "zeros" else in_format_of(x, y)

    def torch(self, x: Shape, *like: Shape) -> TorchCall:
        how = {"mode": self.mode, "value": self.value}
        if like:
            return TorchCall("PaddingLike", how)
        return TorchCall("Padding", {"around": self.around(x), **how})

    def linearized(self, x: Shape, *like: Shape) -> TorchCall:
        """NOTE: padding is not part of the input, whatever it is filled with, so zeros are used."""
        call = self.torch(x, *like)
        return call._replace(arguments={**call.arguments, "mode": "zeros", "value": 0.0})
