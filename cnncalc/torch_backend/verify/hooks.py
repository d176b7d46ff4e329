"""One run of a network, seen by hooks: what each layer returned, and whose memory holds it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ...diagnostic import Diagnostic, Mistake, first_line
from ..allocator import is_out_of_memory, requested_bytes


class Call(NamedTuple):
    """One call of a module: its path, the shape it returned (batch first), and the bytes of memory that are new with it."""

    path: str
    shape: tuple[int, ...]
    bytes: int
    requested: int | None = (
        None  # bytes that a card's allocator was asked for meanwhile, and still holds
    )


class Run(NamedTuple):
    """The calls in order, the bytes of the inputs, and the shapes of what the network returned."""

    calls: list[Call]
    input_bytes: int
    outputs: tuple[tuple[int, ...], ...]


class Memory:
    """Tells memory that was seen before from memory that is new, and keeps all of it, so that none is used again."""

    def __init__(self) -> None:
        self.held: dict[int, torch.UntypedStorage] = {}

    def new_bytes(self, tensor: Tensor) -> int:
        """Bytes of the tensor's storage, or 0 where it was seen already. Storages of meta tensors are told apart too."""
        storage = tensor.untyped_storage()
        if storage._cdata in self.held:
            return 0
        self.held[storage._cdata] = storage
        return storage.nbytes()


def run(
    network: nn.Module, inputs: Sequence[Tensor], paths: Iterable[str], device: torch.device
) -> Run:
    """Runs a network once, without gradients, and notes every call of the modules at the given paths.

    All that they return is kept until the end, so that on a card what the allocator holds grows by each.
    """
    memory, handles = Memory(), []
    calls: list[Call] = []
    input_bytes = sum(map(memory.new_bytes, inputs))
    for path in dict.fromkeys(paths):

        def note(module: nn.Module, xs: Any, y: Tensor, path: str = path) -> None:
            nonlocal held
            before, held = held, requested_bytes(device)
            grown = None if before is None or held is None else held - before
            calls.append(Call(path, tuple(y.shape), memory.new_bytes(y), grown))

        handles.append(network.get_submodule(path).register_forward_hook(note))
    held = requested_bytes(device)
    try:
        with torch.no_grad():
            y = network(*inputs)
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        raise Mistake(
            Diagnostic("CNN404", f"the network does not run: {first_line(error)}")
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    outputs = y if isinstance(y, tuple) else (y,)
    return Run(calls, input_bytes, tuple(tuple(o.shape) for o in outputs))
