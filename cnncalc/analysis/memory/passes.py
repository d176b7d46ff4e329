"""Reads a training step without checkpoints: what each stretch of layers adds to the memory.

With checkpoints, a stretch adds the same to what the layers before it keep. So what a training step
with any checkpoints needs follows, very nearly, from one without them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

from ...graph import Graph
from .checkpoints import saves
from .gradients import Gradients
from .in_place import written_over
from .run import Run
from .storage import memory
from .timeline import Timeline


class Passes:
    """The bytes in memory during a training step of a graph without checkpoints, by layer.

    Attributes:
        forward, backward: the most while a layer runs.
        begun: what is in memory before a layer runs in forward.
        inference: the same at inference, above what is there from start to end.
        after: what is in memory after backward has gone through the layers from this one on, but
            without what the layers before keep for it.
        keeps: by layer, the tensors that it keeps for backward, by number.
        sizes: the bytes of each tensor. Inputs and outputs of the network have none: no checkpoint
            decides whether they are there.
        holders, readers: the layers that keep a tensor, and those that read one, in order.
        base: what is there before the first layer runs.
        loss: the most after the last layer, before backward goes through it.
        outside: the most before the first layer and in the optimizer's step.
        kept: what the layers before each layer keep.
    """

    def __init__(self, graph: Graph, run: Run):
        count = len(graph.nodes)
        self.device = run.device
        self.graph, self.homes = graph, memory(graph, run.batch, True).homes
        timeline = Timeline(graph, run)
        self.forward, self.backward, before = [0] * count, [0] * count, [0] * (count + 1)
        self.begun = [0] * count
        self.base = self.loss = self.outside = 0
        now, ahead, behind = 0, 0, count
        outputs: dict[int, int] = {}
        for event in timeline:
            phase, layer = event.step
            if phase == "forward":
                upto = count if layer is None else layer + 1
                for n in range(ahead, upto):
                    self.begun[n] = self.forward[n] = now
                ahead = max(ahead, upto)
            elif phase == "backward" and layer is not None:
                for n in range(layer, behind):
                    before[n + 1] = self.backward[n] = now
                behind = min(behind, layer)
            size = event.tensor.size.at(run.batch)
            now += -size if event.freed else size
            if event.tensor.reason == "output" and event.tensor.layer is not None:
                outputs[event.tensor.layer] = size
            if phase == "start":
                self.base = now
            if phase in ("start", "optimizer"):
                self.outside = max(self.outside, now)
            elif layer is None:
                self.loss = max(self.loss, now)
            elif phase == "forward":
                self.forward[layer] = max(self.forward[layer], now)
            else:
                self.backward[layer] = max(self.backward[layer], now)
        for n in range(behind):
            before[n + 1] = self.backward[n] = now
        self.loss = max(self.loss, before[count])
        self.keeps: Mapping[int, Sequence[int]] = timeline.keeps
        self.sizes = {key: size.at(run.batch) for key, size in timeline.sizes.items()}
        self.sizes |= outputs
        self.sizes |= dict.fromkeys((n for n, node in enumerate(graph.nodes) if node.op is None), 0)
        self.sizes |= dict.fromkeys((self.homes[n] for n in graph.outputs), 0)
        self.holders: dict[int, list[int]] = {}
        for n in sorted(self.keeps):
            for key in self.keeps[n]:
                self.holders.setdefault(key, []).append(n)
        self.readers: dict[int, list[int]] = {}
        for n, node in enumerate(graph.nodes):
            for home in {self.homes[m] for m in node.holds}:
                self.readers.setdefault(home, []).append(n)
        self.kept = self._kept_before()
        self.after = [before[n] - self.kept[n] for n in range(count + 1)]
        self.inference = _at_inference(graph, run)
        self.moved = written_over(graph)
        gradients = Gradients(graph)
        self.saving = [saves(graph, gradients, n) for n in range(count)]
        self.macs = list(accumulate(_macs(graph, run.batch), initial=0))

    def keeps_result(self, n: int) -> bool:
        """Whether backward needs the output of a layer; then its second run makes that, too."""
        op = self.graph.nodes[n].op
        return op is not None and bool(op.keeps_output or op.keeps_written)

    def _kept_before(self) -> list[int]:
        known: set[int] = set()
        found = [0]
        for n in range(len(self.graph.nodes)):
            new = set(self.keeps.get(n, ())) - known
            known |= new
            found.append(found[-1] + sum(map(self.sizes.__getitem__, new)))
        return found


def _at_inference(graph: Graph, run: Run) -> list[int]:
    """The most while each layer runs at inference, above what is there from start to end."""
    found = [0] * len(graph.nodes)
    now = ahead = 0
    run = run._replace(mode="inference", optimizer="none", loss="none", kept_gradients=False)
    for event in Timeline(graph, run):
        layer, size = event.step.layer, event.tensor.size.at(run.batch)
        if event.step.phase != "forward" or layer is None:
            continue
        for n in range(ahead, layer + 1):
            found[n] = now
        ahead = max(ahead, layer + 1)
        now += -size if event.freed else size
        found[layer] = max(found[layer], now)
    return found


def _macs(graph: Graph, batch: int) -> list[int]:
    found = []
    for node in graph.nodes:
        cost = node.op and node.op.cost(*graph.shapes_into(node), y=node.shape)
        found.append(int(cost.mac) * batch if cost else 0)
    return found
