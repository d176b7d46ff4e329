"""A network computed from its graph by plain functions: nothing in place, and a copy of each view.

The rules are written apart from those of `cnncalc.ops` and its torch modules. What has no rule here
is neither a view nor in place: torch's module computes it from a copy.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnncalc.graph import Graph

Rule = Callable[..., Tensor]


def evaluate(graph: Graph, network: nn.Module, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The values of all nodes, with the parameters and in the mode of a network."""
    values: list[Tensor] = [x.clone() for x in inputs]
    for node in graph.nodes[len(inputs) :]:
        assert node.op is not None
        owner = node if node.shares is None else graph.nodes[node.shares]
        module = network.get_submodule(owner.path)
        xs = [values[n] for n in node.inputs]
        if node.op.key in RULES:
            y = RULES[node.op.key](node.op, module, *xs)
        else:
            y = module(*(x.clone() for x in xs))
        y = y.clone(memory_format=torch.contiguous_format)
        take_contiguous_gradients(y)
        values.append(y)
    return values


def take_contiguous_gradients(y: Tensor) -> None:
    """Keep torch from a bug: batch norm's backward misreads some gradients.

    For example those with strides (96, 1, 8, 1) of an output of (1, 8, 12, 1), torch 2.13, CPU.
    """
    if y.requires_grad:
        y.register_hook(lambda gradient: gradient.contiguous())


def _each(function: Callable[[Tensor], Tensor]) -> Rule:
    return lambda op, module, x: function(x)


def _slice(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    positions = range(x.shape[op.axis + 1])[op.start : op.stop : op.step]
    return x.index_select(op.axis + 1, torch.tensor(positions))


def _crop(op: Any, module: nn.Module, x: Tensor, *like: Tensor) -> Tensor:
    axes = x.dim() - 2
    for axis in range(2, x.dim()):
        n = x.shape[axis]
        if op.amount is not None:
            given = op.amount[axis - 2] if isinstance(op.amount, tuple) else op.amount
            low, high = given if isinstance(given, tuple) else (given, given)
        else:
            sizes = op.size if isinstance(op.size, tuple) else (op.size,) * axes
            wanted = like[0].shape[axis] if like else sizes[axis - 2]
            low = (n - wanted) // 2
            high = n - wanted - low
        x = x.index_select(axis, torch.arange(low, n - high))
    return x


def _permute(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    return torch.einsum(x, range(x.dim()), [0, *(axis + 1 for axis in op.order)])


def _join(combine: Callable[[Tensor, Tensor], Tensor]) -> Rule:
    return lambda op, module, *xs: functools.reduce(combine, xs)


def _batchnorm(op: Any, module: Any, x: Tensor) -> Tensor:
    tracked = op.track_running_stats
    mean = module.running_mean.clone() if tracked else None
    variance = module.running_var.clone() if tracked else None
    own = module.training or not tracked
    return F.batch_norm(x, mean, variance, module.weight, module.bias, own, 0.1, op.eps)


def _layernorm(op: Any, module: Any, x: Tensor) -> Tensor:
    if op.over == "all":
        return F.layer_norm(x, x.shape[1:], module.weight, module.bias, op.eps)
    last = x.movedim(1, -1).contiguous()
    return F.layer_norm(last, x.shape[1:2], module.weight, module.bias, op.eps).movedim(-1, 1)


def _shuffle(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    per = x.shape[1] // op.groups
    order = [group * per + n for n in range(per) for group in range(op.groups)]
    return x.index_select(1, torch.tensor(order))


def _scaled(op: Any, module: Any, x: Tensor) -> Tensor:
    return x * module.weight.reshape(1, -1, *(1,) * (x.dim() - 2))


def _linear(op: Any, module: Any, x: Tensor) -> Tensor:
    return F.linear(x, module.weight, module.bias)


RULES: dict[str, Rule] = {
    "relu": _each(F.relu),
    "relu6": _each(F.relu6),
    "hardtanh": lambda op, module, x: F.hardtanh(x, op.low, op.high),
    "leaky_relu": lambda op, module, x: F.leaky_relu(x, op.slope),
    "elu": lambda op, module, x: F.elu(x, op.alpha),
    "silu": _each(F.silu),
    "mish": _each(F.mish),
    "hardswish": _each(F.hardswish),
    "hardsigmoid": _each(F.hardsigmoid),
    "sigmoid": _each(torch.sigmoid),
    "tanh": _each(torch.tanh),
    "softmax": lambda op, module, x: F.softmax(x, op.axis + 1),
    "dropout": _each(lambda x: x),
    "dropout2d": _each(lambda x: x),
    "identity": _each(lambda x: x),
    "stochastic_depth": _each(lambda x: x),
    "layer_scale": _scaled,
    "slice": _slice,
    "crop": _crop,
    "permute": _permute,
    "flatten": _each(lambda x: x.clone(memory_format=torch.contiguous_format).view(len(x), -1)),
    "reshape": lambda op, module, x: x.contiguous().view(len(x), *op.sizes),
    "channel_shuffle": _shuffle,
    "concat": lambda op, module, *xs: torch.cat(xs, 1),
    "add": _join(operator.add),
    "sub": _join(operator.sub),
    "mul": _join(operator.mul),
    "linear": _linear,
    "batchnorm": _batchnorm,
    "layernorm": _layernorm,
}
