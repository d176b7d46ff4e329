"""Asks torch about an operator or a network.

For an operator: shapes, parameters, aliasing, cost, what backward keeps, and what torch refuses.
For a network: the shapes that its modules return.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from cnncalc.ops.base import Op
from cnncalc.torch_backend.verify.counters import without_fused_layers

from .deformed import counted, deformable

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


class How(NamedTuple):
    """A run of which the bytes held for backward are measured."""

    training: bool
    batch: int
    dtype: torch.dtype


RUNS = (
    How(False, 1, torch.float32),
    How(True, 1, torch.float32),
    How(True, 2, torch.float32),
    How(True, 2, torch.float64),
    How(True, 2, torch.float16),
    How(True, 2, torch.bfloat16),
)


@dataclass
class Seen:
    """What one run of a module showed."""

    shape: tuple[int, ...]
    parameters: dict[str, tuple[int, ...]]
    buffers: dict[str, tuple[int, ...]]
    macs: int
    storage: str
    kept: dict[How, int]  # without the ways in which torch cannot run it


def run(op: Op, shapes: Sequence[tuple[int, ...]]) -> Seen | None:
    """Return what torch does with an operator, or None if it refuses it."""
    with deformable() if op.operation else nullcontext():
        return _run(op, shapes)


def _run(op: Op, shapes: Sequence[tuple[int, ...]]) -> Seen | None:
    try:
        module = op.torch(*shapes).build().eval()
        xs = [read_by(op, shape) for shape in shapes]
        counter = FlopCounterMode(display=False, custom_mapping=counted())
        with counter, torch.no_grad(), as_products():
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
        kept=all_kept(op, module, shapes),
    )


def read_by(op: Op, shape: tuple[int, ...], batch: int = 1) -> torch.Tensor:
    """Return random numbers for an operator, or integers if it reads these."""
    if op.choices is None:
        return torch.randn(batch, *shape)
    return torch.randint(getattr(op, op.choices), (batch, *shape))


@contextmanager
def as_products() -> Iterator[None]:
    """Compute attention and recurrent layers by products of matrices, which the counter sees."""
    with sdpa_kernel(SDPBackend.MATH), without_fused_layers():
        yield


def recorded_shapes(network: nn.Module) -> dict[str, list[tuple[int, ...]]]:
    """Return a record that a run fills with the output shapes of each module, by path, in order."""
    shapes: dict[str, list[tuple[int, ...]]] = {}
    for path, module in network.named_modules():
        calls = shapes.setdefault(path, [])

        def note(m: nn.Module, x: object, y: object, calls: list = calls) -> None:
            if isinstance(y, torch.Tensor):
                calls.append(tuple(y.shape[1:]))

        module.register_forward_hook(note)
    return shapes


def all_kept(op: Op, module: nn.Module, shapes: Sequence[tuple[int, ...]]) -> dict[How, int]:
    """Return the bytes held for backward in each way to run in which torch can run the module."""
    found = {}
    for how in RUNS:
        # One value per channel has no variance, and a kernel may lack a type.
        with suppress(ValueError, RuntimeError), without_fused_layers():
            found[how] = kept(op, module, shapes, how)
    return found


def kept(op: Op, module: nn.Module, shapes: Sequence[tuple[int, ...]], how: How) -> int:
    """Return the bytes held for backward, each storage once, without parameters and buffers."""
    if hasattr(module, "inplace"):
        module.inplace = False
    module.train(how.training).to(how.dtype)
    xs: list[torch.Tensor] = [read_by(op, shape, how.batch) for shape in shapes]
    if op.choices is None:
        xs = [x.to(how.dtype).requires_grad_() for x in xs]
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
