"""One run of a network, seen by hooks: what each layer returned, and whose memory holds it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ...diagnostic import Diagnostic, Mistake, first_line
from ..allocator import is_out_of_memory, requested_bytes
from ..build import as_tuple


class Call(NamedTuple):
    """One call of a module."""

    path: str
    shape: tuple[int, ...]  # of what it returned, batch first
    bytes: int  # of memory that is new with it
    # Bytes that a card's allocator was asked for meanwhile, and still holds; None for the CPU.
    requested: int | None = None


class Run(NamedTuple):
    """The calls in order, the bytes of the inputs, and the shapes of what the network returned."""

    calls: list[Call]
    input_bytes: int
    outputs: tuple[tuple[int, ...], ...]


class _SeenMemory:
    """Tells new memory from memory that was seen before, and keeps all of it from being reused."""

    def __init__(self) -> None:
        self._storages: dict[int, torch.UntypedStorage] = {}

    def new_bytes(self, tensor: Tensor) -> int:
        """Return the bytes of the tensor's storage, or 0 if it was seen before; on meta too."""
        storage = tensor.untyped_storage()
        if storage._cdata in self._storages:
            return 0
        self._storages[storage._cdata] = storage
        return storage.nbytes()


def run_with_hooks(
    network: nn.Module, inputs: Sequence[Tensor], paths: Iterable[str], device: torch.device
) -> Run:
    """Run a network once, without gradients, and note every call of the modules at the paths.

    All that they return is kept until the end, so that on a card what the allocator holds grows
    with each call. Errors: a Mistake where the network does not run.
    """
    memory = _SeenMemory()
    calls: list[Call] = []
    handles = []
    input_bytes = sum(map(memory.new_bytes, inputs))
    held = requested_bytes(device)
    for path in dict.fromkeys(paths):

        def note(module: nn.Module, xs: Any, y: Tensor, path: str = path) -> None:
            nonlocal held
            before, held = held, requested_bytes(device)
            grown = None if before is None or held is None else held - before
            calls.append(Call(path, tuple(y.shape), memory.new_bytes(y), grown))

        handles.append(network.get_submodule(path).register_forward_hook(note))
    try:
        with torch.no_grad():
            outputs = as_tuple(network(*inputs))
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        message = f"the network does not run: {first_line(error)}"
        raise Mistake(Diagnostic("CNN404", message)) from error
    finally:
        for handle in handles:
            handle.remove()
    return Run(calls, input_bytes, tuple(tuple(y.shape) for y in outputs))
