"""Runs modules on tensors that say they are on a card, to see what autocast does to them there.

Nothing is computed, and no card is needed: torch's own dispatcher decides which types are used.
Gradients need a real device.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

CARD = torch.device("cuda:0")


class Seen(NamedTuple):
    """The bytes of a number of the output, and those of each tensor that was cast."""

    width: int
    casts: list[int]


class Casts(TorchDispatchMode):
    """Notes the bytes of each tensor that is copied to another type."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[int] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is torch.ops.aten._to_copy.default:
            self.found.append(result.numel() * result.element_size())
        return result


def seen(
    module: nn.Module, shapes: Sequence[tuple[int, ...]], widths: Sequence[int], dtype: torch.dtype
) -> Seen:
    """Run a module of meta tensors on inputs of these shapes, of `widths` bytes a number."""
    types = {2: dtype, 4: torch.float32}
    fakes = FakeTensorMode(allow_non_fake_inputs=True)

    def fake(tensor: Tensor) -> Tensor:
        return FakeTensor(fakes, tensor.detach(), CARD)

    for part in module.modules():
        for kept in (part._parameters, part._buffers):
            for name, tensor in kept.items():
                kept[name] = None if tensor is None else fake(tensor)
    xs = [
        fake(torch.empty(shape, device="meta", dtype=types[width]))
        for shape, width in zip(shapes, widths)
    ]
    before = torch.get_autocast_dtype("cuda")
    torch.set_autocast_enabled("cuda", True)
    torch.set_autocast_dtype("cuda", dtype)
    try:
        with torch.no_grad(), fakes, Casts() as casts:
            y = module(*xs)
    finally:
        torch.set_autocast_enabled("cuda", False)
        torch.set_autocast_dtype("cuda", before)
        torch.clear_autocast_cache()
    return Seen(y.element_size(), sorted(casts.found))
