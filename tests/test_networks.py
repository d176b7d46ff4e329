"""Bundled networks agree with independent definitions in torch, and with torch's own counters."""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import cnncalc
from cnncalc.ops.torch_modules.values import DropBranch

from .oracle import recorded_shapes
from .samples import BUNDLED, FAMILIES
from .twins import NO_TWIN, OF_A_PACKAGE, twin

NAMES = [network.name for network in BUNDLED]
MATRIX = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
    nn.Linear,
)
# The twin makes C3 of sixteen convolutions, and C5 of a linear layer.
OTHERWISE = {"lenet5", "lenet5_modern"}


class Measured(NamedTuple):
    """What torch finds in a network."""

    outputs: Counter[tuple[int, ...]]  # of convolutions and linear layers
    shapes: Counter[tuple[int, ...]]  # of parameters
    macs: int
    params: int


def measured(name: str) -> Measured:
    """Return what torch finds in the twin of a network."""
    factory, shape = twin(name)
    with torch.device("meta"):
        other = factory().eval()
        x = torch.empty(1, *shape)
    outputs: Counter[tuple[int, ...]] = Counter()
    for module in other.modules():
        if isinstance(module, MATRIX):
            module.register_forward_hook(lambda m, _, y: outputs.update([tuple(y.shape[1:])]))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        other(x)
    return Measured(
        outputs,
        shapes=Counter(tuple(p.shape) for p in other.parameters()),
        macs=counter.get_total_flops() // 2,
        params=sum(p.numel() for p in other.parameters()),
    )


@pytest.mark.parametrize("name", [n for n in NAMES if n not in NO_TWIN])
def test_equals_an_independent_definition(name: str) -> None:
    report = cnncalc.analyze(cnncalc.load(name))
    assert report.ok, report.diagnostics
    found = measured(name)
    assert report.totals.params == report.totals.trainable_params == found.params
    assert report.totals.macs == found.macs
    if name not in OTHERWISE:
        rows = [row for row in report.rows if row.op in ("conv", "conv_transpose", "linear")]
        assert Counter(row.output_shape for row in rows) == found.outputs
        assert shapes_of_weights(report) == found.shapes


@pytest.mark.parametrize("name", sorted(OF_A_PACKAGE))
def test_equals_the_network_of_a_package(name: str) -> None:
    """What has no twin here states the exact figures of a package of a known version."""
    published = cnncalc.analyze(cnncalc.load(name)).published
    exact = {
        entry.what
        for entry in published
        if entry.agrees
        and re.match(r"(timm|ultralytics) \d+\.\d+\.\d+", entry.source or "")
        and str(entry.printed).isdigit()
    }
    assert exact >= {"params", "macs"}


def shapes_of_weights(report: cnncalc.Report) -> Counter[tuple[int, ...]]:
    """Return how often each shape of a parameter occurs, by our rules."""
    nodes = report.graph.nodes
    shapes: Counter[tuple[int, ...]] = Counter()
    for node in nodes:
        if node.op and node.shares is None:
            weights = node.op.weights(*(nodes[m].shape for m in node.inputs))
            shapes.update(tuple(shape) for shape in weights.values())
    return shapes


# Their heads keep torch's eps and momentum, as a line in the spec says.
OTHER_HEADS = {"deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large"}


@pytest.mark.parametrize("name", [n for n in NAMES if n not in NO_TWIN | OTHER_HEADS])
def test_norms_and_dropouts_are_those_of_an_independent_definition(name: str) -> None:
    """Shapes and counts do not show these: eps and momentum, probabilities, dropped branches."""
    factory, _ = twin(name)
    with torch.device("meta"):
        other = factory()
    built = cnncalc.build(cnncalc.load(name), device="meta")
    assert settings(built) == settings(other)
    residual = [module for module in built.modules() if isinstance(module, DropBranch)]
    additions = [row for row in cnncalc.analyze(cnncalc.load(name)).rows if row.op == "add"]
    assert not residual or len(residual) == len(additions)


def settings(network: nn.Module) -> Counter:
    """Return how often each setting occurs."""
    found: Counter = Counter()
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm)):
            found[module.eps, getattr(module, "momentum", None)] += 1
        elif isinstance(module, nn.Dropout):
            found["dropout", module.p] += 1
    return found


@pytest.mark.parametrize("name", [network.name for network in FAMILIES])
def test_built_network_has_the_rows_of_the_report(name: str) -> None:
    """The torch network of a spec has the shapes, by hooks, and the parameters of each row."""
    spec = cnncalc.load(name)
    report = cnncalc.analyze(spec)
    network = cnncalc.build(spec, device="meta").eval()
    shapes = recorded_shapes(network)
    with torch.no_grad():
        network(*(torch.empty(1, *shape, device="meta") for shape in report.inputs.values()))
    own = own_parameters(network, {row.path for row in report.rows})
    for row in report.rows:
        assert shapes[row.shared_with or row.path].pop(0) == row.output_shape, row.path
        assert own[row.path] == row.params, row.path


