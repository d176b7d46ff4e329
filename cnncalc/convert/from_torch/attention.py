"""Attention without projections: two products of matrices, and a softmax between them."""

from __future__ import annotations

from ...trace import Call, Ref
from ..axes import Value
from ..layers import Unknown
from .draft import Draft
from .joins import joined, multiplied
from .operators import softmax_over
from .reader import Reader
from .scaling import scaled


def _attention(draft: Draft, call: Call) -> Value:
    """Return what queries, keys and values give, all with the batch and the heads first."""
    given = call.arguments
    refs = [given[name] for name in ("query", "key", "value")]
    if not all(isinstance(ref, Ref) for ref in refs) or given["is_causal"]:
        raise Unknown("it is causal, or begins with parameters")
    queries, keys, values = (draft.of(ref) for ref in refs)
    rank, features = len(queries.dims), draft.sizes(refs[0])[-1]
    swapped = keys.permuted([*range(rank - 2), rank - 1, rank - 2])
    scores = multiplied(draft, call, queries, swapped)
    factor = given["scale"] if given["scale"] is not None else features**-0.5
    if factor != 1:
        scores = scaled(draft, call._replace(name="mul"), scores, factor)
    mask = given["attn_mask"]
    if isinstance(mask, Ref):
        scores = joined(draft, call, "add", scores, draft.of(mask, stretched=True))
    elif mask is not None:
        scores = scaled(draft, call._replace(name="add"), scores, mask)
    shares = softmax_over(draft, call._replace(name="softmax"), scores, rank - 1)
    return multiplied(draft, call, shares, values)


READERS = {
    "scaled_dot_product_attention": Reader(
        _attention, "`matmul`, `scale`, `softmax` and `matmul`: `attention` has projections too"
    ),
}
