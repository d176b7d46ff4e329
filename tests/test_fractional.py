"""`fractional_maxpool` is torch's pool, whose windows are random in each run."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import cnncalc
from cnncalc.torch_backend.verify.memory import verify_memory
from cnncalc.torch_backend.verify.verify import verify

POOLS = {2: (nn.FractionalMaxPool2d, (9, 11)), 3: (nn.FractionalMaxPool3d, (9, 11, 8))}


@pytest.mark.parametrize("axes", POOLS)
@pytest.mark.parametrize("body", ["size: 4", "ratio: 0.6"])
def test_values_are_those_of_torch_for_the_same_random_numbers(axes: int, body: str) -> None:
    kind, sizes = POOLS[axes]
    layer = f"fractional_maxpool: {{kernel: 2, {body}}}"
    spec = cnncalc.loads(f"input: {[3, *sizes]}\nlayers: [{layer}]")
    built = cnncalc.build(spec)
    (module,) = (m for m in built.modules() if isinstance(m, kind))
    module._random_samples = torch.rand(2, 3, axes)
    name, value = body.split(": ")
    x = torch.randn(2, 3, *sizes)
    pool = getattr(F, f"fractional_max_pool{axes}d")
    given = {f"output_{name}": (int(value) if name == "size" else float(value),) * axes}
    expected = pool(x, 2, _random_samples=module._random_samples, **given)
    assert torch.equal(built(x), expected)
    for found in (verify(spec), verify_memory(spec, batch=2)):
        assert found.ok, [str(d) for d in found.diagnostics]


def test_windows_lie_where_the_rule_of_the_paper_says() -> None:
    """The first begins at 0, the last ends with the axis, and steps are the two around their mean.

    Source: Graham 2014, arXiv:1412.6071, section 3: steps are ⌊α⌋ or ⌈α⌉.
    """
    n, k, out = 23, 2, 9
    x = torch.arange(float(n)).expand(1, 50, n, n)  # the largest value is at the end of a window
    spec = cnncalc.loads(
        f"input: [50, {n}, {n}]\nlayers: [fractional_maxpool: {{kernel: {k}, size: {out}}}]"
    )
    begins = cnncalc.build(spec)(x)[0, :, 0].long() - (k - 1)
    assert begins[:, 0].eq(0).all() and begins[:, -1].eq(n - k).all()
    mean = (n - k) / (out - 1)
    steps = begins.diff(dim=1)[:, :-1]
    assert set(steps.flatten().tolist()) == {int(mean), int(mean) + 1}
    assert len({tuple(row) for row in begins.tolist()}) > 1  # each channel has its own


def test_its_field_is_not_followed_and_the_reason_is_said() -> None:
    text = "input: [3, 9, 9]\nlayers: [fractional_maxpool: {kernel: 2, size: 4}]"
    (row,) = cnncalc.analyze(cnncalc.loads(text)).or_mistake().rows
    (field,) = row.receptive_fields
    assert field.size == (None, None)
    assert all("random in each run" in str(axis) for axis in field.axes)
