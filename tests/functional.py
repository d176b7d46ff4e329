"""Computes a network from its graph by plain functions: nothing in place, and a copy of each view.

These rules are independent of those in `cnncalc.ops` and its torch modules. An operator without a
rule here is neither a view nor in place: torch's module computes it from a copy.
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
    """Return the values of all nodes, with the parameters and the mode of a network."""
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
    """Work around a bug of torch: the backward pass of batch norm misreads some gradients.

    One example, in torch 2.13 on the CPU: strides (96, 1, 8, 1) for an output of (1, 8, 12, 1).
    """
    if y.requires_grad:
        y.register_hook(lambda gradient: gradient.contiguous())


def _each(function: Callable[[Tensor], Tensor]) -> Rule:
    return lambda op, module, x: function(x)


def _slice(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    positions = range(x.shape[op.axis + 1])[op.start : op.stop : op.step]
    return x.index_select(op.axis + 1, torch.tensor(positions))


def _split(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    n = x.shape[op.axis + 1]
    sizes = op.into if isinstance(op.into, tuple) else [n // op.into] * op.into
    owners = torch.tensor([part for part, size in enumerate(sizes) for _ in range(size)])
    return x.index_select(op.axis + 1, (owners == op.part).nonzero().flatten())


def _flatten(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    end = x.dim() if op.last is None else op.last + 2
    sizes = (*x.shape[: op.first + 1], -1, *x.shape[end:])
    return x.clone(memory_format=torch.contiguous_format).view(sizes)


def _concat(op: Any, module: nn.Module, *xs: Tensor) -> Tensor:
    first = [x.movedim(op.axis + 1, 0) for x in xs]
    return torch.stack([one for x in first for one in x], op.axis + 1)


def _stack(op: Any, module: nn.Module, *xs: Tensor) -> Tensor:
    return torch.cat([x.unsqueeze(op.axis + 1) for x in xs], op.axis + 1)


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
    if op.over == "last" or op.over is None and x.dim() == 3:
        return F.layer_norm(x, x.shape[-1:], module.weight, module.bias, op.eps)
    if op.over != "channels":
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
    axis = 1 if op.over == "channels" else x.dim() - 1
    y = torch.tensordot(x, module.weight, dims=([axis], [1]))
    return (y if module.bias is None else y + module.bias).movedim(-1, axis)


def _reduce(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    named = {"channels": (0,), "positions": range(x.dim() - 2, 0, -1)}
    axes = named[op.over] if isinstance(op.over, str) else sorted(op.over, reverse=True)
    for left in range(len(axes)):
        x = x.movedim(axes[left] + 1, -1)
    left = x.dim() - len(axes)
    vectors = x.flatten(left)
    count = vectors.shape[-1] - (op.unbiased if op.what in ("var", "std") else 0)
    mean = vectors.sum(-1) / vectors.shape[-1]
    centred = vectors - mean.unsqueeze(-1)
    y = {
        "mean": lambda: mean,
        "sum": lambda: vectors.sum(-1),
        "max": lambda: vectors.amax(-1),
        "min": lambda: -(-vectors).amax(-1),
        "var": lambda: centred.square().sum(-1) / count,
        "std": lambda: (centred.square().sum(-1) / count).sqrt(),
        "norm": lambda: vectors.square().sum(-1).sqrt(),
    }[op.what]()
    for axis in sorted(axes) if op.keep else ():
        y = y.unsqueeze(axis + 1)
    return y


def _shift(op: Any, module: Any, x: torch.Tensor) -> torch.Tensor:
    if op.trained == "none":
        return torch.add(x, op.by)
    if module.index is None:
        return torch.add(x, module.bias)
    return torch.add(x, module.bias.reshape(-1)[module.index])


RULES: dict[str, Rule] = {
    "reduce": _reduce,
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
    "scale": lambda op, module, x: torch.mul(x, op.by if op.trained == "none" else module.weight),
    "shift": _shift,
    "softplus": lambda op, module, x: F.softplus(x, op.beta, op.threshold),
    "celu": lambda op, module, x: F.celu(x, op.alpha),
    "selu": _each(F.selu),
    "threshold": lambda op, module, x: F.threshold(x, op.threshold, op.value),
    "squared_relu": _each(lambda x: x.clamp(min=0) ** 2),  # 0 · ∞ is NaN in its gradient too
    "glu": _each(lambda x: x[:, : x.shape[1] // 2] * x[:, x.shape[1] // 2 :].sigmoid()),
    "slice": _slice,
    "crop": _crop,
    "permute": _permute,
    "flatten": _flatten,
    "split": _split,
    "reshape": lambda op, module, x: x.contiguous().view(len(x), *op.sizes),
    "channel_shuffle": _shuffle,
    "concat": _concat,
    "stack": _stack,
    "add": _join(operator.add),
    "sub": _join(operator.sub),
    "div": _join(operator.truediv),
    "maximum": _join(torch.fmax),
    "minimum": _join(torch.fmin),
    "mul": _join(operator.mul),
    "matmul": _join(lambda a, b: torch.einsum("...lm,...mn->...ln", a, b)),
    "linear": _linear,
    "batchnorm": _batchnorm,
    "layernorm": _layernorm,
}
