"""Weights of the same network saved elsewhere, under other names: matched by their order."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from ..diagnostic import Diagnostic, Mistake
from ..ops.norm import COUNTER
from ..wording import shape_text


def load_state_dict(network: nn.Module, state: Mapping[str, Tensor]) -> nn.Module:
    """Fill a network with the tensors of another's `state_dict`, in order and whatever their names.

    Shapes: each tensor's must be that of the network's own at the same place in the order.
    Errors: a Mistake that names the first pair that differs; nothing is copied then.
    """
    counted = any(name.endswith(COUNTER) for name in state)
    own = {}
    for name, tensor in network.state_dict().items():
        if counted or not name.endswith(COUNTER):
            own[name] = tensor
    for (our_name, ours), (their_name, theirs) in zip(own.items(), state.items()):
        if ours.shape != theirs.shape:
            shapes = shape_text(theirs.shape), shape_text(ours.shape)
            message = f"`{their_name}` is {shapes[0]}, `{our_name}` of the spec is {shapes[1]}"
            raise Mistake(Diagnostic("CNN405", message))
    if len(own) != len(state):
        extra = [*state][len(own) :] or [*own][len(state) :]
        owner = "the weights" if len(state) > len(own) else "the spec"
        counts = f"{len(state)} tensors for {len(own)}"
        message = f"{counts}: `{extra[0]}` of {owner} has no counterpart"
        raise Mistake(Diagnostic("CNN405", message))
    network.load_state_dict(dict(zip(own, state.values())), strict=counted)
    return network
