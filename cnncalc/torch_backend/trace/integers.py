"""Finds which inputs of a network hold integers: those with which vectors are looked up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from .inputs import Inputs


def with_integers(network: nn.Module, images: Sequence[Tensor], inputs: Inputs) -> list[Tensor]:
    """Return the inputs of a network, of which those that an embedding reads are integers.

    A network that has an embedding runs once for that, on tensors without values.
    """
    if not any(isinstance(module, nn.Embedding) for module in network.modules()):
        return list(images)
    given = [image.to("meta") for image in images]
    own = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    lookups = _Lookups()
    with suppress(Exception), torch.no_grad(), lookups:  # what stops it stops the trace, too
        bare = {name: tensor.to("meta") for name, tensor in own.items()}
        functional_call(network, bare, *inputs.arguments(given))
    read = [x.untyped_storage()._cdata in lookups.storages for x in given]
    return [image.long() if looked_up else image for image, looked_up in zip(images, read)]


class _Lookups(TorchFunctionMode):
    """Notes the memory of what embeddings read, and lets them read any numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.storages: set[int] = set()

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if function is F.embedding and args and isinstance(args[0], Tensor):
            self.storages.add(args[0].untyped_storage()._cdata)
            args = (args[0].long(), *args[1:])
        return function(*args, **(kwargs or {}))
