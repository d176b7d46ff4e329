"""Checks whether running in place changes what a network computes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from ...diagnostic import first_line
from ...graph import Graph
from ..build import Network, as_tuple, assemble
from ..inputs import random_inputs

_IMAGES = 2
_MANY = 10**6  # a linear layer with more weights gets equal columns, which take little memory


def in_place_effect(graph: Graph) -> str:
    """Return ``no effect``, or how the network differs from one in which nothing runs in place.

    `build` lets a layer write over its input if nothing else should need it. This checks that with
    random weights on the CPU: the outputs for one image and for several, and that backward runs.
    """
    random = torch.Generator().manual_seed(0)
    network = _with_random_weights(assemble(graph, "meta"), random)
    writers = [module for module in network.modules() if getattr(module, "inplace", False)]
    if not writers:
        return "no effect"
    modes = [False]
    if any(isinstance(module, _DropoutNd) for module in writers):
        modes.append(True)  # dropout does nothing at inference
    effects = []
    for training in modes:
        pair = _Pair(network.train(training), writers)
        for batch in (_IMAGES,) if training else (_IMAGES, 1):
            images = random_inputs(graph, batch, random)
            effects.append(pair.effect_on_outputs(images))
            if batch > 1:
                effects.append(pair.effect_on_backward(images))
    return next(filter(None, effects), "no effect")


class _Pair:
    """A network that runs in place or not, each time with the same noise and buffers."""

    def __init__(self, network: Network, writers: Sequence[nn.Module]):
        self._network, self._writers = network, writers
        self._buffers = [buffer.clone() for buffer in network.buffers()]

    def effect_on_outputs(self, images: Sequence[Tensor]) -> str:
        """Say how the outputs differ; "" if they do not."""
        with torch.no_grad():
            pairs = list(zip(self._run(True, images), self._run(False, images)))
        if all(torch.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True) for a, b in pairs):
            return ""
        return f"outputs differ by {max(float((a - b).abs().max()) for a, b in pairs):.2g}"

    def effect_on_backward(self, images: Sequence[Tensor]) -> str:
        """Return torch's error if a layer wrote over values that backward needs; else ""."""
        parameters = [p for p in self._network.parameters() if p.requires_grad]
        try:
            sums = [y.sum() for y in self._run(True, images) if y.requires_grad]
            if sums and parameters:
                torch.autograd.grad(sums, parameters, allow_unused=True)
        except RuntimeError as error:
            if "inplace" in str(error):
                return f"backward fails: {first_line(error)}"
        return ""

    def _run(self, in_place: bool, images: Sequence[Tensor]) -> tuple[Tensor, ...]:
        for module in self._writers:
            module.inplace = in_place  # type: ignore[assignment]  # it is a plain attribute
        with torch.no_grad():
            for buffer, before in zip(self._network.buffers(), self._buffers):
                buffer.copy_(before)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return as_tuple(self._network(*(x.clone() for x in images)))


def _with_random_weights(network: Network, random: torch.Generator) -> Network:
    """Give a network on meta random weights on the CPU."""
    for module in network.modules():
        for name, parameter in module._parameters.items():
            if parameter is None:
                continue
            if isinstance(module, nn.Linear) and parameter.numel() > _MANY:
                column = torch.randn(parameter.shape[0], generator=random)
                multiply = partial(_column_times_mean, column)
                module.forward = multiply  # type: ignore[method-assign]  # only of this module
                module._parameters[name] = None
            else:
                weight = _random_like(parameter, name, random)
                trained = parameter.numel() <= _MANY
                module._parameters[name] = nn.Parameter(weight, requires_grad=trained)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = torch.ones(buffer.shape, dtype=buffer.dtype)
    return network


def _random_like(parameter: Tensor, name: str, random: torch.Generator) -> Tensor:
    """Return random values that keep the magnitude of what runs through: scales are around 1."""
    values = torch.randn(parameter.shape, generator=random)
    values /= (parameter.numel() / parameter.shape[0]) ** 0.5
    is_scale = parameter.dim() == 1 and name != "bias"
    return values + 1 if is_scale else values


def _column_times_mean(column: Tensor, x: Tensor) -> Tensor:
    """Compute a linear layer whose columns are all equal."""
    return x.mean(-1, keepdim=True) * column
