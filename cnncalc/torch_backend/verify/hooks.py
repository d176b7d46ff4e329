"""Runs a network once with hooks: what each layer returns, and how much new memory that takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
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
    bytes: int  # of memory that no earlier tensor used
    # Bytes that a card's allocator was asked for during the call and still holds; None for the CPU.
    requested: int | None = None


class Run(NamedTuple):
    """The calls in order, the bytes of the inputs, and the shapes that the network returned."""

    calls: list[Call]
    input_bytes: int
    outputs: tuple[tuple[int, ...], ...]


class _SeenMemory:
    """Distinguishes new memory from memory seen before, and keeps all of it from being reused."""

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

    Errors: a Mistake if the network does not run.
    """
    try:
        return noted_run(network, paths, device, lambda: network(*inputs))
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        message = f"the network does not run: {first_line(error)}"
        raise Mistake(Diagnostic("CNN404", message)) from error


def noted_run(
    network: nn.Module, paths: Iterable[str], device: torch.device, run: Callable[[], Any]
) -> Run:
    """Note every call of the modules at the paths while `run` runs the network once.

    Everything that they return is kept until the end. So what a card's allocator holds grows with
    each call.
    """
    memory = _SeenMemory()
    calls: list[Call] = []
    outputs: list[tuple[int, ...]] = []
    input_bytes = 0
    held: int | None = None

    def note_inputs(module: nn.Module, xs: tuple[Tensor, ...]) -> None:
        nonlocal input_bytes, held
        input_bytes = sum(map(memory.new_bytes, xs))
        held = requested_bytes(device)

    def note(module: nn.Module, xs: Any, y: Tensor, path: str) -> None:
        nonlocal held
        before, held = held, requested_bytes(device)
        grown = None if before is None or held is None else held - before
        calls.append(Call(path, _shape(y), memory.new_bytes(y), grown))

    def note_outputs(module: nn.Module, xs: Any, ys: Any) -> None:
        outputs.extend(map(_shape, as_tuple(ys)))

    handles = [
        network.register_forward_pre_hook(note_inputs),
        network.register_forward_hook(note_outputs),
    ]
    for path in dict.fromkeys(paths):
        hook = partial(note, path=path)
        handles.append(network.get_submodule(path).register_forward_hook(hook))
    try:
        with torch.no_grad():
            run()
    finally:
        for handle in handles:
            handle.remove()
    return Run(calls, input_bytes, tuple(outputs))


def _shape(y: Tensor) -> tuple[int, ...]:
    return tuple(map(int, y.shape))  # while torch traces a network, sizes are tensors