def own_parameters(network: nn.Module, paths: set[str]) -> Counter[str]:
    """Return how many parameters each row's module has, without those of rows inside it."""
    found: Counter[str] = Counter()
    for name, parameter in network.named_parameters():
        while name not in paths:
            name = name.rpartition(".")[0]
        found[name] += parameter.numel()
    return found


def test_figures_are_those_written_by_hand() -> None:
    """The figures below were written down by hand."""
    figures = {
        "vgg16": (138_357_544, 15_470_264_320),
        "alexnet": (62_378_344, 1_135_256_096),
        "alexnet_grouped": (60_965_224, 724_406_816),
        "alexnet_torchvision": (61_100_840, 714_188_480),
        "lenet5": (60_000, 325_680),
        "googlenet": (6_998_552, 1_582_671_872),
        "resnet50": (25_557_032, 4_089_184_256),
        "resnet50_v1": (25_557_032, 3_857_973_248),
        "unet": (31_030_658, 150_428_424_448),
        "mobilenet_v2": (3_504_872, 300_774_272),
        "efficientnet_b0": (5_288_548, 385_814_752),
        "densenet121": (7_978_856, 2_834_161_664),
        "shufflenet_v2_x1_0": (2_278_604, 144_907_992),
        "three_conv": (4596, 2_855_592),
    }
    for name, (params, macs) in figures.items():
        totals = cnncalc.analyze(cnncalc.load(name)).totals
        assert (totals.params, totals.macs) == (params, macs), name


def test_vgg16_has_the_known_totals() -> None:
    report = cnncalc.analyze(cnncalc.load("vgg16"))
    totals = {
        "weights": 138_344_128,
        "biases": 13_416,
        "activations": 15_237_608,
        "conv_activations": 13_556_712,
        "activation_bytes": 60_950_432,
        "param_bytes": 553_430_176,
    }
    assert {name: getattr(report.totals, name) for name in totals} == totals
    assert report.receptive_field is not None
    at, field = report.receptive_field
    assert at == "pool5"
    assert (field.size, field.stride, field.padding) == ((212, 212), (32, 32), (90, 90))


def test_receptive_fields_are_those_of_the_literature() -> None:
    """These are size, stride and padding at the last layer before the classifier.

    Sources: Araujo et al. 2019, and gradients of torchvision's networks.
    """
    known = {
        "alexnet": (195, 32, 64),
        "alexnet_torchvision": (195, 32, 66),
        "zfnet": (171, 32, 49),
        "vgg16": (212, 32, 90),
        "vgg11": (150, 32, 59),
        "vgg13": (156, 32, 62),
        "vgg19": (268, 32, 118),
        "resnet18": (435, 32, 217),
        "resnet34": (899, 32, 449),
        "resnet50": (427, 32, 213),
        "resnet101": (971, 32, 485),
        "resnet152": (1451, 32, 725),
        "resnet50_v1": (483, 32, 241),
        "resnet101_v1": (1027, 32, 513),
        "densenet121": (2071, 32, None),
        "mobilenet_v2": (491, 32, None),
        "googlenet": (715, 32, None),
    }
    for name, (size, stride, padding) in known.items():
        found = cnncalc.analyze(cnncalc.load(name)).receptive_field
        assert found is not None
        field = found[1]
        assert (field.size[0], field.stride[0]) == (size, stride), name
        assert padding is None or field.padding[0] == padding, name


@pytest.mark.parametrize(
    "name", ["alexnet", "googlenet", "resnet18", "mobilenet_v2", "lenet5_modern", "unet_same"]
)
def test_macs_of_convolutions_and_linear_layers_equal_fvcores(name: str) -> None:
    """They agree row by row, to the integer, at a smaller input if the full one would be slow."""
    from fvcore.nn import FlopCountAnalysis

    spec = cnncalc.load(name)
    smaller = {"unet_same": (1, 64, 64), "mobilenet_v2": (3, 64, 64), "resnet18": (3, 64, 64)}
    shape = smaller.get(name)
    report = cnncalc.analyze(spec, input=shape)
    network = cnncalc.build(spec, input=shape).eval()
    inputs = tuple(torch.randn(1, *s) for s in report.inputs.values())
    counts = FlopCountAnalysis(network, inputs)
    counts.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    found = counts.by_module()
    for row in report.rows:
        if row.op in ("conv", "conv_transpose", "linear"):
            assert found[row.path] == row.macs, row.path
