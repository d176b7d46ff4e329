"""torch accepts what cnncalc accepts, also for inputs stored in another order in memory.

A layer gets such inputs after a permute, a slice or a convolution in channels-last. CNNCALC_FULL=1
tries 2,000 for each operator.
"""

from __future__ import annotations

import random

import pytest

torch = pytest.importorskip("torch")

from cnncalc.diagnostic import Mistake  # noqa: E402
from cnncalc.graph import checked  # noqa: E402
from cnncalc.ops.base import Op  # noqa: E402

from .cases import COMPUTED, case, instance  # noqa: E402
from .settings import CASES  # noqa: E402


def permuted(shape: tuple[int, ...], rng: random.Random) -> torch.Tensor:
    """Return a batch of two whose axes are stored in any order."""
    full = (2, *shape)
    order = rng.sample(range(len(full)), len(full))
    stored = torch.randn([full[axis] for axis in order])
    return stored.permute([order.index(axis) for axis in range(len(full))])


def sliced(shape: tuple[int, ...], rng: random.Random) -> torch.Tensor:
    """Return a batch of two that takes every second position of one axis."""
    axis = rng.randrange(len(shape) + 1)
    full = [2, *shape]
    full[axis] *= 2
    return torch.randn(full)[(*[slice(None)] * axis, slice(None, None, 2))]


@pytest.mark.parametrize("op", COMPUTED, ids=[op.key for op in COMPUTED])
def test_order_in_memory_makes_no_difference(op: type[Op]) -> None:
    rng = random.Random(f"strided {op.key}")
    tried = 0
    for _ in range(CASES):
        body, shapes = case(op, rng)
        built = instance(op, body)
        try:
            expected = built and tuple(checked(built, shapes))
        except Mistake:
            continue
        if built is None:
            continue
        tried += 1
        made = rng.choice([permuted, sliced])
        xs = [made(shape, rng) for shape in shapes]
        found = built.torch(*shapes).build().eval()(*xs)
        assert tuple(found.shape[1:]) == expected, (built, shapes, [x.stride() for x in xs])
    assert tried >= CASES // 20


def test_lrn_of_three_axes_is_refused_because_torch_refuses_it_after_a_permute() -> None:
    norm = torch.nn.LocalResponseNorm(5)
    norm(torch.randn(2, 6, 3, 4, 4))
    with pytest.raises(RuntimeError, match="view"):
        norm(torch.randn(2, 6, 3, 4, 4).transpose(3, 4))
