"""Weights of the same network saved elsewhere, under other names: matched by their order."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from ..diagnostic import Diagnostic, Mistake
from ..ops.base import named
from ..ops.norm import COUNTER


def load_state_dict(network: nn.Module, state: Mapping[str, Tensor]) -> nn.Module:
    """Fills a network with the tensors of another's `state_dict`, in their order, whatever they are called.

    Shapes: each tensor's must be that of the network's own at the same place in the order.
    Errors: a Mistake that names the first pair that differs; nothing is copied then.
    """
    counted = any(name.endswith(COUNTER) for name in state)
    own = {
        name: tensor
        for name, tensor in network.state_dict().items()
        if counted or not name.endswith(COUNTER)
    }
    for (mine, a), (theirs, b) in zip(own.items(), state.items()):
        if a.shape != b.shape:
            raise Mistake(
                Diagnostic(
                    "CNN405",
                    f"`{theirs}` is {named(b.shape)}, `{mine}` of the spec is {named(a.shape)}",
                )
            )
    if len(own) != len(state):
        extra = [*state][len(own) :] or [*own][len(state) :]
        owner = "the weights" if len(state) > len(own) else "the spec"
        raise Mistake(
            Diagnostic(
                "CNN405",
                f"{len(state)} tensors for {len(own)}: `{extra[0]}` of {owner} has no counterpart",
            )
        )
    network.load_state_dict(dict(zip(own, state.values())), strict=counted)
    return network
