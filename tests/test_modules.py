"""Our own torch modules compute the same as plain torch written out by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnncalc.ops.base import Op
from cnncalc.ops.conv import Conv
from cnncalc.ops.crop import Crop
from cnncalc.ops.linear import Rbf
from cnncalc.ops.norm import LayerNorm
from cnncalc.ops.pool import AvgPool, MaxPool, Subsample
from cnncalc.ops.reshape import Reshape, Slice
from cnncalc.ops.scale import LayerScale, StochasticDepth
from cnncalc.ops.upsample import Upsample

torch.manual_seed(0)


def ran(op: Op, *xs: Tensor) -> tuple[nn.Module, Tensor]:
    module = op.torch(*(tuple(x.shape[1:]) for x in xs)).build().eval()
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    with torch.no_grad():
        return module, module(*xs)


def test_a_table_convolution_is_a_dense_one_with_zeros() -> None:
    table = ((0, 2), (1,), (0, 1, 2))
    x = torch.randn(2, 3, 9, 8)
    module, y = ran(Conv(out=3, kernel=3, padding=1, stride=2, connections=table), x)
    dense, start = torch.zeros(3, 3, 3, 3), 0
    for row, channels in enumerate(table):
        for channel in channels:
            dense[row, channel] = module.weight[start]  # type: ignore[index]
            start += 1
    assert torch.allclose(y, F.conv2d(x, dense, module.bias, 2, 1), atol=1e-6)  # type: ignore[arg-type]


def test_uneven_padding_is_padding_by_hand() -> None:
    x = torch.randn(2, 3, 9, 8)
    module, y = ran(Conv(out=4, kernel=3, padding=((0, 2), (1, 0))), x)
    by_hand = F.conv2d(F.pad(x, (1, 0, 0, 2)), module.weight, module.bias)  # type: ignore[arg-type]
    assert torch.allclose(y, by_hand, atol=1e-6)
    _, y = ran(MaxPool(kernel=2, stride=1, padding=((1, 0), (0, 1))), x)
    assert torch.equal(y, F.max_pool2d(F.pad(x, (0, 1, 1, 0), value=float("-inf")), 2, 1))


def test_same_at_a_stride_is_tensorflows() -> None:
    """There are ⌈n/s⌉ windows, and an odd padding goes at the end, as for 8 → 4 with k 3, s 2."""
    x = torch.randn(1, 2, 8, 9)
    module, y = ran(Conv(out=2, kernel=3, stride=2, padding="same"), x)
    padded = F.pad(x, (1, 1, 0, 1))
    by_hand = F.conv2d(padded, module.weight, module.bias, 2)  # type: ignore[arg-type]
    assert torch.allclose(y, by_hand, atol=1e-6)


def test_means_leave_out_their_padding() -> None:
    x = torch.randn(1, 1, 5)
    _, y = ran(AvgPool(kernel=2, stride=1, padding=((1, 0),), count_include_pad=False), x)
    assert torch.allclose(y[0, 0, 0], x[0, 0, 0])
    assert torch.allclose(y[0, 0, 1:], (x[0, 0, 1:] + x[0, 0, :-1]) / 2)


def test_lenets_layers_are_as_in_the_paper() -> None:
    x = torch.randn(2, 3, 4, 4)
    module, y = ran(Subsample(), x)
    sums = x.unfold(2, 2, 2).unfold(3, 2, 2).sum((4, 5))
    weight, bias = module.weight.view(-1, 1, 1), module.bias.view(-1, 1, 1)  # type: ignore
    assert torch.allclose(y, sums * weight + bias, atol=1e-5)
    v = torch.randn(2, 7)
    module, y = ran(Rbf(out=3), v)
    assert torch.allclose(y, torch.cdist(v, module.centres) ** 2, atol=1e-4)  # type: ignore[arg-type]


def test_norms_over_channels_and_scales_are_computed_by_hand() -> None:
    x = torch.randn(2, 6, 3, 4)
    module, y = ran(LayerNorm(over="channels"), x)
    mean, var = x.mean(1, keepdim=True), x.var(1, keepdim=True, unbiased=False)
    weight, bias = module.weight.view(-1, 1, 1), module.bias.view(-1, 1, 1)  # type: ignore
    assert torch.allclose(y, (x - mean) / (var + 1e-5).sqrt() * weight + bias, atol=1e-5)
    module, y = ran(LayerScale(), x)
    assert torch.equal(y, x * module.weight)  # type: ignore[operator]


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic", "area"])
@pytest.mark.parametrize("scale", ["1.5", "0.4", "7/3"])
def test_resizing_uses_the_scale_as_given(mode: str, scale: str) -> None:
    """Not the ratio of the sizes, which are rounded; but means are over parts of the map."""
    x, factor = torch.randn(2, 3, 9, 8), Fraction(scale)
    _, y = ran(Upsample(scale=factor, mode=mode), x)
    assert torch.equal(y, F.interpolate(x, scale_factor=float(factor), mode=mode))


def test_rearrangements_move_the_right_values() -> None:
    x, small = torch.randn(2, 6, 7, 8), torch.randn(2, 1, 4, 5)
    assert torch.equal(ran(Crop(like="o"), x, small)[1], x[:, :, 1:5, 1:6])
    assert torch.equal(ran(Slice(start=-4, stop=-1, step=2), x)[1], x[:, 2:5:2])
    assert torch.equal(ran(Reshape(sizes=(3, -1)), x)[1], x.reshape(2, 3, -1))
    _, y = ran(Upsample(like="o", mode="bilinear"), x, small)
    assert torch.allclose(y, F.interpolate(x, (4, 5), mode="bilinear"))


def test_a_dropped_branch_is_zero_or_scaled() -> None:
    module = StochasticDepth(p=0.5).torch((3, 2, 2)).build().train()
    y = module(torch.ones(200, 3, 2, 2))
    kept = y.flatten(1)
    assert {float(v) for v in kept.unique()} == {0.0, 2.0}
    assert all(len(row.unique()) == 1 for row in kept)
    assert torch.equal(module.eval()(kept), kept)
