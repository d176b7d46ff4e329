"""Joins of branches: arithmetic."""

from __future__ import annotations

from collections.abc import Iterator

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, iterated
from ..num import Num, Shape
from ..window import IDENTITY
from ..wording import shape_text
from .base import Op
from .kept import (
    NEW,
    NOTHING,
    VIEW,
    Backward,
    Extra,
    Gradient,
    Kept,
    Moment,
    Storage,
    at_once,
    later,
)
from .needs import Need
from .reads import WHOLE, Windows
from .shapes import units_of, values
from .torch_call import TorchCall


def same_rank(xs: tuple[Shape, ...]) -> Need:
    """Return the condition that all branches have the same number of axes."""
    return Need(
        max(len(x) for x in xs) - min(len(x) for x in xs),
        lambda: Diagnostic(
            "CNN206",
            f"branches of {' and '.join(shape_text(x) for x in xs)} have different numbers of axes",
            help="flatten, pool or reshape one of them",
        ),
        True,
    )


class Elementwise(Op):
    """A join that combines its branches value by value.

    Shapes: (C, *n), (C, *n), … -> (C, *n); an axis that an operator of a branch reduced to 1, such
        as a global pool, is repeated to fit the others (broadcasting)
    """

    inputs = (2, None)
    elementwise = True
    channelwise = True

    def needs(self, *xs: Shape) -> Iterator[Need]:
        yield same_rank(xs)
        if len({len(x) for x in xs}) > 1:
            return
        for axis in range(len(xs[0])):
            wide = [x for x in xs if axis not in units_of(x)]
            for x in wide[1:]:
                yield Need(
                    x[axis] - wide[0][axis],
                    lambda a=wide[0], b=x, axis=axis: sizes_differ(self.key, a, b, axis),
                    True,
                )

    def _size(self, axis: int, xs: tuple[Shape, ...]) -> Num:
        return next((x[axis] for x in xs if axis not in units_of(x)), 1)

    def shape(self, *xs: Shape) -> Shape:
        return tuple(self._size(axis, xs) for axis in range(len(xs[0])))

    def units(self, *xs: Shape) -> frozenset[int]:
        return frozenset.intersection(*(units_of(x) for x in xs))

    def window(self, *xs: Shape) -> Windows:
        if not any(map(units_of, xs)):
            return super().window(*xs)
        wide = [{axis for axis in range(len(x)) if axis not in units_of(x)} for x in xs]
        stretched = set().union(*wide)
        return tuple(
            tuple(
                WHOLE if a + 1 in stretched and a + 1 not in mine else (a, IDENTITY)
                for a in range(len(x) - 1)
            )
            for x, mine in zip(xs, wide)
        )

    def keeps(self, *xs: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        return NOTHING

    def busiest(self, *xs: Shape, y: Shape, back: Backward | None) -> tuple[Moment, ...]:
        """Branches are combined two by two: what came before, and the next."""
        return at_once(Extra(2 * values(y))) if len(xs) > 2 else ()

    def _between(self, xs: tuple[Shape, ...], n: int) -> Extra:
        """What the first n branches make together, as wide as the widest of them."""
        return Extra(values(self.shape(*xs[:n])), among=n)

    def is_followed(self, *xs: Shape, given: tuple[int, ...], mixed: bool, training: bool) -> bool:
        """NOTE: what branches of several types make, and its gradients, change their type."""
        return len(given) <= 2 or len(set(given)) == 1

    def gradients(self, *xs: Shape, y: Shape, back: Backward) -> tuple[Gradient, ...]:
        """NOTE: an input that was stretched gets the sum over what it was stretched along."""
        return tuple([VIEW if values(x) == values(y) else NEW for x in xs])

    def laid_out(self, *xs: Layout, y: Shape) -> Layout:
        """Return the layout of ((a + b) + c) + …: branches are combined one after another."""
        combined = xs[0]
        for x in xs[1:]:
            combined = iterated((combined, x), tuple(map(max, combined.sizes, x.sizes)))
        return combined

    def torch(self, *xs: Shape) -> TorchCall:
        return TorchCall("Combination", {"operation": self.key})


class Add(Elementwise):
    """Adds its branches value by value, as the residual connections of ResNet do.

    A list names what is added: `add: [conv3, stem]` adds two layers. The sum of a single branch is
    that branch, so `add: [stem]` is `stem` alone.

    Rule: y = a + b + …
    Cost: for each branch after the first, 1 addition per output value
    Source: torch.add; He et al. 2015, Deep residual learning for image recognition,
        arXiv:1512.03385
    Example: `add: {body: [relu], shortcut: []}` on 64×28×28
    """

    key = "add"
    aliases = ("sum", "plus", "residual", "addn", "addv2")
    aten = ("add",)
    inputs = (1, None)
    commutative = True

    def storage(self, *xs: Shape) -> Storage:
        return "new" if len(xs) > 1 else "view"

    def cost(self, *xs: Shape, y: Shape) -> Cost:
        return Cost(add=(len(xs) - 1) * values(y))


class Sub(Elementwise):
    """Subtracts all other branches from the first one, value by value.

    Rule: y = a − b − …
    Cost: for each branch after the first, 1 addition per output value (a subtraction counts as one)
    Source: torch.sub
    Example: `sub: {map: [], pooled: [globalavgpool]}` on 64×28×28
    """

    key = "sub"
    aliases = ("subtract", "minus")
    aten = ("sub",)

    def cost(self, *xs: Shape, y: Shape) -> Cost:
        return Cost(add=(len(xs) - 1) * values(y))

    def gradients(self, *xs: Shape, y: Shape, back: Backward) -> tuple[Gradient, ...]:
        """The others get the negative of the first one's."""
        first, *_ = super().gradients(*xs, y=y, back=back)
        return (first, *[NEW] * (len(xs) - 1))


class Mul(Elementwise):
    """Multiplies its branches value by value, as gates and squeeze-and-excitation do.

    Rule: y = a·b·…
    Cost: for each branch after the first, 1 multiplication per output value
    Source: torch.mul; Hu et al. 2017, Squeeze-and-excitation networks, arXiv:1709.01507
    Example: `mul: {map: [], gate: [globalavgpool, sigmoid]}` on 64×28×28
    """

    key = "mul"
    aliases = ("multiply", "times")
    aten = ("mul",)
    commutative = True

    def cost(self, *xs: Shape, y: Shape) -> Cost:
        return Cost(mul=(len(xs) - 1) * values(y))

    def keeps(self, *xs: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        held, between = set(), []
        # (a · b) · c: a factor is kept if the other one needs a gradient
        for n in range(1, len(xs)):
            if any(back.needs(m) for m in range(n)):
                held.add(n)
            if back.needs(n) and n == 1:
                held.add(0)
            elif back.needs(n):
                between.append(self._between(xs, n))
        return Kept(inputs=tuple(sorted(held)), extras=tuple(between))

    def gradients(self, *xs: Shape, y: Shape, back: Backward) -> tuple[Gradient, ...]:
        return (NEW,) * len(xs)

    def busiest_backward(self, *xs: Shape, y: Shape, back: Backward) -> tuple[Moment, ...]:
        """The last product comes first; a factor that was stretched gets one in full, then summed.

        The others can hold no more: the gradients that they make are for what is free again.
        """
        first, last = self.shape(*xs[:-1]), xs[-1]
        given = any(back.needs(n) for n in range(len(xs) - 1)), back.needs(len(xs) - 1)
        factors = [x for x, needed in zip((first, last), given) if needed]
        stretched = [values(x) for x in factors if values(x) != values(y)]
        most = at_once(Extra(len(factors) * values(y) + sum(stretched)))
        if len(xs) > 2:
            return most + later(Extra(sum(values(x) for x in xs)))
        return most if stretched else ()


class Div(Elementwise):
    """Divides the first branch by all others, value by value.

    Rule: y = a/b/…
    Cost: for each branch after the first, 1 division per output value
    Source: torch.div
    Example: `div: {map: [], norm: [globalavgpool]}` on 64×28×28
    """

    key = "div"
    aliases = ("divide", "truediv", "realdiv")
    aten = ("div",)

    def cost(self, *xs: Shape, y: Shape) -> Cost:
        return Cost(div=(len(xs) - 1) * values(y))

    def keeps(self, *xs: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        held, between = set(), []
        for n in range(1, len(xs)):  # (a / b) / c: the divisor, and what is divided if it matters
            if back.needs(n) or any(back.needs(m) for m in range(n)):
                held.add(n)
            if back.needs(n) and n == 1:
                held.add(0)
            elif back.needs(n):
                between.append(self._between(xs, n))
        return Kept(inputs=tuple(sorted(held)), extras=tuple(between))

    def gradients(self, *xs: Shape, y: Shape, back: Backward) -> tuple[Gradient, ...]:
        return (NEW,) * len(xs)

    def busiest_backward(self, *xs: Shape, y: Shape, back: Backward) -> tuple[Moment, ...]:
        """The divisor's gradient: the negative, two quotients and their product."""
        most = at_once(Extra(4 * values(y)))
        return most + later(Extra(sum(values(x) for x in xs))) if len(xs) > 2 else most

    def torch(self, *xs: Shape) -> TorchCall:
        return TorchCall("Combination", {"operation": "truediv"})


class Maximum(Elementwise):
    """Keeps the largest of the values of its branches at each position.

    Rule: y = max(a, b, …)
    Cost: for each branch after the first, 1 comparison per output value
    Source: torch.maximum
    Example: `maximum: {a: [relu], b: [tanh]}` on 64×28×28
    """

    key = "maximum"
    aten = ("maximum",)
    commutative = True

    def cost(self, *xs: Shape, y: Shape) -> Cost:
        return Cost(cmp=(len(xs) - 1) * values(y))

    def keeps(self, *xs: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        between = tuple([self._between(xs, n) for n in range(2, len(xs))])
        return Kept(inputs=tuple(range(len(xs))), extras=between)

    def gradients(self, *xs: Shape, y: Shape, back: Backward) -> tuple[Gradient, ...]:
        return (NEW,) * len(xs)

    def busiest_backward(self, *xs: Shape, y: Shape, back: Backward) -> tuple[Moment, ...]:
        """Both gradients, half of the output's, and where the values are equal or lose."""
        most = at_once(Extra(3 * values(y)), Extra(2 * values(y), "mask"))
        return most + later(Extra(sum(values(x) for x in xs))) if len(xs) > 2 else most

    def linearized(self, *xs: Shape) -> TorchCall:
        """Return a sum: it has a gradient at every branch, a maximum at one only."""
        return TorchCall("Combination", {"operation": "add"})


class Minimum(Maximum):
    """Keeps the smallest of the values of its branches at each position.

    Rule: y = min(a, b, …)
    Source: torch.minimum
    Example: `minimum: {a: [relu], b: [tanh]}` on 64×28×28
    """

    key = "minimum"
    aten = ("minimum",)


def _projection(key: str, a: Shape, b: Shape) -> str:
    """Return the usual fix for two branches with different channels, and maybe different sizes."""
    if a[1:] == b[1:]:
        fix = f"project one branch with a 1×1 convolution to {a[0]} channels"
        return f"{fix}, or join them with `concat`" if key == "add" else fix
    small, large = sorted((a, b), key=lambda x: x[1])
    ratio = max(1, large[1] // max(small[1], 1))
    stride = f" of stride {ratio}" if ratio > 1 else ""
    return f"project {shape_text(large)} with a 1×1 convolution{stride} to {small[0]} channels"


def sizes_differ(key: str, a: Shape, b: Shape, axis: int) -> Diagnostic:
    """Return the error for two branches that do not fit, with the usual fix."""
    if axis == 0:
        return Diagnostic(
            "CNN206",
            f"`{key}` cannot combine {a[0]} and {b[0]} channels",
            equation=f"{shape_text(a)} and {shape_text(b)}",
            help=_projection(key, a, b),
            subject="channels",
        )
    n, m = a[axis], b[axis]
    ratio = max(n, m) // max(min(n, m), 1)
    fix = (
        "crop or pad one of them (`crop: {like: NAME}`), "
        "or choose an input size that is a multiple of the strides"
    )
    if ratio > 1 and key != "concat":
        fix = f"use a 1×1 convolution with stride {ratio} on the larger branch"
    return Diagnostic(
        "CNN206",
        f"`{key}` cannot combine sizes {'×'.join(map(str, a[1:]))} and {'×'.join(map(str, b[1:]))}",
        equation=f"{shape_text(a)} and {shape_text(b)}",
        help=fix,
        subject="sizes",
    )
