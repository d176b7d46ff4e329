"""How long each layer takes, forward by its hooks and backward by the nodes of autograd's graph."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, NamedTuple

from torch import Tensor

from ..build import Network
from .clock import Clock


class LayerTime(NamedTuple):
    """Median seconds of one layer."""

    forward: float
    backward: float | None


def layer_times(
    network: Network, step: Callable[[], None], clock: Clock, runs: int, tick: Callable[[], None]
) -> list[LayerTime]:
    """Medians over some runs, in the order of the network's layers.

    On a card the whole step is launched while it is held back, so that a layer's time is that of its kernels; on the CPU
    it includes the call. Backward of a layer lasts from the moment autograd turns to the node that made its output until it turns to the node
    of another layer. A layer that hands on its input, as dropout at inference, has no node of its own.
    """
    watch = Watch(network, clock)
    try:
        found = []
        launching = 0.0  # seconds that it takes to ask for all of a step
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
    return [
        LayerTime(
            median(run[n][0] for run in found),
            None if found[0][n][1] is None else median(run[n][1] or 0 for run in found),
        )
        for n in range(len(network.plan))
    ]


class Watch:
    """Hooks that mark when each layer starts, ends, and is turned to on the way back."""

    def __init__(self, network: Network, clock: Clock):
        self.clock, self.layers = clock, len(network.plan)
        self.handles: list[Any] = []
        for path in dict.fromkeys(path for path, _, _ in network.plan):
            module = network.get_submodule(path)
            first = module.register_forward_pre_hook(
                self.starts, prepend=True
            )  # before the hook that pads
            self.handles += [first, module.register_forward_hook(self.ends)]

    def begin(self) -> None:
        """Forgets the run before."""
        self.marks: list[
            list[Any]
        ] = []  # start and end, in the order of the calls, which is that of the layers
        self.turns: list[tuple[int, Any]] = []  # (layer, when autograd turned to it)
        self.known: set[Any] = set()

    def starts(self, module: Any, inputs: Any) -> None:
        self.marks.append([self.clock.mark()])

    def ends(self, module: Any, inputs: Any, y: Tensor) -> None:
        layer = len(self.marks) - 1
        self.marks[-1].append(self.clock.mark())
        if y.grad_fn is not None and y.grad_fn not in self.known:
            self.known.add(y.grad_fn)
            y.grad_fn.register_prehook(
                lambda gradients: self.turns.append((layer, self.clock.mark()))
            )

    def seconds(self, end: Any) -> Sequence[tuple[float, float | None]]:
        """(forward, backward) of each layer; backward is None for all of them where there was none."""
        back: dict[int, float] = {}
        for (layer, turn), following in zip(
            self.turns, [*(mark for _, mark in self.turns[1:]), end]
        ):
            back[layer] = back.get(layer, 0) + self.clock.seconds(turn, following)
        return [
            (self.clock.seconds(*marks), back.get(n, 0.0) if self.turns else None)
            for n, marks in enumerate(self.marks)
        ]

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()
