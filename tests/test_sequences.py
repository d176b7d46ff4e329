"""Sequences: attention is torch's, parts of it are copied where torch copies, states are kept."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import cnncalc
from cnncalc.analysis.freezing import freeze
from cnncalc.analysis.memory.run import Run
from cnncalc.analysis.memory.summary import summary
from cnncalc.ops import BY_KEY
from cnncalc.torch_backend.build import assemble
from cnncalc.torch_backend.verify.counters import without_fused_layers
from cnncalc.torch_backend.verify.memory_measured import saved_by_layer
from cnncalc.torch_backend.verify.memory_step import MemoryStep

from .allocated import measured, predicted
from .samples import yaml
from .test_timeline import NEAR

L, S, E, F = 5, 7, 12, 8


def given(y: torch.Tensor, theirs: nn.MultiheadAttention, *xs: torch.Tensor, **more: Any) -> bool:
    """Return whether torch's module returns the same."""
    expected, _ = theirs(*xs, need_weights=False, **more)
    return torch.allclose(y, expected, atol=1e-6)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("features", [None, F])
def test_attention_is_that_of_torch(bias: bool, features: int | None) -> None:
    torch.manual_seed(0)
    x, memory = torch.randn(3, L, E), torch.randn(3, S, features or E)
    settings: dict[str, Any] = {"heads": 4, "bias": bias}
    of_memory = {"kdim": features, "vdim": features} if features else {}
    theirs = nn.MultiheadAttention(E, 4, bias=bias, batch_first=True, **of_memory).eval()
    crossed = BY_KEY["attention"](memory="m", memory_features=features, **settings)
    ours = crossed.torch((L, E), tuple(memory.shape[1:])).build().eval()
    ours.load_state_dict(theirs.state_dict())
    assert given(ours(x, memory), theirs, x, memory, memory)
    if features is None:
        own = BY_KEY["attention"](**settings).torch((L, E)).build().eval()
        own.load_state_dict(theirs.state_dict())
        assert given(own(x), theirs, x, x, x)
        causal = BY_KEY["attention"](causal=True, **settings).torch((L, E)).build().eval()
        causal.load_state_dict(theirs.state_dict())
        hidden = torch.ones(L, L, dtype=torch.bool).triu(1)
        assert given(causal(x), theirs, x, x, x, attn_mask=hidden)


def test_a_window_does_not_read_another() -> None:
    op = BY_KEY["attention"](heads=2)
    module = op.torch((4, L, E)).build().eval()
    x = torch.randn(2, 4, L, E)
    each = torch.stack([module(x[:, n]) for n in range(4)], 1)
    assert torch.allclose(module(x), each, atol=1e-6)


HEADS = yaml("""
    input: [24, 10]
    layers:
      - {conv: {out: 24, kernel: 1}, name: all}
      - {reshape: [4, 6, 10], name: keys}
      - {permute: [0, 2, 1], name: queries}
      - matmul: [queries, keys]
      - {softmax: 2, name: shares}
      - {permute: [0, 2, 1], from: keys, name: values}
      - matmul: [shares, values]
      - permute: [1, 0, 2]
      - matmul: {a: [], b: [permute: [0, 2, 1]]}
      - permute: [2, 0, 1]
      - matmul: {a: [], b: [permute: [0, 2, 1]]}
""")
POSITIONS = yaml("""
    input: [12, 10]
    layers:
      - {conv: {out: 12, kernel: 1}, name: map}
      - permute: [1, 0]
      - {attention: 3, name: own}
      - {permute: [1, 0], from: map, name: others}
      - {attention: {heads: 2, memory: others}, from: own}
""")


@pytest.mark.parametrize("text", [HEADS, POSITIONS], ids=["matmul", "attention"])
@pytest.mark.parametrize("mode", ["training", "inference"])
def test_what_torch_copies_is_in_memory(text: str, mode: Any) -> None:
    """Backward holds the copy of an input whose order in memory cannot be read."""
    graph = cnncalc.loads(text).graph()
    for batch in (1, 3):
        run = Run(mode, batch, device="cpu")
        ours, theirs = predicted(graph, run), measured(graph, run)
        assert ours.differ(theirs) <= NEAR, (batch, ours, theirs)


CHAIN = yaml("""
    input: [6, 9]
    layers:
      - {{conv: {{out: 6, kernel: 1}}, name: first}}
      - permute: [1, 0]
      - {{{layer}, name: it}}
      - permute: [1, 0]
      - conv: {{out: 2, kernel: 1}}
""")


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize(
    "layer",
    [
        "lstm: {out: 5, layers: 2, bidirectional: true}",
        "lstm: {out: 5, projection: 3, bias: false}",
        "gru: {out: 5, layers: 3, dropout: 0.5}",
        "rnn: {out: 5, activation: relu}",
    ],
)
def test_what_a_recurrent_layer_keeps(layer: str, frozen: bool) -> None:
    """NOTE: by torch's own kernels, without oneDNN."""
    graph = cnncalc.loads(CHAIN.format(layer=layer)).graph()
    freeze(graph, ["it"] if frozen else [])
    run = Run("training", 3, device="cpu")
    with without_fused_layers():
        step = MemoryStep(assemble(graph), graph, run, torch.device("cpu"))
        theirs = sum(saved_by_layer(step).values())
    assert summary(graph, run).saved == theirs
