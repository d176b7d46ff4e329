"""Layers compute what plain functions of torch do, on random configurations.

For embedding, fractional_maxpool and deform_conv; most other operators are torch's own modules, or
are in `functional.py`.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cnncalc.ops import BY_KEY
from cnncalc.ops.shapes import per_axis

from .cases import case, instance
from .deformed import convolved, deformable
from .oracle import read_by
from .settings import CASES
from .test_operators import ours

Function = Callable[..., Tensor]


def _looked_up(op: Any, module: Any, x: Tensor) -> Tensor:
    return torch.stack([module.weight[i] for i in x.flatten()]).reshape(*x.shape, op.out)


def _pooled(op: Any, module: Any, x: Tensor) -> Tensor:
    """Return the largest value of each window; its steps are drawn before.

    Source: Graham 2014, arXiv:1412.6071, section 3, with the last window at the end of the axis.
    """
    axes = x.dim() - 2
    drawn = torch.rand(*x.shape[:2], axes, dtype=x.dtype)
    module._random_samples = drawn
    sizes = op.sizes(x.shape[1:])
    kernel = per_axis(op.kernel, axes)
    order = (1, 0) if axes == 2 else (0, 1, 2)  # of the numbers that are drawn for a channel
    found = torch.empty(*x.shape[:2], *sizes, dtype=x.dtype)
    for image, channel in itertools.product(range(x.shape[0]), range(x.shape[1])):
        numbers = [float(drawn[image, channel, n]) for n in order]
        begins = [
            _begins(n, k, out, u) for n, k, out, u in zip(x.shape[2:], kernel, sizes, numbers)
        ]
        for place in itertools.product(*map(range, sizes)):
            window = x[image, channel]
            for axis, (first, at, k) in enumerate(zip(begins, place, kernel)):
                window = window.narrow(axis, first[at], k)
            found[(image, channel, *place)] = window.max()
    return found


def _begins(n: int, k: int, out: int, u: float) -> list[int]:
    if out == 1:
        return [n - k]
    step = (n - k) / (out - 1)
    return [int((i + u) * step) - int(u * step) for i in range(out - 1)] + [n - k]


def _deformed(op: Any, module: Any, x: Tensor, offset: Tensor, *mask: Tensor) -> Tensor:
    filters = module.weight
    fields = (per_axis(getattr(op, name), 2) for name in ("stride", "padding", "dilation"))
    bias = torch.zeros(op.out, dtype=x.dtype) if module.bias is None else module.bias
    moves = offset.shape[1] // (2 * filters.shape[2] * filters.shape[3])
    given = mask[0] if mask else torch.zeros(())
    numbers = [n for field in fields for n in field]
    return convolved(x, filters, offset, given, bias, *numbers, op.groups, moves, bool(mask))


FUNCTIONS: dict[str, Function] = {
    "embedding": _looked_up,
    "fractional_maxpool": _pooled,
    "deform_conv": _deformed,
}


@pytest.mark.parametrize("key", FUNCTIONS)
def test_values_are_those_of_a_plain_function(key: str) -> None:
    op, rng, compared = BY_KEY[key], random.Random(f"values {key}"), 0
    torch.manual_seed(0)
    for _ in range(CASES):
        body, xs = case(op, rng)
        built = instance(op, body)
        if built is None or (y := ours(built, xs)) is None:
            continue
        with deformable() if op.operation else nullcontext():
            module: nn.Module = built.torch(*xs).build().double()
            inputs = [read_by(built, x, 2) for x in xs]
            if op.choices is None:
                inputs = [2 * x.double() for x in inputs]
            expected = FUNCTIONS[key](built, module, *inputs)
            found = module(*inputs)
        assert found.shape == (2, *y)
        torch.testing.assert_close(found, expected, msg=lambda text: f"{built} on {xs}: {text}")
        compared += 1
    assert compared >= CASES // 8
