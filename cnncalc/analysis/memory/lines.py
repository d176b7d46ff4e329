"""The bytes in memory as lines: functions of the batch, of which the highest is the peak."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ...graph import Graph
from .optimizers import Parameter, start, step
from .run import Run
from .tensors import Bytes, Held, Step, Tensors
from .timeline import Timeline


class Line(NamedTuple):
    """The bytes in memory at a moment as a function of the batch, and the step of that moment."""

    size: Bytes
    step: Step


class _Trained(NamedTuple):
    """A run without an optimizer: its lines, what is left at its end, and the parameters.

    `saved` is what backward holds at the end of forward.
    """

    lines: list[Line]
    left: Bytes
    saved: Bytes
    parameters: list[Parameter]


class Lines:
    """The lines of runs of one graph; runs that differ in the optimizer share one timeline.

    An optimizer adds its state to every moment, and its step comes after backward.
    """

    def __init__(self, graph: Graph):
        self.graph = graph
        self._known: dict[Run, _Trained] = {}

    def of(self, run: Run) -> list[Line]:
        """Return lines of which the highest is the peak of a run, whatever its batch.

        What is a view and what is a copy is that of the run's own batch. It may differ between one
        image and several.
        """
        found = self._bare(run)
        if not run.training or run.optimizer == "none":
            return found.lines
        tensors = Tensors(0)
        start(tensors, run, found.parameters)
        state = Bytes(sum(event.tensor.size.fixed for event in tensors.events()))
        step(tensors, run, found.parameters)
        now, highest, at = 0, 0, Step("optimizer", None)
        for event in tensors.events():
            now += -event.tensor.size.fixed if event.freed else event.tensor.size.fixed
            if now > highest:
                highest, at = now, event.step
        last = Line(found.left.plus(state).plus(Bytes(highest)), at)
        return [*(line._replace(size=line.size.plus(state)) for line in found.lines), last]

    def saved(self, run: Run) -> Bytes:
        """Return what backward holds at the end of forward."""
        return self._bare(run).saved

    def _bare(self, run: Run) -> _Trained:
        bare = run._replace(optimizer="none", fused=False)
        if bare not in self._known:
            self._known[bare] = self._trained(bare)
        return self._known[bare]

    def _trained(self, run: Run) -> _Trained:
        highest: dict[int, Line] = {}
        gradients: dict[int, Held] = {}
        fixed = per_image = 0
        timeline = Timeline(self.graph, run)
        for event in timeline:
            tensor = event.tensor
            if event.freed:
                fixed, per_image = fixed - tensor.size.fixed, per_image - tensor.size.per_image
                gradients.pop(id(tensor), None)
                continue
            fixed, per_image = fixed + tensor.size.fixed, per_image + tensor.size.per_image
            if tensor.reason == "parameter gradient":
                gradients[id(tensor)] = tensor
            before = highest.get(per_image)
            if before is None or fixed > before.size.fixed:
                highest[per_image] = Line(Bytes(fixed, per_image), event.step)
        parameters = [Parameter(t.layer or 0, t.size.fixed) for t in gradients.values()]
        return _Trained(
            lines=list(highest.values()),
            left=Bytes(fixed, per_image),
            saved=_sum(tensor.size for held in timeline.saved.values() for tensor in held),
            parameters=sorted(parameters, key=lambda parameter: parameter.layer),
        )


def _sum(sizes: Iterable[Bytes]) -> Bytes:
    """Return the sum of sizes."""
    found = Bytes(0)
    for size in sizes:
        found = found.plus(size)
    return found
