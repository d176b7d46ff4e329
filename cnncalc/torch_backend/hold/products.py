"""Computes attention by the products and the softmax that it is written with in a spec."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class AttentionByProducts(TorchFunctionMode):
    """Takes scaled_dot_product_attention apart, the same way for every kernel and device.

    NOTE: torch's own way without a kernel scales queries and keys; here the scores are scaled.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        if func is F.scaled_dot_product_attention and not _is_special(given):
            return _attention(*args, **given)
        return func(*args, **given)


def _is_special(given: dict[str, Any]) -> bool:
    """Return whether a call asks for more than shares of the values."""
    mask = given.get("attn_mask")
    masked = mask is not None and mask.dtype == torch.bool
    return bool(masked or given.get("is_causal") or given.get("enable_gqa"))


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    scores = query @ key.transpose(-2, -1)
    factor = query.shape[-1] ** -0.5 if scale is None else scale
    if factor != 1:
        scores = scores * factor
    if attn_mask is not None:
        scores = scores + attn_mask
    return scores.softmax(-1) @ value
