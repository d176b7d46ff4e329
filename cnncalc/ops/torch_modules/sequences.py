"""Layers of sequences."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F


class Attention(nn.MultiheadAttention):
    """Multi-head attention of sequences: (N, *b, L, E) -> (N, *b, L, E).

    Unlike its base it always runs scaled_dot_product_attention, and needs no mask to be causal.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float,
        bias: bool,
        memory_features: int | None,
        causal: bool,
    ):
        of_memory = {"kdim": memory_features, "vdim": memory_features}
        super().__init__(embed_dim, num_heads, dropout, bias, **of_memory, batch_first=True)
        self.causal = causal

    def forward(  # type: ignore[override]  # it is called with a sequence, and perhaps another one
        self, x: Tensor, memory: Tensor | None = None
    ) -> Tensor:
        read = None if memory is None else memory.contiguous()
        dropout = self.dropout if self.training else 0.0
        attend: Callable[..., Tensor] = F.scaled_dot_product_attention
        y = attend(  # q, k and v are not named, so that they are free again after it
            *map(self.by_head, self.projected(x.contiguous(), read)),
            dropout_p=dropout,
            is_causal=self.causal,
        )
        y = y.transpose(1, 2).reshape(x.shape)
        return F.linear(y, self.out_proj.weight, self.out_proj.bias)

    def projected(self, x: Tensor, memory: Tensor | None) -> tuple[Tensor, ...]:
        """Compute q, k and v, with one product for all that read the same tensor and weight."""
        weight, bias, e = self.in_proj_weight, self.in_proj_bias, self.embed_dim
        if memory is None:
            return F.linear(x, weight, bias).chunk(3, -1)
        if weight is not None:
            biases = (None, None) if bias is None else bias.split((e, 2 * e))
            q, both = weight.split((e, 2 * e))
            return F.linear(x, q, biases[0]), *F.linear(memory, both, biases[1]).chunk(2, -1)
        biases = (None,) * 3 if bias is None else bias.chunk(3)
        weights = self.q_proj_weight, self.k_proj_weight, self.v_proj_weight
        return tuple(map(F.linear, (x, memory, memory), weights, biases))

    def by_head(self, y: Tensor) -> Tensor:
        """Split the features: (N, *b, L, E) -> (N·∏b, heads, L, E/heads)."""
        split: Tensor = y.flatten(0, -3).unflatten(-1, (self.num_heads, -1))
        return split.transpose(1, 2)


class FirstOf(nn.Module):
    """Returns the first of several values, such as a recurrent layer's output without its state."""

    def forward(self, ys: tuple[Tensor, ...]) -> Tensor:
        return ys[0]


class Mixture(nn.Module):
    """Adds a mean of the positions that are read, all or those up to its own, to each position."""

    def __init__(self, features: int, causal: bool):
        super().__init__()
        self.features, self.causal = features, causal

    def forward(self, x: Tensor, memory: Tensor | None = None) -> Tensor:
        read = (x if memory is None else memory).mean(-1, keepdim=True)
        read = read.cumsum(-2) if self.causal else read.mean(-2, keepdim=True)
        return (x.mean(-1, keepdim=True) + read).expand(*x.shape[:-1], self.features)


class Repeated(nn.Module):
    """Returns each value so many times, along a further axis: (N, …) -> (N, …, times)."""

    def __init__(self, times: int):
        super().__init__()
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        return x.unsqueeze(-1).expand(*x.shape, self.times)
