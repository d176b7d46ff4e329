"""`verify --module` compares the values that both networks compute with the module's weights."""

from __future__ import annotations

import io
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from rich.console import Console
from torch import Tensor, nn

import cnncalc
from cnncalc.convert.importing import imported, traced
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
    return "output 1 of the module has other values than `head`" in str(difference)


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


class Computes(nn.Module):
    """A module with these layers that computes what a function of it and of its input does."""

    def __init__(self, forward: Callable[..., Any], **layers: nn.Module):
        super().__init__()
        self.computes = forward
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x: Tensor) -> Any:
        return self.computes(self, x)


def held(right: nn.Module, other: nn.Module, shape: tuple[int, ...]) -> Held:
    """Compare a module with the spec that another one was imported as."""
    return hold(cnncalc.loads(imported(traced(deepcopy(right), [shape], "net")).text), other)


def gaze(*order: str) -> nn.Module:
    """Attention over positions; its three products are called in this order."""

    def forward(module: Any, x: Tensor) -> Tensor:
        found = {name: getattr(module, name)(x).flatten(2) for name in order}
        scores = found["q"].mT @ found["k"]
        return x + (found["v"] @ scores.softmax(-1).mT).view_as(x)

    return Computes(forward, **{name: nn.Conv2d(4, 4, 1) for name in "qkv"})


@pytest.mark.parametrize("order", ["qkv", "kqv", "vqk", "vkq"])
def test_layers_that_are_alike_may_be_called_in_any_order(order: str) -> None:
    found = held(gaze(*"qkv"), gaze(*order), (4, 6, 6))
    assert found.ok and found.values, found.diagnostics


JOINS: dict[str, Callable[[Any, Tensor, Tensor], Any]] = {
    "add": lambda m, a, b: m.c(a) + m.d(m.e(b)),
    "sub": lambda m, a, b: m.c(a) - m.d(m.e(b)),
    "concat": lambda m, a, b: torch.cat([m.c(a), a, b, m.d(m.e(b))], 1),
    "outputs": lambda m, a, b: (a, b, m.c(a), m.d(m.e(b))),
    "gate": lambda m, a, b: m.c(a).sigmoid() * m.d(m.e(b)).tanh(),
}


@pytest.mark.parametrize("name", JOINS)
def test_branches_that_begin_alike_get_their_own_weights(name: str) -> None:
    def forks(first: str) -> nn.Module:
        def forward(module: Any, x: Tensor) -> Any:
            a = module.a(x) if first == "a" else None
            b = module.b(x)
            return JOINS[name](module, module.a(x) if a is None else a, b)

        wide = {key: nn.Conv2d(3, 4, 3) for key in "ab"}
        return Computes(forward, **wide, **{key: nn.Conv2d(4, 4, 1) for key in "cde"})

    found = held(forks("a"), forks("b"), (3, 8, 8))
    assert found.ok and found.values, found.diagnostics


@pytest.mark.parametrize("scale", [0, 1e-6, 1e-3, 1])
def test_scales_of_about_0_hide_nothing(scale: float) -> None:
    def residual(turned: bool) -> nn.Module:
        def forward(module: Any, x: Tensor) -> Tensor:
            y = module.norm(module.conv(x))
            return x + (y.mT if turned else y)

        return Computes(forward, conv=nn.Conv2d(4, 4, 3, padding=1), norm=nn.BatchNorm2d(4))

    other: Any = residual(turned=True)
    nn.init.constant_(other.norm.weight, scale)
    before = deepcopy(other.state_dict())
    assert held(residual(turned=False), other, (4, 8, 8)).values is False
    assert all(torch.equal(before[name], value) for name, value in other.state_dict().items())


def test_images_that_change_places_are_found() -> None:
    plain, turned = (
        Computes(lambda m, x, turned=turned: m.conv(x).flip(0) if turned else m.conv(x),
                 conv=nn.Conv2d(3, 4, 1))
        for turned in (False, True)
    )  # fmt: skip
    assert held(plain, turned, (3, 8, 8)).values is False


def test_statistics_that_a_norm_repeats_are_copied() -> None:
    norm = nn.InstanceNorm2d(4, affine=True, track_running_stats=True)
    norm(torch.randn(4, 4, 8, 8) * 3 + 1)
    text = "input: [4, 8, 8]\nlayers: [{instancenorm: {affine: true, track_running_stats: true}}]"
    assert hold(cnncalc.loads(text), norm).values


def test_first_states_that_are_zeros_are_no_weights() -> None:
    def forward(module: Any, x: Tensor) -> Tensor:
        states = torch.zeros(1, len(x), 6)
        return module.lstm(x.mT, (states, states))[0]

    reads = Computes(forward, lstm=nn.LSTM(5, 6, batch_first=True))
    assert held(reads, reads, (5, 7)).values


def test_coarse_types_are_not_compared() -> None:
    rounds = Computes(lambda m, x: m.conv(x).bfloat16().float(), conv=nn.Conv2d(3, 4, 1))
    found = held(rounds, rounds, (3, 8, 8))
    assert found.ok and found.values is None and "bfloat16" in found.notes[-2]


def test_infinite_values_may_agree() -> None:
    grows = Computes(lambda m, x: (m.conv(x) * 1e15 * 1e15 * 1e15).tanh(), conv=nn.Conv2d(3, 4, 1))
    layers = (
        "[{conv: {out: 4, kernel: 1}}, {scale: 1.0e+15}, {scale: 1.0e+15}, {scale: 1.0e+15}, tanh]"
    )
    assert hold(cnncalc.loads(f"input: [3, 8, 8]\nlayers: {layers}"), grows).values


def test_random_numbers_and_odd_buffers_are_left_alone() -> None:
    conv = nn.Conv2d(3, 4, 1)
    conv.register_buffer("unread", torch.eye(4).to_sparse())
    state = torch.get_rng_state()
    assert hold(cnncalc.loads("input: [3, 8, 8]\nlayers: [{conv: {out: 4, kernel: 1}}]"), conv).ok
    assert torch.equal(state, torch.get_rng_state())


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
