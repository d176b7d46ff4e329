"""The step of a network whose memory is measured: forward, backward, and the optimizer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

from ...analysis.memory.run import Run
from ...graph import Graph
from ..build import Network, as_tuple
from ..inputs import blank_inputs

# Memory does not depend on the numbers; a learning rate of 0 leaves the weights as they are.
OPTIMIZERS: dict[str, Callable[[list[nn.Parameter]], Optimizer]] = {
    "sgd": lambda parameters: SGD(parameters, lr=0.0),
    "momentum": lambda parameters: SGD(parameters, lr=0.0, momentum=0.9),
    "adam": lambda parameters: Adam(parameters, lr=0.0),
    "adamw": lambda parameters: AdamW(parameters, lr=0.0),
    "rmsprop": lambda parameters: RMSprop(parameters, lr=0.0),
    "adagrad": lambda parameters: Adagrad(parameters, lr=0.0),
}
AMP = {"float16": torch.float16, "bfloat16": torch.bfloat16}
DTYPES = {8: torch.float64, 4: torch.float32, 2: torch.bfloat16}  # by the bytes of a number


class MemoryStep:
    """A step on images of zeros, as the settings of a run say.

    Parameters without `requires_grad` are left out of the backward pass and of the optimizer.
    """

    def __init__(self, network: Network, graph: Graph, run: Run, device: torch.device):
        dtype = DTYPES[run.width]
        self.device, self._run = device, run
        self.network = network.train(run.training and not run.evaluating)
        self.inputs = blank_inputs(graph, run.batch, device, dtype)
        self._targets = []
        if run.loss == "cross_entropy":
            for node in graph.returned:
                shape = run.batch, *node.shape[1:]
                self._targets.append(torch.zeros(shape, dtype=torch.long, device=device))
        trained = [p for p in network.parameters() if p.requires_grad]
        self._optimizer = None
        if run.training and run.optimizer != "none" and trained:
            self._optimizer = OPTIMIZERS[run.optimizer](trained)

    @property
    def held(self) -> Iterator[Tensor]:
        """What is in memory before the step and after it."""
        yield from self.network.parameters()
        yield from self.network.buffers()
        yield from self.inputs
        yield from self._targets
        if self._optimizer is not None:
            for state in self._optimizer.state.values():
                yield from (value for value in state.values() if isinstance(value, Tensor))
        if self._run.kept_gradients:
            yield from (p.grad for p in self.network.parameters() if p.grad is not None)

    def prepare(self) -> None:
        """Run a step if it leaves behind what later steps find: states and gradients."""
        keeps = self._optimizer is not None or self._run.kept_gradients
        if keeps or self.device.type == "cuda":
            self()
        if not self._run.kept_gradients:
            self.network.zero_grad(set_to_none=True)

    def forward(self) -> tuple[Tensor, ...]:
        """Run the network."""
        with torch.set_grad_enabled(self._run.training), self._cast():
            return as_tuple(self.network(*self.inputs))

    def __call__(self) -> tuple[Tensor, ...]:
        """Run the step. The caller holds the outputs."""
        outputs = self.forward()
        if not self._run.training:
            return outputs
        ends = [end for end in self._ends(outputs) if end.requires_grad]
        if ends:
            torch.autograd.backward(ends, list(map(_ones_like, ends)))
        if self._optimizer is not None:
            self._optimizer.step()
        return outputs

    def _ends(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return what backward begins at: the losses, or without one the outputs."""
        if not self._targets:
            return outputs
        with self._cast():
            return tuple(map(functional.cross_entropy, outputs, self._targets))

    def _cast(self) -> contextlib.AbstractContextManager[object]:
        if self._run.amp is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, AMP[self._run.amp])


def _ones_like(end: Tensor) -> Tensor:
    """Return the gradient of a sum: one number in memory, whatever the shape."""
    return torch.ones((), dtype=end.dtype, device=end.device).expand_as(end)
