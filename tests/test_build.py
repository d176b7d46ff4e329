"""`build` makes networks that take others' weights, types and devices, and compile and export.

Without torch, an error says how to install it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

import cnncalc
from cnncalc.diagnostic import Mistake
from cnncalc.extras import install_command

from .command import run_code, run_code_without
from .samples import SIAMESE
from .settings import sampled
from .twins import twin


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    torch.manual_seed(0)
    yield


def outputs(network: nn.Module, *xs: Tensor) -> tuple[Tensor, ...]:
    with torch.no_grad():
        y = network.eval()(*xs)
    return y if isinstance(y, tuple) else (y,)


@pytest.mark.parametrize("name", ["alexnet_torchvision", "vgg16", "resnet50"])
def test_weights_of_an_independent_definition_give_its_outputs(name: str) -> None:
    factory, shape = twin(name)
    other = factory().eval()
    for module in other.modules():
        if isinstance(module, nn.BatchNorm2d):  # as after training
            nn.init.uniform_(module.running_mean, -0.1, 0.1)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 1.5)  # type: ignore[arg-type]
    network = cnncalc.load_state_dict(cnncalc.build(cnncalc.load(name)), other.state_dict())
    x = torch.randn(2, *shape)
    (wanted,), (found,) = outputs(other, x.clone()), outputs(network, x)
    assert wanted.std() > 1e-3
    assert (wanted - found).abs().max() <= 1e-5 * wanted.abs().max()


def test_weights_without_their_counters_load() -> None:
    factory, _ = twin("resnet18")
    other = factory()
    state = {
        name: tensor
        for name, tensor in other.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    network = cnncalc.load_state_dict(cnncalc.build(cnncalc.load("resnet18")), state)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), other.parameters()))


def test_weights_that_do_not_fit_are_named_and_nothing_is_copied() -> None:
    network = cnncalc.build(cnncalc.load("cifar10_cnn"))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    factory, _ = twin("cifar10_cnn")
    state = dict(factory().state_dict())
    counts = "the weights have 9 tensors, the spec has 8: `more` of the weights has no counterpart"
    with pytest.raises(Mistake, match=counts):
        cnncalc.load_state_dict(network, {**state, "more": torch.zeros(1)})
    state["9.weight"] = torch.zeros(10, 129)
    shapes = r"`9.weight` has the shape 10×129, but `\w+.weight` of the spec has 10×128"
    with pytest.raises(Mistake, match=shapes):
        cnncalc.load_state_dict(network, state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize(
    ("name", "shape"),
    sampled(
        [
            ("lenet5", None),
            ("efficientnet_b0", (3, 64, 64)),
            ("googlenet_aux", None),
            ("unet", (1, 188, 188)),
        ],
        2,
    ),
)
def test_networks_compile_and_export_whole(name: str, shape: tuple[int, ...] | None) -> None:
    spec = cnncalc.load(name)
    network = cnncalc.build(spec, input=shape).eval()
    xs = tuple(torch.randn(1, *s) for s in cnncalc.analyze(spec, input=shape).inputs.values())
    wanted = outputs(network, *xs)
    torch._dynamo.reset()
    compiled = torch.compile(network, backend="eager", fullgraph=True)
    exported = torch.export.export(network, xs).module()
    for found in (outputs(compiled, *xs), [exported(*xs)] if len(wanted) == 1 else exported(*xs)):
        assert all(torch.allclose(a, b, atol=1e-5, rtol=1e-4) for a, b in zip(wanted, found))


def test_a_network_has_several_inputs_and_outputs_and_shared_weights() -> None:
    network = cnncalc.build(cnncalc.loads(SIAMESE))
    left, right = torch.randn(3, 1, 20, 20), torch.randn(3, 1, 20, 20)
    distance, a = outputs(network, left, right)
    tower = nn.Sequential(nn.Conv2d(1, 4, 5, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    tower[0].load_state_dict(network.get_submodule("a.conv1").state_dict())
    assert torch.allclose(a, tower(left), atol=1e-6)
    wanted = network.get_submodule("distance")(tower(left) - tower(right))
    assert torch.allclose(distance, wanted, atol=1e-6)
    assert len(list(network.parameters())) == 4


def test_a_network_is_built_with_a_type_and_on_a_device() -> None:
    spec = cnncalc.load("lenet5_modern")
    network = cnncalc.build(spec, dtype=torch.bfloat16)
    assert {p.dtype for p in network.parameters()} == {torch.bfloat16}
    (y,) = outputs(network, torch.randn(1, 1, 32, 32, dtype=torch.bfloat16))
    assert y.dtype == torch.bfloat16
    assert {p.device.type for p in cnncalc.build(spec, device="meta").parameters()} == {"meta"}


def test_names_are_those_of_the_report() -> None:
    spec = cnncalc.load("resnet18")
    names = {name for name, _ in cnncalc.build(spec, device="meta").named_modules()}
    assert {row.path for row in cnncalc.analyze(spec).rows} <= names


def test_a_network_that_is_wrong_is_not_built() -> None:
    with pytest.raises(Mistake, match="kernel 9 does not fit"):
        cnncalc.build(cnncalc.loads("input: [3, 8, 8]\nlayers: [{conv: {out: 4, kernel: 9}}]"))


GROWN = r"""
import re
import cnncalc

def resident():
    return int(re.search(r"VmRSS:\s+(\d+)", open("/proc/self/status").read())[1])

spec = cnncalc.load("vgg16")
cnncalc.build(cnncalc.load("lenet5"), device="meta")
before = resident()
network = cnncalc.build(spec, device="meta")
print(resident() - before)
"""


def test_building_on_meta_allocates_no_weights() -> None:
    """VGG-16 has 553 MB of weights. Building it on the CPU shows that the test can fail."""
    on_meta = run_code(GROWN)
    on_cpu = run_code(GROWN.replace('(spec, device="meta")', '(spec, device="cpu")'))
    assert int(on_meta.stdout) < 20_000 < 500_000 < int(on_cpu.stdout)  # KiB


DOOR = """
import cnncalc
try:
    cnncalc.build
except cnncalc.Mistake as mistake:
    print(mistake)
"""


def test_without_torch_one_line_says_how_to_install_it() -> None:
    done = run_code_without("torch", DOOR)
    wanted = f"error[CNN401]: torch is not installed; {install_command('torch')}\n"
    assert done.stdout == wanted, done.stderr
