"""The layout of each operator's output agrees with torch's, for inputs with random layouts."""

from __future__ import annotations

import random

import pytest
import torch
from torch import Tensor, nn

from cnncalc.diagnostic import Mistake
from cnncalc.graph import checked
from cnncalc.layout import Layout
from cnncalc.ops.base import Op

from .cases import COMPUTED, case, instance
from .oracle import REFUSALS
from .settings import CASES

BATCHES = (1, 2, 3)


def strided(sizes: tuple[int, ...], rng: random.Random, gradient: bool) -> Tensor:
    """Return random values, often with axes in another order and with gaps between them."""
    axes = len(sizes)
    order = [*range(1, axes)]
    if axes > 2 and rng.random() < 0.35:
        order = [*range(2, axes), 1]  # channels last
    elif rng.random() < 0.6:
        rng.shuffle(order)
    full, taken = [sizes[0]], [slice(None)]
    for axis in order:
        step = rng.choice((1, 1, 1, 1, 2))
        before, after = (rng.choice((0, 0, 0, 1)) for _ in range(2))
        end = before + (sizes[axis] - 1) * step + 1
        full.append(end + after)
        taken.append(slice(before, end, step))
    values = torch.randn(full, requires_grad=gradient) * 1
    return values[tuple(taken)].permute([0, *(order.index(a) + 1 for a in range(1, axes))])


def layout_of(x: Tensor) -> Layout:
    return Layout(tuple(x.shape), x.stride(), int(x.storage_offset()))


def predicted(op: Op, xs: list[Layout], y: tuple[int, ...], training: bool) -> tuple[Layout, bool]:
    """Return our layout of an output, and whether it is in the memory of the first input."""
    shapes = [x.sizes[1:] for x in xs]
    kind = op.storage_in_training(*shapes) if training else op.storage(*shapes)
    view = None if kind == "new" else op.viewed(*xs, y=y)
    if view is not None:
        return view, True
    lay_out = op.laid_out_in_training if training else op.laid_out
    return lay_out(*xs, y=y), False


def ran(module: nn.Module, xs: list[Tensor], training: bool) -> Tensor | None:
    """Return what a module returns, or None if torch refuses a single value per statistic."""
    try:
        with torch.set_grad_enabled(training):
            y: Tensor = module.train(training)(*xs)
    except ValueError as error:
        assert "more than 1" in str(error), error
        return None
    return y


@pytest.mark.parametrize("op", COMPUTED, ids=[op.key for op in COMPUTED])
def test_layouts_agree_with_torch(op: type[Op]) -> None:
    rng, compared = random.Random(f"layout {op.key}"), 0
    for _ in range(CASES // 2):
        body, shapes = case(op, rng)
        made = instance(op, body)
        if made is None:
            continue
        try:
            y = tuple(checked(made, shapes))
            module = made.torch(*shapes).build()
        except (Mistake, *REFUSALS):
            continue
        for batch in BATCHES:
            for training in (False, True):
                xs = [strided((batch, *shape), rng, training) for shape in shapes]
                before = [layout_of(x) for x in xs]
                memory = xs[0].untyped_storage().data_ptr()
                found = ran(module, xs, training)
                if found is None:
                    continue
                compared += 1
                ours = predicted(made, before, (batch, *y), training)
                theirs = layout_of(found), found.untyped_storage().data_ptr() == memory
                assert ours == theirs, f"{made!r} on {before}, {training=}"
    assert compared > CASES // 10
