"""What a run of a graph holds in memory, as the timeline says and as torch does on the CPU."""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnncalc.analysis.memory.run import Run
from cnncalc.analysis.memory.timeline import Timeline
from cnncalc.graph import Graph
from cnncalc.torch_backend.allocations import Allocations, recorded
from cnncalc.torch_backend.build import Network, as_tuple


class Peaks(NamedTuple):
    """Bytes held before a run, and the most that is held in forward, and from backward on."""

    before: int
    forward: int
    backward: int = 0

    def differ(self, other: Peaks) -> int:
        """The largest difference of two, in bytes."""
        return max(abs(a - b) for a, b in zip(self, other))


def predicted(graph: Graph, run: Run) -> Peaks:
    """What the timeline says."""
    now, most = 0, {"start": 0, "forward": 0, "backward": 0}
    for event in Timeline(graph, run):
        size = event.tensor.size.at(run.batch)
        now += -size if event.freed else size
        phase = event.step.phase
        part = "backward" if phase == "optimizer" else phase
        most[part] = max(most[part], now)
    assert now >= 0
    forward = max(most["start"], most["forward"])
    return Peaks(before=most["start"], forward=forward, backward=most["backward"])


def measured(graph: Graph, run: Run, network: nn.Module | None = None) -> Peaks:
    """What torch allocates."""
    return of(allocations(graph, run, network))


def of(found: Allocations) -> Peaks:
    """The peaks of a record."""
    most, backward = [found.before, 0], False
    for moment in found.moments:
        backward |= moment.backward
        most[backward] = max(most[backward], moment.bytes)
    return Peaks(found.before, *most)


def allocations(graph: Graph, run: Run, network: nn.Module | None = None) -> Allocations:
    """The record of one run, after one that is not recorded."""
    dtype = {2: torch.bfloat16, 4: torch.float32, 8: torch.float64}[run.width]
    training = run.training and not run.evaluating
    network = (network or Network(graph)).train(training).to(dtype)
    shapes = [(run.batch, *node.shape) for node in graph.nodes if node.op is None]
    xs = [torch.randn(shape, dtype=dtype) for shape in shapes]
    ys = [(run.batch, *graph.nodes[n].shape[1:]) for n in graph.outputs]
    targets = [torch.zeros(y, dtype=torch.int64) for y in ys if run.loss != "none"]
    optimizer = optimizer_of(run, network)
    step = _inference(network, xs, run)
    if run.training:
        step = _training(network, xs, targets, optimizer, run)
    kept: list[object] = [step()]
    network.zero_grad(set_to_none=True)
    kept.clear()
    held = [*network.parameters(), *network.buffers(), *xs, *targets]
    if optimizer is not None:
        own = (t for state in optimizer.state.values() for t in state.values())
        held += [t for t in own if isinstance(t, Tensor)]
    if run.kept_gradients:
        for parameter in network.parameters():
            parameter.grad = torch.zeros_like(parameter)
            held.append(parameter.grad)
    gc.collect()  # or what is collected meanwhile counts as freed
    return recorded(lambda: kept.append(step()), held)


def optimizer_of(run: Run, network: nn.Module) -> torch.optim.Optimizer | None:
    """Return torch's optimizer in the form that the run says."""
    made = {
        "sgd": torch.optim.SGD,
        "momentum": partial(torch.optim.SGD, momentum=0.9),
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
        "rmsprop": torch.optim.RMSprop,
        "adagrad": torch.optim.Adagrad,
    }
    if run.optimizer == "none" or not list(network.parameters()):
        return None
    form = {"fused": True} if run.fused else {"foreach": run.device == "cuda"}
    found: torch.optim.Optimizer = made[run.optimizer](network.parameters(), lr=1e-3, **form)
    return found


def _autocast(run: Run) -> AbstractContextManager[object]:
    if run.amp is None:
        return nullcontext()
    return torch.autocast("cpu", getattr(torch, run.amp))


def _inference(network: nn.Module, xs: list[Tensor], run: Run) -> Callable[[], object]:
    def step() -> object:
        with torch.no_grad(), _autocast(run):
            return network(*xs)

    return step


def _training(
    network: nn.Module,
    xs: list[Tensor],
    targets: list[Tensor],
    optimizer: torch.optim.Optimizer | None,
    run: Run,
) -> Callable[[], object]:
    def step() -> object:
        with _autocast(run):
            ys = as_tuple(network(*xs))
        losses = [y.sum() for y in ys]
        if targets:
            with _autocast(run):
                losses = [F.cross_entropy(y, target) for y, target in zip(ys, targets)]
        torch.autograd.backward(losses)
        if optimizer is not None:
            optimizer.step()
        return ys, losses

    return step
