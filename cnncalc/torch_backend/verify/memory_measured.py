"""Measures the memory of a step: what backward holds, and what is in memory at each layer."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from weakref import ref as weakref

from torch import Tensor, get_rng_state, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.profiler import record_function

from ...analysis.memory.timeline import Step
from ..allocations import Allocations, Moment, recorded
from ..allocator import AllocatorBytes, peak_of
from ..build import Network, layer_paths
from .memory_step import MemoryStep

_LAYER = "cnncalc layer "  # the span of a layer's forward call, before its number
_OPTIMIZER = "Optimizer."  # torch's own name for the span of an optimizer's step


class MeasuredRun(NamedTuple):
    """The memory of a run in bytes, the network alone.

    `at` is the first step at which most is in memory, and `steps` has the most at each step. Both
    need the profiler, which records the CPU's memory. `workspaces` are what the peak is higher by
    with the memory that calls take and give back inside themselves.
    """

    peak: int
    by: str
    at: Step | None
    steps: dict[Step, int]
    workspaces: int


class _Held:
    """A tensor that a layer keeps, as long as backward needs it.

    In a branch that no output needs, that ends with the branch, even if the tensor stays in memory.
    """

    def __init__(self, tensor: Tensor, layer: int):
        self.tensor, self.layer = tensor, layer


def saved_by_layer(step: MemoryStep) -> dict[int, int]:
    """Return the bytes that backward holds after a forward pass, by the layer that keeps them.

    Each storage belongs to the first layer that still keeps it, and what a checkpoint keeps to its
    first layer. Parameters and buffers are left out.
    """
    checkpoints = step.network.checkpoints
    found: list[weakref[_Held]] = []
    tensors = (*step.network.parameters(), *step.network.buffers())
    own = {tensor.untyped_storage()._cdata for tensor in tensors}
    running = step.network.entries - 1

    def enter(n: int) -> None:
        nonlocal running
        running = n

    def leave() -> None:
        nonlocal running
        if running + 1 in checkpoints:  # which keeps what it reads before its first layer runs
            running += 1

    def keep(tensor: Tensor) -> _Held:
        # Detached: a layer that keeps its own output would never be freed.
        held = _Held(tensor.detach(), running)
        found.append(weakref(held))
        return held

    leave()
    hooks = saved_tensors_hooks(keep, lambda held: held.tensor)
    with _around_layers(step.network, enter, leave), hooks:
        outputs = step.forward()
    saved: dict[int, int] = {}
    for held in filter(None, (reference() for reference in found)):
        storage = held.tensor.untyped_storage()
        if storage._cdata not in own:
            own.add(storage._cdata)
            saved[held.layer] = saved.get(held.layer, 0) + storage.nbytes()
    if step.device.type == "cpu":  # the generator's state is kept, on the CPU, but not by hooks
        for first in checkpoints:
            saved[first] = saved.get(first, 0) + get_rng_state().nbytes
    del outputs
    return saved


def measured_run(step: MemoryStep, before: AllocatorBytes) -> MeasuredRun:
    """Run a step, and return its memory. What a card held `before` the network is left out."""
    step.prepare()
    results: list[object] = []  # the caller of a network holds its outputs

    def run() -> None:
        results.append(step())

    if step.device.type == "cuda":
        peak = peak_of(run, step.held, step.device, before)
        return MeasuredRun(peak.requested, "the allocator", None, {}, peak.workspaces or 0)
    spans: list[Any] = []

    def enter(n: int) -> None:
        spans.append(record_function(f"{_LAYER}{n}"))
        spans[-1].__enter__()

    def leave() -> None:
        spans.pop().__exit__(None, None, None)

    with _around_layers(step.network, enter, leave):
        found = recorded(run, step.held)
    steps = _by_step(found)
    at = max(steps, key=steps.__getitem__)
    workspaces = found.with_workspaces - steps[at]
    return MeasuredRun(steps[at], "torch.profiler", at, steps, workspaces)


def _by_step(found: Allocations) -> dict[Step, int]:
    """Return the bytes in memory at each step, at most, from the moments of a run."""
    steps: dict[Step, int] = {}
    before = found.before
    for step, moment in zip(_steps(found.moments), found.moments):
        steps[step] = max(steps.get(step, before), moment.bytes)
        before = moment.bytes
    return steps


def _steps(moments: list[Moment]) -> Iterator[Step]:
    """Yield the step of each moment.

    A forward call is inside the span of its layer. A backward call belongs to the layer in which
    the forward call with its number ran, or in which a layer runs again during backward. What is
    freed between two steps belongs to the first of them. The loss begins backward.
    """
    inside = [m for m in moments if _layer_of(m) is not None and not m.backward]
    numbers: list[int] = []  # of the first call in each layer, and in the loss
    layers: list[int | None] = []
    step, sequence, left = Step("start"), -1, len(inside)
    for moment in moments:
        layer = _layer_of(moment)
        if moment.backward:
            sequence = moment.sequence if moment.sequence >= 0 else sequence
            if layer is None and (n := bisect_right(numbers, sequence)):
                layer = layers[n - 1]
            step = Step("backward", layer)
        elif moment.span.startswith(_OPTIMIZER):
            step = Step("optimizer")
        elif layer is not None:
            step, left = Step("forward", layer), left - 1
        elif not left and step.phase == "forward" and moment.call != "[memory]":
            step = Step("backward")
        new = not layers or layers[-1] != step.layer
        if new and not moment.backward and moment.sequence >= 0:
            numbers.append(moment.sequence)
            layers.append(step.layer)
        yield step


def _layer_of(moment: Moment) -> int | None:
    """Return the number of the layer in whose call a moment is, if it is in one."""
    name = moment.span
    return int(name.removeprefix(_LAYER)) if name.startswith(_LAYER) else None


@contextmanager
def _around_layers(
    network: Network, enter: Callable[[int], None], leave: Callable[[], None]
) -> Iterator[None]:
    """Call `enter` with a layer's number before each call of a layer, and `leave` after it.

    Those that share weights are calls of the same module, in order. A checkpoint calls its layers
    again.
    """
    numbers: dict[nn.Module, list[int]] = {}
    for n, path in enumerate(layer_paths(network), network.entries):
        numbers.setdefault(network.get_submodule(path), []).append(n)
    calls = dict.fromkeys(numbers, 0)

    def before(module: nn.Module, inputs: object) -> None:
        own = numbers[module]
        n = own[calls[module] % len(own)]
        calls[module] += 1
        enter(n)

    def after(module: nn.Module, inputs: object, output: object) -> None:
        leave()

    handles = []
    for module in numbers:
        handles.append(module.register_forward_pre_hook(before))
        handles.append(module.register_forward_hook(after))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
