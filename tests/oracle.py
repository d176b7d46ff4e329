"""What torch says of an operator: shapes, parameters, aliasing, cost, what backward keeps, and what it refuses."""

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
    """What torch does with an operator, or None where it refuses it."""
    try:
        module = op.module(*shapes).eval()
        xs = [torch.randn(1, *shape) for shape in shapes]
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            versions = [x._version for x in xs]
            y = module(*xs)
        if y.numel() == 0:
            return None
    except (
        RuntimeError,
        ValueError,
        TypeError,
        IndexError,
        NotImplementedError,
        AssertionError,
        AttributeError,
        ZeroDivisionError,
    ):
        return None
    alias = y.untyped_storage().data_ptr() == xs[0].untyped_storage().data_ptr()
    written = xs[0]._version > versions[0]
    own = {name: tuple(p.shape) for name, p in module.named_parameters()}
    buffers = {name: tuple(b.shape) for name, b in module.named_buffers()}
    storage = "inplace" if written else "view" if alias else "new"
    return Seen(
        tuple(y.shape[1:]),
        own,
        buffers,
        counter.get_total_flops() // 2,
        storage,
        kept(module, shapes),
        kept_in_training(module, shapes),
    )


def kept_in_training(module: nn.Module, shapes: Sequence[tuple[int, ...]]) -> int | None:
    try:
        return kept(module, shapes, training=True)
    except ValueError:  # one value per channel has no variance
        return None


def kept(module: nn.Module, shapes: Sequence[tuple[int, ...]], training: bool = False) -> int:
    """Bytes held for backward, each storage once, parameters and buffers apart."""
    if hasattr(module, "inplace"):
        module.inplace = False
    module.train(training)
    xs: list[Any] = [torch.randn(1, *shape, requires_grad=True) for shape in shapes]
    own = {t.untyped_storage().data_ptr() for t in (*module.parameters(), *module.buffers())}
    storages = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        where = tensor.untyped_storage()
        if where.data_ptr() not in own:
            storages[where.data_ptr()] = (
                where  # the storage itself, so that its memory is not used again
            )
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        keep = module(*xs)
    del keep
    return sum(storage.nbytes() for storage in storages.values())
