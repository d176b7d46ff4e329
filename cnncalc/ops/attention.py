"""Attention."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from annotated_types import Gt
from pydantic import Field

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, contiguous
from ..num import Num, Shape, product, total
from ..window import IDENTITY, Unknown
from ..wording import shape_text
from .autocast import TO_HALF, Device
from .base import Op
from .field_types import LARGEST, Flag, LayerName, Positive, Probability
from .kept import NEW, Backward, Extra, Gradient, Kept, Moment, at_once, later
from .needs import Need, divides
from .reads import WHOLE, ChannelReads, Reach, Taken, Windows
from .shapes import NO_AXES, values
from .torch_call import TorchCall

OptionalPositive = Annotated[int | None, Gt(0), Field(le=LARGEST, description="a positive integer")]
Moments = tuple[Moment, ...]
_CAUSAL = Unknown("with `causal`, how much of the sequence a position reads depends on its place")


class Attention(Op):
    """Mixes the positions of a sequence by computed weights, as torch.nn.MultiheadAttention.

    Its input is a sequence of L positions with E features each, as torch's with `batch_first`; or
    several sequences, such as windows, each of which is treated alone. `permute: [1, 0]` turns
    channels × positions into a sequence. With `memory`, the positions read those of another layer
    (cross-attention) instead of their own. The network that cnncalc builds has the parameters of
    torch's module and computes with scaled_dot_product_attention.

    Shapes: (*b, L, E) -> (*b, L, E), where *b may be nothing
    Rule: y = o(concat(softmax(qᵢ·kᵢᵀ/√d)·vᵢ)) with d = E/heads features for each head i, where q is
        a linear function of the input, k and v are linear functions of the S positions that are
        read, and o is another one; `heads` must divide E
    Parameters: 4·E² weights, or 2·E² + 2·E·M with `memory_features: M`; 4·E biases with `bias`
    Cost: per sequence, 2·L·E² + 2·S·M·E + 2·L·S·E multiply–accumulates, where M is E or
        `memory_features`; with `bias`, 1 addition per value of q, k, v and y; per score, of which
        there are heads·L·S, 1 multiplication, 1 comparison, 2 additions, 1 exponential and 1
        division; per sum, of which there are heads·L, 1 comparison and 1 addition less
    Fields:
        heads: number of heads
        memory: layer whose positions are read; by default those of the input
        memory_features: number of features of `memory`, if not that of the input
        bias: whether trained biases are added to q, k, v and y
        dropout: probability that a weight becomes 0 in training
        causal: whether a position reads only those up to its own; the others are computed, too

    Source: Vaswani et al. 2017, Attention is all you need, arXiv:1706.03762
    Example: `attention: 3` on 196×192
    """

    key = "attention"
    signatures = {"MultiheadAttention": ("embed_dim", "num_heads", "dropout", "bias")}
    aliases = ("multiheadattention", "selfattention", "multiheadselfattention", "mhsa")
    field_aliases = {"num_heads": "heads", "attention_dropout": "dropout", "is_causal": "causal"}
    aten = ("scaled_dot_product_attention",)
    main = "heads"
    inputs = (1, 2)
    ranks = (2, 3, 4)
    layers_named = ("memory",)
    reads_named = True
    multiplies = True
    cast = TO_HALF
    heads: Positive
    memory: LayerName | None = None
    memory_features: OptionalPositive = None
    bias: Flag = True
    dropout: Probability = 0.0
    causal: Flag = False

    def needs(self, x: Shape, *memory: Shape) -> Iterator[Need]:
        yield divides(x[-1], self.heads, lambda: _indivisible(x[-1], self.heads))
        yield from self._reads(x, *memory)

    def _reads(self, x: Shape, *memory: Shape) -> Iterator[Need]:
        """Yield what `memory` needs to be, and what may be said of it."""
        features = self.memory_features
        if not memory:
            yield Need(0 if features is None else -1, lambda: _needless(f"{features}"))
            return
        (other,) = memory
        yield Need(-1 if self.causal else 0, _causal_memory)
        yield Need(len(other) - len(x), lambda: _other_axes(x, other), True)
        if len(other) != len(x):
            return
        for n, m in zip(x[:-2], other[:-2]):
            yield Need(m - n, lambda: _other_axes(x, other), True)
        if features is not None:
            apart = features - x[-1]
            yield Need(apart * apart - 1, lambda: _needless(f"{features}"))
        wanted = x[-1] if features is None else features
        yield Need(other[-1] - wanted, lambda: _other_features(other[-1], wanted), True)

    def shape(self, x: Shape, *memory: Shape) -> Shape:
        return x

    def units(self, *xs: Shape) -> frozenset[int]:
        return NO_AXES

    def weights(self, x: Shape, *memory: Shape) -> dict[str, Shape]:
        e, f = x[-1], self.memory_features
        table: dict[str, Shape] = {"in_proj_weight": (3 * e, e)}
        if f is not None:
            table = {"q_proj_weight": (e, e), "k_proj_weight": (e, f), "v_proj_weight": (e, f)}
        biases: tuple[dict[str, Shape], ...] = ({}, {})
        if self.bias:
            biases = {"in_proj_bias": (3 * e,)}, {"out_proj.bias": (e,)}
        return {**table, **biases[0], "out_proj.weight": (e, e), **biases[1]}

    def products(self, x: Shape, *memory: Shape) -> tuple[Shape, ...]:
        *b, n, e = x
        *_, m, f = (*memory, x)[0]
        return (*b, 2, n, e, e), (*b, 2, m, f, e), (*b, 2, n, m, e)

    def fused(self, x: Shape, *memory: Shape) -> Num:
        """The products with q and v, which scaled_dot_product_attention makes."""
        return product(self.products(x, *memory)[-1])

    def cost(self, x: Shape, *memory: Shape, y: Shape) -> Cost:
        m = (*memory, x)[0][-2]
        sums = self.heads * product(x[:-1])
        scores = sums * m
        biases = 2 * values(x) + 2 * product((*x[:-2], m, x[-1])) if self.bias else 0
        return Cost(
            mac=total([product(sizes) for sizes in self.products(x, *memory)]),
            add=biases + 2 * scores - sums,
            mul=scores,
            div=scores,
            cmp=scores - sums,
            exp=scores,
        )

    def window(self, *xs: Shape) -> Windows:
        """A position reads all features of all positions, but with `memory` its own alone."""
        rank = len(xs[0])
        apart: list[Reach] = [(axis, IDENTITY) for axis in range(rank - 2)]
        everything: Reach = _CAUSAL if self.causal else WHOLE
        all_read: list[Reach] = [*apart[:-1], everything, WHOLE]
        own: list[Reach] = [*apart, WHOLE]
        read = tuple(all_read[1 - rank :])
        return (tuple(own), read) if len(xs) > 1 else (read,)

    def channels(self, *xs: Shape) -> ChannelReads:
        if len(xs[0]) > 2:
            return "each"
        return up_to_each(xs[0][0]) if self.causal else "all"

    def copied(self, *xs: Layout) -> tuple[int, ...]:
        return tuple(n for n, x in enumerate(xs) if not x.is_contiguous)

    def keeps(self, x: Shape, *memory: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        """Return q, k and v, what they give, and a sum for each row of scores.

        NOTE: on the CPU, dropout has a kernel that keeps all scores, and computes in float32.
        """
        m = product((*x[:-2], (*memory, x)[0][-2], x[-1]))
        sums = self.heads * product(x[:-1])
        made = (Extra(values(x), "upcast"), Extra(m, "upcast"), Extra(m, "upcast"))
        if back.training and self.dropout:
            scores = sums * (*memory, x)[0][-2]
            noise = scores if self.dropout < 1 else 0
            zero = Extra(int(self.dropout == 1), "scores", once=True)
            own: tuple[Extra, ...] = (
                *made,
                Extra(2 * scores + noise, "scores"),
                zero,
                Extra(sums, "sums"),
            )
        else:
            own = *(extra._replace(kind="values") for extra in made), Extra(sums, "lengths")
        read = tuple(range(len(memory) + 1)) if back.trained else ()
        parameters = self._read_back(x, *memory, back=back)
        return Kept(read, extras=(*own, Extra(values(x))), parameters=parameters)

    def _read_back(self, x: Shape, *memory: Shape, back: Backward) -> tuple[str, ...]:
        """Return the parameters that the gradients of the inputs need."""
        asked = any(back.needs(n) for n in range(len(memory) + 1))
        names = [name for name in self.weights(x, *memory) if name.endswith("weight")]
        return tuple(name for name in names if asked or name == "out_proj.weight")

    def busiest(self, x: Shape, *memory: Shape, y: Shape, back: Backward | None) -> Moments:
        """Return q, k and v, and what the kernel makes of them."""
        m = product((*x[:-2], (*memory, x)[0][-2], x[-1]))
        return at_once(Extra(2 * values(x) + 2 * m))

    def busiest_backward(self, x: Shape, *memory: Shape, y: Shape, back: Backward) -> Moments:
        """Return gradients of what the last product reads, of q, k and v together, then of each.

        Those that were computed at once have a gradient in one piece. Those of the parts of a
        weight and of a bias are joined one after the other.
        """
        n, e = values(x), x[-1]
        read = (*memory, x)[0]
        m, f = product((*read[:-1], e)), read[-1]
        dx, dm = Extra(back.needs(0) * n), Extra(back.needs(len(memory)) * values(read))
        q, k, v, last = (
            Extra(back.trained * e * (width + self.bias), once=True) for width in (e, f, f, e)
        )
        own = self.keeps(x, *memory, y=y, back=back).extras
        moments: Moments = at_once(Extra(n), last) + later(*own, Extra(2 * n + 2 * m), last)
        if not memory:
            return moments + later(Extra(6 * n), last) + later(Extra(3 * n), dx, q, k, v, last)
        if self.memory_features is not None:
            moments += later(Extra(n + 2 * m), dm, v, last)
            moments += later(Extra(n + m), dm, dm, k, v, last)
            return moments + later(Extra(n), dx, dm, q, k, v, last)
        moments += later(Extra(n + 4 * m), last) + later(Extra(n + 2 * m), dm, k, v, last)
        moments += later(Extra(n), dx, dm, q, k, v, last)
        joined = Extra(back.trained * 3 * e * e, once=True)
        return moments + later(dx, dm, q, k, v, joined, last, read=False)

    def is_followed(self, *xs: Shape, given: tuple[int, ...], mixed: bool, training: bool) -> bool:
        """NOTE: with dropout, the CPU takes many operations for what is one on a card.

        Under autocast, it copies the weights that it reads last when the peak may be over.
        """
        return not (training and self.dropout or mixed)

    def kept_nearly(self, *xs: Shape, mixed: bool, batch: int, device: Device) -> str | None:
        if mixed and self.memory_features is not None:
            return "autocast makes copies of its own for keys and values"
        if self.dropout and not mixed and (batch == 1 or self.heads == 1):
            return "a single image or head is read without a copy"
        return None

    def gradients(self, *xs: Shape, y: Shape, back: Backward) -> tuple[Gradient, ...]:
        return (NEW,) * len(xs)

    def laid_out(self, *xs: Layout, y: Shape) -> Layout:
        return contiguous(y)

    def torch(self, x: Shape, *memory: Shape) -> TorchCall:
        arguments = {
            "embed_dim": x[-1],
            "num_heads": self.heads,
            "dropout": self.dropout,
            "bias": self.bias,
            "memory_features": self.memory_features,
            "causal": self.causal,
        }
        return TorchCall("Attention", arguments)

    def linearized(self, x: Shape, *memory: Shape) -> TorchCall:
        """Return a mean of what it reads: its shares saturate."""
        return TorchCall("Mixture", {"features": x[-1], "causal": self.causal})


def up_to_each(n: int) -> ChannelReads:
    """Return what channels read of which each reads those up to its own."""
    return [Taken(0, range(c + 1), 1) for c in range(n)]


def _indivisible(features: Num, heads: int) -> Diagnostic:
    return Diagnostic(
        "CNN205",
        f"{features} features cannot be divided among {heads} heads",
        help="the number of heads must divide that of the features, which are the last axis",
    )


def _causal_memory() -> Diagnostic:
    message = "`causal` needs positions of one sequence, but `memory` is another"
    return Diagnostic("CNN103", message, help="remove one of them")


def _needless(features: str) -> Diagnostic:
    message = f"`memory_features: {features}` says nothing new"
    help = "remove it: it is for a `memory` with other features than the input"
    return Diagnostic("CNN103", message, help=help)


def _other_axes(x: Shape, memory: Shape) -> Diagnostic:
    return Diagnostic(
        "CNN206",
        f"`attention` cannot read {shape_text(memory)} for {shape_text(x)}",
        help="`memory` needs the axes of the input; only its positions and features may differ",
    )


def _other_features(found: Num, wanted: Num) -> Diagnostic:
    return Diagnostic(
        "CNN206",
        f"`memory` has {found} features, not {wanted}",
        help=f"write `memory_features: {found}`",
    )
