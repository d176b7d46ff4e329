"""Measures the time of each layer: forward by hooks, backward by nodes of autograd's graph."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, NamedTuple

from torch import Tensor

from ..build import Network, layer_paths
from .clock import Clock


class LayerTime(NamedTuple):
    """Median seconds of one layer."""

    forward: float
    backward: float | None


def layer_times(
    network: Network, step: Callable[[], None], clock: Clock, runs: int, tick: Callable[[], None]
) -> list[LayerTime]:
    """Return the median time of each layer over `runs` runs, in the order of the layers.

    A card is held back while the whole step is launched, so that a layer's time is that of its
    kernels. On the CPU, it includes the call. The backward pass of a layer begins when autograd
    reaches the node that made its output, and ends when it reaches the node of another layer. A
    layer that returns its input, as dropout does at inference, has no node of its own.
    """
    watch = _Watch(network, clock)
    found = []
    try:
        launching = 0.0  # seconds that it takes to launch a whole step
        for n in range(runs + clock.gpu):
            watch.begin()
            clock.hold_back(1.5 * launching)
            start = time.perf_counter()
            step()
            end = clock.mark()
            launching = time.perf_counter() - start
            clock.wait()
            if n or not clock.gpu:  # the first run on a card shows how long launching takes
                found.append(watch.seconds(end))
                tick()
    finally:
        watch.remove()
    times = []
    for n in range(len(network.plan)):
        forward = median(run[n][0] for run in found)
        has_backward = found[0][n][1] is not None
        backward = median(run[n][1] or 0 for run in found) if has_backward else None
        times.append(LayerTime(forward, backward))
    return times


class _Watch:
    """Hooks that mark when each layer starts and ends, and when autograd reaches it."""

    def __init__(self, network: Network, clock: Clock):
        self._clock = clock
        self._handles: list[Any] = []
        self.begin()
        for path in dict.fromkeys(layer_paths(network)):
            module = network.get_submodule(path)
            # This hook must run before the one that pads.
            first = module.register_forward_pre_hook(self._start, prepend=True)
            self._handles += [first, module.register_forward_hook(self._end)]

    def begin(self) -> None:
        """Forget the previous run."""
        self._marks: list[list[Any]] = []  # start and end of each call, in the order of the layers
        self._turns: list[tuple[int, Any]] = []  # (layer, when autograd reached it)
        self._known: set[Any] = set()  # nodes of autograd's graph

    def seconds(self, end: Any) -> Sequence[tuple[float, float | None]]:
        """Return (forward, backward) of each layer; backward is None for all if there was none."""
        backward: dict[int, float] = {}
        turns_end = [*(mark for _, mark in self._turns[1:]), end]
        for (layer, turn), following in zip(self._turns, turns_end):
            seconds = self._clock.seconds(turn, following)
            backward[layer] = backward.get(layer, 0) + seconds
        times = []
        for n, marks in enumerate(self._marks):
            back = backward.get(n, 0.0) if self._turns else None
            times.append((self._clock.seconds(*marks), back))
        return times

    def remove(self) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()

    def _start(self, module: Any, inputs: Any) -> None:
        self._marks.append([self._clock.mark()])

    def _end(self, module: Any, inputs: Any, y: Tensor) -> None:
        layer = len(self._marks) - 1
        self._marks[-1].append(self._clock.mark())
        if y.grad_fn is not None and y.grad_fn not in self._known:
            self._known.add(y.grad_fn)
            y.grad_fn.register_prehook(
                lambda gradients: self._turns.append((layer, self._clock.mark()))
            )
