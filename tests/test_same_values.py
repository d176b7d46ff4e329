"""`verify --module` compares the values that both networks compute with the module's weights."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
import torch
from rich.console import Console
from torch import Tensor, nn

import cnncalc
from cnncalc.diagnostic import Diagnostic
from cnncalc.render.hold import table
from cnncalc.torch_backend.hold.hold import Held, hold

from .samples import BUNDLED
from .twins import NO_TWIN, twin

JOINED = """
input: [3, 8, 8]
layers:
  - {conv: {out: 4, kernel: 3, padding: 1}, name: a}
  - {conv: {out: 4, kernel: 5, padding: 2}, name: b, from: input}
  - {concat: {axis: 1, of: [a, b]}, name: join}
  - flatten
  - {linear: 5, name: head}
"""
ALIKE = """
input: [3, 8, 8]
layers:
  - add:
      left: [{conv: {out: 4, kernel: 3, padding: 1}}, {conv: {out: 4, kernel: 1}}]
      right: [{conv: {out: 4, kernel: 3, padding: 1}}, {conv: {out: 4, kernel: 3, padding: 1}}]
"""


class Joined(nn.Module):
    """Two maps, joined as `arrange` does, and a linear layer on all their values."""

    def __init__(self, arrange: Callable[[Tensor, Tensor], Tensor]):
        super().__init__()
        self.arrange = arrange
        self.a = nn.Conv2d(3, 4, 3, padding=1)
        self.b = nn.Conv2d(3, 4, 5, padding=2)
        self.head = nn.Linear(512, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.arrange(self.a(x), self.b(x)))


def below(a: Tensor, b: Tensor) -> Tensor:
    return torch.cat([a, b], 2).flatten(1)


def compared(arrange: Callable[[Tensor, Tensor], Tensor]) -> Held:
    return hold(cnncalc.loads(JOINED), Joined(arrange), batch=2)


def test_the_same_joins_have_the_same_values() -> None:
    found = compared(below)
    assert found.ok and found.values
    assert "both networks return the same values" in found.notes[0]


@pytest.mark.parametrize(
    "arrange",
    [
        lambda a, b: torch.cat([a, b], 3).flatten(1),
        lambda a, b: torch.cat([a, b], 2).transpose(2, 3).flatten(1),
        lambda a, b: torch.cat([a, b], 2).permute(0, 2, 3, 1).flatten(1),
        lambda a, b: torch.cat([a, b.flip(3)], 2).flatten(1),
        lambda a, b: torch.cat([a.roll(1, 2), b], 2).flatten(1),
        lambda a, b: torch.cat([a, b], 2).flatten(1).flip(0),
    ],
)
def test_other_arrangements_are_found(arrange: Callable[[Tensor, Tensor], Tensor]) -> None:
    found = compared(arrange)
    assert found.values is False
    (difference,) = found.diagnostics
    assert difference.code == "CNN405"
    assert str(difference).startswith(
        "<text>:8:6: error[CNN405]: with the same inputs and weights, `head` returns other values"
        " than the module in `head`"
    ) or is_of_the_output(difference)


def is_of_the_output(difference: Diagnostic) -> bool:
    return "output 1 of the module holds the values of `head` in another order" in str(difference)


def test_a_matrix_on_another_axis_of_the_same_size_is_found() -> None:
    class OnColumns(nn.Module):
        def __init__(self, axis: int):
            super().__init__()
            self.mix, self.axis = nn.Linear(8, 8), axis

        def forward(self, x: Tensor) -> Tensor:
            return self.mix(x.movedim(self.axis, -1)).movedim(-1, self.axis)

    spec = cnncalc.loads("input: [8, 8, 8]\nlayers: [{linear: {out: 8, over: channels}}]")
    found = [hold(spec, OnColumns(axis)) for axis in (1, 2, 3)]
    assert [held.ok for held in found] == [True, False, False]


def test_branches_that_begin_alike_get_their_own_weights() -> None:
    class Alike(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 1))
            self.right = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1))

        def forward(self, x: Tensor) -> Tensor:
            right = self.right(x)  # the spec has the left branch first
            return self.left(x) + right

    found = hold(cnncalc.loads(ALIKE), Alike())
    assert found.ok and found.values


def test_epsilon_is_the_modules() -> None:
    spec = cnncalc.loads("input: [3, 8, 8]\nlayers: [batchnorm]")
    norm = nn.BatchNorm2d(3, eps=2.0)
    found = hold(spec, norm)
    assert found.ok and found.values


def test_random_values_are_not_compared() -> None:
    found = compared(lambda a, b: torch.cat([a, b], 2).flatten(1)[:, torch.randperm(512)])
    assert found.ok and found.values is None
    assert any(note.startswith("values are not compared: each run") for note in found.notes)


def test_modules_without_values_are_compared_as_before() -> None:
    found = hold(cnncalc.loads(JOINED), Joined(below), device="meta")
    assert found.ok and found.values is None
    assert any("what only moves values" in note for note in found.notes)


@pytest.mark.parametrize(
    "name", ["resnet18", "shufflenet_v2_x0_5", "hrnet_w18_small", "dla34", "res2net50_26w_4s"]
)
def test_twins_have_the_same_values(name: str) -> None:
    assert name not in NO_TWIN
    bundled = next(b for b in BUNDLED if b.name == name)
    make, shape = twin(name)
    found = hold(bundled.spec, make(), variant=bundled.variant, input=(shape[0], 64, 64))
    assert found.ok and found.values, found.diagnostics


def test_a_table_of_equal_computations_says_that_values_differ() -> None:
    found = compared(lambda a, b: torch.cat([a, b], 3).flatten(1))
    screen = Console(file=io.StringIO(), width=100)
    screen.print(table("net", found, 100))
    assert "but not the values ✗" in screen.file.getvalue()  # type: ignore[attr-defined]
