"""Values of blurred pools, standardized filters and folded windows, from their definitions."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

import cnncalc
from cnncalc.diagnostic import Mistake
from cnncalc.torch_backend.verify.memory import verify_memory
from cnncalc.torch_backend.verify.verify import verify

from .samples import yaml

NET = yaml("""
    input: [3, 12, 10]
    layers:
      - conv: {out: 4, kernel: 3, padding: 1, parametrize: weight_standardization}
      - relu
      - blurpool
      - blurpool: {kernel: 3, stride: 1, mode: zeros}
      - conv: {out: 6, kernel: 3, groups: 2, bias: false, parametrize: weight_standardization}
      - adaptiveavgpool: [1, null]
""")


def built(layer: str, shape: tuple[int, ...]) -> torch.nn.Module:
    spec = cnncalc.loads(f"input: {list(shape)}\nlayers:\n  - {layer}\n    name: it")
    return cnncalc.build(spec).get_submodule("it")


def test_a_blur_is_a_mean_with_the_weights_of_pascals_triangle() -> None:
    x = torch.randn(1, 2, 7, 6)
    found = built("blurpool: {kernel: 3, stride: 2}", (2, 7, 6))(x)
    weights = torch.tensor([1.0, 2.0, 1.0]) / 4
    around = F.pad(x, (1, 1, 1, 1), "reflect")
    for i in range(4):
        for j in range(3):
            window = around[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            expected = torch.einsum("ncij,i,j->nc", window, weights, weights)
            torch.testing.assert_close(found[:, :, i, j], expected)
    assert found.shape == (1, 2, 4, 3)


def test_a_blur_keeps_constants() -> None:
    for kernel in (1, 2, 3, 4, 5):
        for axes in (1, 2, 3):
            layer = f"blurpool: {{kernel: {kernel}, stride: 2, mode: replicate}}"
            x = torch.full((1, 2, *(6,) * axes), 0.5)
            y = built(layer, (2, *(6,) * axes))(x)
            torch.testing.assert_close(y, torch.full_like(y, 0.5))
            assert y.shape[2:] == (3,) * axes


def test_standardized_filters_have_no_mean_and_a_variance_of_1() -> None:
    module = built("conv: {out: 5, kernel: 3, parametrize: weight_standardization}", (4, 8, 8))
    weight = module.weight.flatten(1)
    torch.testing.assert_close(weight.mean(1), torch.zeros(5), atol=1e-5, rtol=0)
    torch.testing.assert_close(weight.var(1, unbiased=False), torch.ones(5), atol=1e-3, rtol=0)
    assert [*module.state_dict()] == ["bias", "parametrizations.weight.original"]


def test_a_filter_of_one_weight_has_no_variance() -> None:
    text = "input: [1, 8, 8]\nlayers: [conv: {out: 5, kernel: 1, parametrize: %s}]"
    with pytest.raises(Mistake, match="CNN207"):
        cnncalc.analyze(cnncalc.loads(text % "weight_standardization")).or_mistake()


def test_folded_windows_are_the_map_times_how_often_each_value_was_in_one() -> None:
    text = "input: [3, 9, 8]\nlayers:\n  - unfold: {kernel: 3, stride: 2, padding: 1}\n"
    text += "  - fold: {like: input, kernel: 3, stride: 2, padding: 1}"
    network, x = cnncalc.build(cnncalc.loads(text)), torch.rand(2, 3, 9, 8)
    times = network(torch.ones_like(x))
    torch.testing.assert_close(network(x), x * times)
    assert times.min() >= 1 and times.max() == 4


def test_an_axis_is_kept_where_its_size_is_null() -> None:
    x = torch.randn(2, 4, 6, 9)
    found = built("adaptiveavgpool: [1, null]", (4, 6, 9))(x)
    torch.testing.assert_close(found, x.mean(2, keepdim=True))


def test_every_figure_is_verified() -> None:
    for found in (verify(cnncalc.loads(NET)), verify_memory(cnncalc.loads(NET), batch=2)):
        assert found.ok, [str(d) for d in found.diagnostics]
