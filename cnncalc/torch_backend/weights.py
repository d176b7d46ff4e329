"""Loads weights of the same network that were saved under other names, matched by their order."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from ..diagnostic import Diagnostic, Mistake
from ..ops.base import COUNTER
from ..wording import shape_text


def load_state_dict(network: nn.Module, state: Mapping[str, Tensor]) -> nn.Module:
    """Fill a network with the tensors of another's `state_dict`, in order, whatever their names.

    Accepts:
        network: what `build` returned, or any torch module.
        state: the `state_dict` of another module. The n-th tensor must have the shape of the
            network's n-th. Batch counters of norms (`num_batches_tracked`) may be missing.

    Returns:
        The network that was given.

    Errors:
        A Mistake with CNN405 that names the first two tensors that differ in shape, or the first
        tensor that is left over. Nothing is copied then.

    Example:
        >>> import cnncalc, torch
        >>> text = "input: [3, 8, 8]\\nlayers: [{conv: {out: 4, kernel: 3}}]"
        >>> network = cnncalc.build(cnncalc.loads(text))
        >>> theirs = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3))
        >>> cnncalc.load_state_dict(network, theirs.state_dict()) is network
        True
        >>> bool((network.conv1.weight == theirs[0].weight).all())
        True
    """
    counted = any(name.endswith(COUNTER) for name in state)
    own = {}
    for name, tensor in network.state_dict().items():
        if counted or not name.endswith(COUNTER):
            own[name] = tensor
    for (our_name, ours), (their_name, theirs) in zip(own.items(), state.items()):
        if ours.shape != theirs.shape:
            shapes = shape_text(theirs.shape), shape_text(ours.shape)
            message = (
                f"`{their_name}` has the shape {shapes[0]},"
                f" but `{our_name}` of the spec has {shapes[1]}"
            )
            raise Mistake(Diagnostic("CNN405", message))
    if len(own) != len(state):
        extra = [*state][len(own) :] or [*own][len(state) :]
        owner = "the weights" if len(state) > len(own) else "the spec"
        counts = f"the weights have {len(state)} tensors, the spec has {len(own)}"
        message = f"{counts}: `{extra[0]}` of {owner} has no counterpart"
        raise Mistake(Diagnostic("CNN405", message))
    network.load_state_dict(dict(zip(own, state.values())), strict=counted)
    return network
