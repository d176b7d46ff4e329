"""The two plain runs of a network, at inference and in training, each followed once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from ..result import BYTES, Report
from .gradients import Gradients
from .overview import at_inference, in_training, trainable
from .run import Run
from .storage import memory
from .summary import Followed, LayerBytes, Summary, followed, summary_of
from .tensors import Held


class Runs:
    """The memory of a network at inference and in training, computed once for all of its layers.

    Nothing is kept before the loss, and training is by plain gradient descent.
    """

    def __init__(self, report: Report):
        self.graph = report.graph
        self.run = Run(batch=report.batch, width=BYTES[report.dtype])
        self.trains = trainable(report.dtype)

    @cached_property
    def at_inference(self) -> Followed:
        """The run at inference."""
        return followed(self.graph, at_inference(self.run))

    @cached_property
    def in_training(self) -> Followed:
        """The run in training."""
        return followed(self.graph, in_training(self.run))

    @cached_property
    def inference_summary(self) -> Summary:
        """What the run at inference takes."""
        return summary_of(self.graph, self.at_inference)

    @cached_property
    def training_summary(self) -> Summary:
        """What the run in training takes."""
        return summary_of(self.graph, self.in_training)

    @cached_property
    def inference(self) -> dict[int, LayerBytes]:
        """What is in memory while each node runs at inference."""
        return _by_layer(self.inference_summary)

    @cached_property
    def training(self) -> dict[int, LayerBytes]:
        """What is in memory while each node runs in training."""
        return _by_layer(self.training_summary)

    @property
    def saved(self) -> dict[int, list[Held]]:
        """What backward keeps of each node."""
        return self.in_training.timeline.saved

    @cached_property
    def first_to_keep(self) -> dict[int, int]:
        """The first node that keeps the memory of a node, by the number of the latter."""
        found: dict[int, int] = {}
        for n, tensors in self.saved.items():
            for tensor in tensors:
                if tensor.layer is not None and tensor.reason in ("input", "output"):
                    found.setdefault(tensor.layer, n)
        return found

    @cached_property
    def gradients(self) -> Gradients:
        """Which layers gradients pass through."""
        return Gradients(self.graph)

    @cached_property
    def homes(self) -> Sequence[int]:
        """The node whose memory each node's output is in, in training."""
        return memory(self.graph, self.run.batch, training=True).homes


def _by_layer(summary: Summary) -> dict[int, LayerBytes]:
    found: dict[int, LayerBytes] = {}
    for layer in summary.layers:
        found.setdefault(layer.layer, layer)
    return found
