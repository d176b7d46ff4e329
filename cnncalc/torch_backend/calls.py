"""One run of a network, seen by hooks: what each layer returned, and whose memory holds it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..diagnostic import Diagnostic, Mistake


class Call(NamedTuple):
    """One call of a module: its path, the shape it returned (batch first), and the bytes of memory that are new with it."""

    path: str
    shape: tuple[int, ...]
    bytes: int


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


def run(network: nn.Module, inputs: Sequence[Tensor], paths: Iterable[str]) -> Run:
    """Runs a network once, without gradients, and notes every call of the modules at the given paths."""
    memory, calls, handles = Memory(), [], []
    input_bytes = sum(map(memory.new_bytes, inputs))
    for path in dict.fromkeys(paths):
        def note(module: nn.Module, xs: Any, y: Tensor, path: str = path) -> None:
            calls.append(Call(path, tuple(y.shape), memory.new_bytes(y)))

        handles.append(network.get_submodule(path).register_forward_hook(note))
    try:
        with torch.no_grad():
            y = network(*inputs)
    except RuntimeError as error:
        raise Mistake(Diagnostic("CNN404", f"the network does not run: {first_line(error)}")) from error
    finally:
        for handle in handles:
            handle.remove()
    outputs = y if isinstance(y, tuple) else (y,)
    return Run(calls, input_bytes, tuple(tuple(o.shape) for o in outputs))


def first_line(error: BaseException) -> str:
    """``TypeName: the first line of the message``."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:300]}" if text else type(error).__name__
