"""Vectors that are looked up by integers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..cost import FREE, Cost
from ..layout import Layout, contiguous
from ..num import Shape, product
from .autocast import IN_FLOAT32
from .base import Op
from .field_types import Positive
from .kept import NOTHING, Backward, Gradient, Kept
from .shapes import NO_AXES
from .torch_call import TorchCall

if TYPE_CHECKING:
    from .called import Called

_OF_TRAINING = "remove it: it changes what training does, and no figure here"


class Embedding(Op):
    """Returns a trained vector for each integer, as torch.nn.Embedding.

    It reads an input that is declared with `dtype: integer`, such as the tokens of a text. Its
    output is a sequence, positions × features; `permute: [1, 0]` makes channels × positions of it.

    Shapes: (L) -> (L, D), where D is `out`; any further axes stay before the last
    Rule: y = W[i], the row of the weights W whose number is the integer i
    Parameters: vocabulary·out
    Cost: none: it only copies values
    Fields:
        vocabulary: number of different integers, which are 0 to `vocabulary` − 1
        out: number of values of a vector

    Example: `embedding: {vocabulary: 30000, out: 64}` on 12
    """

    key = "embedding"
    aliases = ("embeddinglayer", "tokenembedding", "wordembedding")
    signatures = {"Embedding": ("num_embeddings", "embedding_dim")}
    field_aliases = {
        "num_embeddings": "vocabulary",
        "vocab_size": "vocabulary",
        "input_dim": "vocabulary",
        "embedding_dim": "out",
        "output_dim": "out",
        "dim": "out",
    }
    field_notes = {
        "padding_idx": _OF_TRAINING,
        "max_norm": _OF_TRAINING,
        "norm_type": _OF_TRAINING,
        "scale_grad_by_freq": _OF_TRAINING,
        "sparse": "remove it: gradients are counted as torch's dense ones",
        "mask_zero": _OF_TRAINING,
    }
    aten = ("embedding",)
    choices = "vocabulary"
    ranks = (1, 2, 3)
    channelwise = True
    cast = IN_FLOAT32
    vocabulary: Positive
    out: Positive

    @classmethod
    def of_call(cls, call: Called) -> Mapping[str, Any] | None:
        """What is a matter of training, such as `padding_idx`, is no field."""
        weight = call.weights.get("weight", ())
        return dict(zip(("vocabulary", "out"), weight)) if len(weight) == 2 else None

    def shape(self, x: Shape) -> Shape:
        return (*x, self.out)

    def units(self, x: Shape) -> frozenset[int]:
        return NO_AXES

    def weights(self, x: Shape) -> dict[str, Shape]:
        return {"weight": (self.vocabulary, self.out)}

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return FREE

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        return Kept(inputs=(0,)) if back.trained else NOTHING

    def gradients(self, x: Shape, *, y: Shape, back: Backward) -> tuple[Gradient, ...]:
        return (None,)

    def laid_out(self, *xs: Layout, y: Shape) -> Layout:
        return contiguous(y)

    def arithmetic(self, x: Shape) -> str:
        return f"{product(x)} integers → {self.out} values each"

    def torch(self, x: Shape) -> TorchCall:
        arguments = {"num_embeddings": self.vocabulary, "embedding_dim": self.out}
        return TorchCall("Embedding", arguments)

    def linearized(self, x: Shape) -> TorchCall:
        """Return each number as often as a vector has values: a choice has no gradient."""
        return TorchCall("Repeated", {"times": self.out})
