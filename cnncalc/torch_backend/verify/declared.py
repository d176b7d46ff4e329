"""Measures what an `opaque` layer declares, on the class that makes it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from ...analysis.result import Row
from ...at_least import AtLeast
from ...ops.opaque import Opaque
from .result import Check, check_equal, unmeasured


def declared_checks(row: Row, op: Opaque, module: nn.Module) -> Iterator[Check]:
    """Check what a layer declares beside its shape, parameters and MACs."""
    kept = _kept_beside(module, row)
    declared = AtLeast(0) if isinstance(op.saved, str) else op.saved
    yield check_equal("saved", declared * row.batch, kept, "saved_tensors_hooks")
    if row.receptive_fields:
        why = "it is declared, and no class runs for receptive fields"
        yield unmeasured("receptive_field", op.field, "gradients", why)


def _kept_beside(module: nn.Module, row: Row) -> int:
    """Return the bytes that backward keeps beside the inputs, the output and what is held anyway.

    Each storage counts once.
    """
    tensors = (*module.parameters(), *module.buffers())
    device = next((tensor.device for tensor in tensors), torch.device("cpu"))
    xs = [torch.zeros(row.batch, *shape, device=device) for shape in row.input_shapes]
    found: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        found[storage._cdata] = storage  # held, so that its number is not used again
        return tensor

    before, training = _buffer_values(module), module.training
    module.train()
    with torch.enable_grad(), saved_tensors_hooks(keep, lambda tensor: tensor):
        y = module(*(x.requires_grad_() for x in xs))
    module.train(training)
    with torch.no_grad():
        for buffer, value in zip(module.buffers(), before):
            buffer.copy_(value)
    held = {tensor.untyped_storage()._cdata for tensor in (*tensors, *xs, y)}
    return sum(storage.nbytes() for number, storage in found.items() if number not in held)


def _buffer_values(module: nn.Module) -> list[Tensor]:
    return [buffer.clone() for buffer in module.buffers()]
