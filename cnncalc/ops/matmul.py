"""Matrix products of two branches."""

from __future__ import annotations

from collections.abc import Iterator

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, contiguous
from ..num import Shape, product
from ..window import IDENTITY
from ..wording import shape_text
from .autocast import TO_HALF
from .base import Op
from .join import same_rank
from .kept import NEW, Backward, Gradient, Kept
from .needs import Need
from .reads import WHOLE, ChannelReads, Reach, Windows
from .shapes import units_of
from .torch_call import TorchCall


class Matmul(Op):
    """Multiplies two branches as matrices, as attention does with queries, keys and values.

    The last two axes are those of a matrix. There is a product for each entry of the axes before
    them, in which both branches must agree. To transpose a matrix, swap its axes with `permute`.

    Shapes: (*b, l, m), (*b, m, k) -> (*b, l, k), where *b may be nothing
    Rule: y = a·b: each value is the sum of m products
    Cost: ∏b·l·m·k multiply–accumulates
    Source: torch.matmul; Vaswani et al. 2017, Attention is all you need, arXiv:1706.03762
    Example: `matmul: {shares: [softmax: 2], values: []}` on 4×64×64
    """

    key = "matmul"
    aliases = ("mm", "bmm", "batchmatmul", "batchmatmulv2")
    aten = ("bmm", "baddbmm", "matmul")
    inputs = (2, 2)
    ranks = (2, 3, 4)
    multiplies = True
    cast = TO_HALF

    def needs(self, a: Shape, b: Shape) -> Iterator[Need]:
        yield same_rank((a, b))
        if len(a) != len(b):
            return
        yield Need(len(a) - 2, lambda: _no_matrix(a))
        if len(a) < 2:
            return
        for n, m in zip(a[:-2], b[:-2]):
            yield Need(n - m, lambda: _apart(a, b), True)
        yield Need(b[-2] - a[-1], lambda: _unfit(a, b), True)

    def shape(self, a: Shape, b: Shape) -> Shape:
        return (*a[:-1], b[-1])

    def units(self, a: Shape, b: Shape) -> frozenset[int]:
        """The axes of 1 that both share, the rows of the first, and the columns of the second."""
        rows, columns = len(a) - 2, len(a) - 1
        shared = (units_of(a) & units_of(b)) - {rows, columns}
        return shared | units_of(a) & {rows} | units_of(b) & {columns}

    def products(self, a: Shape, b: Shape) -> tuple[Shape, ...]:
        return ((*a, b[-1]),)

    def cost(self, a: Shape, b: Shape, *, y: Shape) -> Cost:
        return Cost(mac=product((*a, b[-1])))

    def window(self, a: Shape, b: Shape) -> Windows:
        """A row of the output reads a row of the first, and a column one of the second."""
        axes = range(len(a) - 1)
        of_batch: list[Reach] = [(axis, IDENTITY) for axis in axes]
        rows: list[Reach] = [*of_batch[:-1], WHOLE]
        columns: list[Reach] = [*of_batch[:-2], WHOLE, of_batch[-1]]
        return tuple(rows), tuple(columns[-len(axes) :])

    def channels(self, a: Shape, b: Shape) -> ChannelReads:
        return "each" if len(a) > 2 else "all"

    def copied(self, a: Layout, b: Layout) -> tuple[int, ...]:
        """All products are made at once, so the axes before the last two become one."""
        rows = [(product(x.sizes[:-2]), *x.sizes[-2:]) for x in (a, b)]
        return tuple(n for n, x in enumerate((a, b)) if x.reshaped(rows[n]) is None)

    def keeps(self, a: Shape, b: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        """Backward needs each of them for the gradient of the other."""
        return Kept(inputs=tuple(n for n in range(2) if back.needs(1 - n)))

    def is_followed(
        self, a: Shape, b: Shape, *, given: tuple[int, ...], mixed: bool, training: bool
    ) -> bool:
        """NOTE: under autocast, gradients of products with vectors take less."""
        return not (mixed and training and 1 in (a[-2], b[-1]))

    def gradients(self, a: Shape, b: Shape, *, y: Shape, back: Backward) -> tuple[Gradient, ...]:
        return NEW, NEW

    def laid_out(self, a: Layout, b: Layout, *, y: Shape) -> Layout:
        return contiguous(y)

    def arithmetic(self, a: Shape, b: Shape) -> str:
        return f"({a[-2]}×{a[-1]}) · ({b[-2]}×{b[-1]})"

    def torch(self, a: Shape, b: Shape) -> TorchCall:
        return TorchCall("MatrixProduct", {})


def _no_matrix(x: Shape) -> Diagnostic:
    return Diagnostic(
        "CNN201",
        f"`matmul` takes [C, n], [C, n, n] or [C, n, n, n], not a vector of {x[0]}",
        help="`reshape` its inputs to matrices, or use `linear` for a product with trained weights",
    )


def _apart(a: Shape, b: Shape) -> Diagnostic:
    """Describe branches that disagree in an axis before the last two."""
    return Diagnostic(
        "CNN206",
        f"`matmul` makes one product for each entry of the axes before the last two, "
        f"but these are {'×'.join(map(str, a[:-2]))} and {'×'.join(map(str, b[:-2]))}",
        equation=f"{shape_text(a)} and {shape_text(b)}",
        help="`reshape` or `permute` one of the branches",
    )


def _unfit(a: Shape, b: Shape) -> Diagnostic:
    """Describe a second branch that has not as many rows as the first has columns."""
    order = list(range(len(b)))
    order[-2:] = order[:-3:-1]
    transposed = f", or transpose it with `permute: {order}`" if b[-1] == a[-1] else ""
    return Diagnostic(
        "CNN206",
        f"`matmul` cannot multiply matrices of {'×'.join(map(str, a[-2:]))} "
        f"and {'×'.join(map(str, b[-2:]))}",
        equation=f"{shape_text(a)} and {shape_text(b)}",
        help=f"the second branch needs {a[-1]} rows{transposed}",
    )
