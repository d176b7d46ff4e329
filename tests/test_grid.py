"""`grid_sample` and `affine_grid` compute what torch's functions do, and are found by an import."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import cnncalc
from cnncalc.convert.importing import import_network
from cnncalc.diagnostic import Mistake
from cnncalc.torch_backend.verify.memory import verify_memory
from cnncalc.torch_backend.verify.verify import verify

from .samples import yaml

# A spatial transformer, after Jaderberg et al. 2015.
TRANSFORMER = yaml("""
    input: [1, 28, 28]
    layers:
      - grid_sample:
          map: []
          grid:
            - conv: {out: 8, kernel: 7}
            - maxpool: 2
            - relu
            - flatten
            - linear: 6
            - reshape: [2, 3]
            - affine_grid: {like: input}
      - conv: {out: 10, kernel: 5}
        expect: [10, 24, 24]
""")


class Transformer(nn.Module):
    """The same in torch."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 7)
        self.place = nn.Linear(8 * 11 * 11, 6)
        self.last = nn.Conv2d(1, 10, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(F.max_pool2d(self.conv(x), 2)).flatten(1)
        grid = F.affine_grid(self.place(y).view(-1, 2, 3), x.shape, align_corners=False)
        return self.last(F.grid_sample(x, grid, align_corners=False))


def built(layers: str, inputs: str) -> nn.Module:
    return cnncalc.build(cnncalc.loads(f"input: {inputs}\nlayers:\n{layers}"))


@pytest.mark.parametrize("axes", [2, 3])
def test_values_are_those_of_torch(axes: int) -> None:
    sizes, places = (5, 6, 4)[:axes], (3, 7, 2)[:axes]
    x, grid = torch.randn(2, 3, *sizes), 2 * torch.rand(2, *places, axes) - 1
    inputs = f"{{map: {[3, *sizes]}, grid: {[*places, axes]}}}"
    modes = ("bilinear", "nearest", "bicubic")[: 5 - axes]
    for mode, outside, corners in itertools.product(
        modes, ("zeros", "border", "reflection"), (True, False)
    ):
        how = {"mode": mode, "padding_mode": outside, "align_corners": corners}
        body = f"mode: {mode}, padding_mode: {outside}, align_corners: {str(corners).lower()}"
        layers = (
            f"  - grid_sample: {{{body}, x: [{{identity: , from: map}}], "
            "at: [{identity: , from: grid}]}"
        )
        found = built(layers, inputs)(x, 1.5 * grid)
        torch.testing.assert_close(found, F.grid_sample(x, 1.5 * grid, **how))


@pytest.mark.parametrize("axes", [2, 3])
def test_the_identity_changes_nothing(axes: int) -> None:
    """NOTE: it does not where the outermost positions would be read from beyond the border."""
    sizes = [5, 6, 4][:axes]
    matrix = torch.eye(axes, axes + 1).repeat(2, 1, 1)
    for corners in ("true", "false"):
        grid = built(
            f"  - affine_grid: {{size: {sizes}, align_corners: {corners}}}", f"[{axes}, {axes + 1}]"
        )(matrix)
        assert grid.shape == (2, *sizes, axes)
        x = torch.randn(2, 3, *sizes)
        layers = (
            f"  - grid_sample: {{align_corners: {corners}, x: [{{identity: , from: map}}], "
            "at: [{identity: , from: grid}]}"
        )
        y = built(layers, f"{{map: {[3, *sizes]}, grid: {[*sizes, axes]}}}")(x, grid)
        torch.testing.assert_close(y, x, atol=1e-5, rtol=1e-5)


def test_a_transformer_is_verified() -> None:
    for found in (
        verify(cnncalc.loads(TRANSFORMER)),
        verify_memory(cnncalc.loads(TRANSFORMER), batch=2),
    ):
        assert found.ok, [str(d) for d in found.diagnostics]


def test_its_field_is_not_followed_and_the_reason_is_said() -> None:
    text = "input: {map: [3, 9, 9], grid: [5, 5, 2]}\nlayers: [grid_sample: [map, grid]]"
    report = cnncalc.analyze(cnncalc.loads(text)).or_mistake()
    for field in report.rows[-1].receptive_fields:
        assert field.size == (None, None)
        assert all("depends on the values of its grid" in str(axis) for axis in field.axes)


def test_a_grid_that_is_computed_from_all_of_the_map_sees_all_of_it() -> None:
    report = cnncalc.analyze(cnncalc.loads(TRANSFORMER)).or_mistake()
    assert report.rows[-1].receptive_fields[-1].size == ("all", "all")


def test_a_transformer_is_imported() -> None:
    found = import_network(f"{__file__}:Transformer", [(1, 28, 28)])
    assert found.verified and not found.declared and not found.problems
    assert "grid_sample" in found.text and "affine_grid" in found.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("input: [3, 8, 8]\nlayers: [grid_sample: {a: [], b: []}]", "coordinates in its last axis"),
        ("input: [2, 4]\nlayers: [affine_grid: [5, 5]]", "needs a matrix of 2×3, not 2×4"),
        ("input: [2, 3]\nlayers: [affine_grid: {align_corners: true}]", "exactly one of"),
    ],
)
def test_what_does_not_fit_is_refused(text: str, message: str) -> None:
    with pytest.raises(Mistake, match=message):
        cnncalc.analyze(cnncalc.loads(text)).or_mistake()
