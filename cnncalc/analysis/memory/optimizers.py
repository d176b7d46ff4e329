"""What an optimizer keeps for each parameter, and what its step makes for a moment, in torch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from ...ops.autocast import FLOAT32
from .run import Run
from .tensors import Bytes, Step, Tensors

Form = Literal["foreach", "single", "fused"]


class Optimizer(NamedTuple):
    """How many tensors as large as the parameters it keeps, and makes in each form of its step.

    `counts` says whether it counts the steps of each parameter, in a float32. `foreach` tensors are
    made of all parameters at once, `single` ones of one after the other, where the last is free
    only when the next is done. The fused form, where there is one, makes nothing.
    """

    states: int = 0
    counts: bool = False
    foreach: int = 0
    single: int = 0
    fused: bool = True


OPTIMIZERS = {
    "none": Optimizer(),
    "sgd": Optimizer(),
    "momentum": Optimizer(states=1),
    "adam": Optimizer(states=2, counts=True, foreach=1, single=2),
    "adamw": Optimizer(states=2, counts=True, foreach=1, single=2),
    "rmsprop": Optimizer(states=1, counts=True, foreach=1, single=1, fused=False),
    "adagrad": Optimizer(states=1, counts=True, foreach=2, single=1),
}


class Parameter(NamedTuple):
    """A parameter that is trained: the number of its layer, and its bytes."""

    layer: int
    bytes: int


def form_of(run: Run) -> Form:
    """The form of the step that torch takes where none is asked for."""
    if run.fused and OPTIMIZERS[run.optimizer].fused:
        return "fused"
    return "foreach" if run.device == "cuda" else "single"


def start(tensors: Tensors, run: Run, parameters: Iterable[Parameter]) -> None:
    """Allocate what the optimizer keeps. A card holds the counts of steps of the fused form alone.

    Torch makes them at the first step, so this is the memory from the second on.
    """
    optimizer = OPTIMIZERS[run.optimizer]
    counts = optimizer.counts and (run.device == "cpu" or form_of(run) == "fused")
    for layer, size in parameters:
        for _ in range(optimizer.states):
            tensors.new("optimizer state", layer, Bytes(size))
        if counts:
            tensors.new("optimizer state", layer, Bytes(FLOAT32))


def step(tensors: Tensors, run: Run, parameters: Iterable[Parameter]) -> None:
    """Allocate and free what a step makes."""
    optimizer, form = OPTIMIZERS[run.optimizer], form_of(run)
    tensors.step = Step("optimizer", None)
    if form == "foreach":
        made = [
            tensors.new("temporary", layer, Bytes(size))
            for _ in range(optimizer.foreach)
            for layer, size in parameters
        ]
        tensors.drop(*made)
    elif form == "single" and optimizer.single:
        _one_by_one(tensors, parameters, optimizer.single)


def _one_by_one(tensors: Tensors, parameters: Iterable[Parameter], count: int) -> None:
    before: list[int] = []
    for layer, size in parameters:
        tensors.step = Step("optimizer", layer)
        *others, last = [tensors.new("temporary", layer, Bytes(size)) for _ in range(count)]
        tensors.drop(*others, *before)
        before = [last]
    tensors.drop(*before)
