"""What torch says of an operator or a network.

Of an operator: shapes, parameters, aliasing, cost, what backward keeps, and what torch refuses.
Of a network: the shapes that its modules return.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from cnncalc.ops.base import Op

warnings.filterwarnings("ignore", module="torch")
REFUSALS = (
    RuntimeError,
    ValueError,
    TypeError,
    IndexError,
    NotImplementedError,
    AssertionError,
    AttributeError,
    ZeroDivisionError,
)


@dataclass
class Seen:
    """One run of a module."""

    shape: tuple[int, ...]
    parameters: dict[str, tuple[int, ...]]
    buffers: dict[str, tuple[int, ...]]
    macs: int
    storage: str
    kept: int
    kept_training: int | None  # None where torch cannot train on a single image


def run(op: Op, shapes: Sequence[tuple[int, ...]]) -> Seen | None:
    """Return what torch does with an operator, or None where it refuses it."""
    try:
        module = op.torch(*shapes).build().eval()
        xs = [torch.randn(1, *shape) for shape in shapes]
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            versions = [x._version for x in xs]
            y = module(*xs)
        if y.numel() == 0:
            return None
    except REFUSALS:
        return None
    storage = "new"
    if y.untyped_storage().data_ptr() == xs[0].untyped_storage().data_ptr():
        storage = "view"
    if xs[0]._version > versions[0]:
        storage = "inplace"
    return Seen(
        shape=tuple(y.shape[1:]),
        parameters={name: tuple(p.shape) for name, p in module.named_parameters()},
        buffers={name: tuple(b.shape) for name, b in module.named_buffers()},
        macs=counter.get_total_flops() // 2,
        storage=storage,
        kept=kept(module, shapes),
        kept_training=kept_in_training(module, shapes),
    )


def recorded_shapes(network: nn.Module) -> dict[str, list[tuple[int, ...]]]:
    """Return a record that a run fills: by module path the output shape of each call, in order."""
    shapes: dict[str, list[tuple[int, ...]]] = {}
    for path, module in network.named_modules():
        calls = shapes.setdefault(path, [])

        def note(m: nn.Module, x: object, y: object, calls: list = calls) -> None:
            if isinstance(y, torch.Tensor):
                calls.append(tuple(y.shape[1:]))

        module.register_forward_hook(note)
    return shapes


def kept_in_training(module: nn.Module, shapes: Sequence[tuple[int, ...]]) -> int | None:
    """Return the bytes held in training mode, or None where torch cannot train on one image."""
    try:
        return kept(module, shapes, training=True)
    except ValueError:  # one value per channel has no variance
        return None


def kept(module: nn.Module, shapes: Sequence[tuple[int, ...]], training: bool = False) -> int:
    """Return the bytes held for backward, each storage once, parameters and buffers apart."""
    if hasattr(module, "inplace"):
        module.inplace = False
    module.train(training)
    xs: list[Any] = [torch.randn(1, *shape, requires_grad=True) for shape in shapes]
    own = {t.untyped_storage().data_ptr() for t in (*module.parameters(), *module.buffers())}
    storages = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        where = tensor.untyped_storage()
        if where.data_ptr() not in own:
            # The storage itself, so that its memory is not used again.
            storages[where.data_ptr()] = where
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        keep = module(*xs)
    del keep
    return sum(storage.nbytes() for storage in storages.values())
