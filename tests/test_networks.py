"""Every bundled network against an independent definition in plain torch, and against torch's own counters."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import cnncalc
from cnncalc.analysis.zoo import members, specs
from cnncalc.ops.torch_modules import DropBranch

from . import models, models_zoo

NETWORKS = {**models.NETWORKS, **models_zoo.NETWORKS}
ALIASES = {"unet": "unet_valid", "vgg16d": "vgg16"}
NAMES = [variant or stem for stem, spec in specs() for variant in members(spec)]
MATRIX = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
    nn.Linear,
)
OTHERWISE = {
    "lenet5",
    "lenet5_modern",
}  # the twins write C3 as sixteen convolutions, C5 as a linear layer
NO_TWIN = {
    "fully_connected",
    "one_neuron",
}  # a stack of linear layers: torch would only repeat the spec


def measured(name: str) -> tuple[list[tuple[str, tuple[int, ...]]], Counter, int, int]:
    """Outputs of convolutions and linear layers in call order, parameter shapes, MACs and parameters of the twin."""
    factory, shape = NETWORKS[ALIASES.get(name, name)]
    with torch.device("meta"):
        twin = factory().eval()
        x = torch.empty(1, *shape)
    calls: list[tuple[str, tuple[int, ...]]] = []
    for module in twin.modules():
        if isinstance(module, MATRIX):
            module.register_forward_hook(
                lambda m, _, y: calls.append((type(m).__name__, tuple(y.shape[1:])))
            )
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        twin(x)
    shapes = Counter(tuple(p.shape) for p in twin.parameters())
    return calls, shapes, counter.get_total_flops() // 2, sum(p.numel() for p in twin.parameters())


@pytest.mark.parametrize("name", [n for n in NAMES if n not in NO_TWIN])
def test_equals_an_independent_definition(name: str) -> None:
    report = cnncalc.analyze(cnncalc.load(name))
    assert report.ok, report.diagnostics
    calls, shapes, macs, params = measured(name)
    assert report.totals.params == report.totals.trainable_params == params
    assert report.totals.macs == macs
    rows = [row for row in report.rows if row.op in ("conv", "conv_transpose", "linear")]
    if name not in OTHERWISE:
        assert Counter(row.output_shape for row in rows) == Counter(shape for _, shape in calls)
        own = Counter(
            tuple(s)
            for node in report.graph.nodes
            if node.op and node.shares is None
            for s in node.op.weights(*(report.graph.nodes[m].shape for m in node.inputs)).values()
        )
        assert own == shapes


OTHER_HEADS = {
    "deeplabv3_mobilenet_v3_large",
    "lraspp_mobilenet_v3_large",
}  # their heads keep torch's eps and momentum: a line in the spec says so


@pytest.mark.parametrize("name", [n for n in NAMES if n not in NO_TWIN | OTHER_HEADS])
def test_norms_and_dropouts_are_those_of_an_independent_definition(name: str) -> None:
    """What shapes and counts do not show: eps and momentum of norms, probabilities of dropouts, and where branches are dropped."""
    factory, _ = NETWORKS[ALIASES.get(name, name)]
    with torch.device("meta"):
        twin = factory()
    built = cnncalc.build(cnncalc.load(name), device="meta")
    assert settings(built) == settings(twin)
    residual = [module for module in built.modules() if isinstance(module, DropBranch)]
    assert not residual or len(residual) == sum(
        row.op == "add" for row in cnncalc.analyze(cnncalc.load(name)).rows
    )


def settings(network: nn.Module) -> Counter:
    """How often each setting occurs."""
    norms = [
        m
        for m in network.modules()
        if isinstance(m, (nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm))
    ]
    return Counter((m.eps, getattr(m, "momentum", None)) for m in norms) + Counter(
        ("dropout", m.p) for m in network.modules() if isinstance(m, nn.Dropout)
    )


@pytest.mark.parametrize("name", NAMES)
def test_built_network_has_the_rows_of_the_report(name: str) -> None:
    """Shapes by hooks, parameters by `named_parameters`, row by row, of the torch network of the same spec."""
    spec = cnncalc.load(name)
    report = cnncalc.analyze(spec)
    network = cnncalc.build(spec, device="meta").eval()
    shapes: dict[str, list[tuple[int, ...]]] = {path: [] for path, _ in network.named_modules()}
    for path, module in network.named_modules():
        module.register_forward_hook(
            lambda m, _, y, path=path: (
                shapes[path].append(tuple(y.shape[1:])) if isinstance(y, torch.Tensor) else None
            )
        )
    with torch.no_grad():
        network(*(torch.empty(1, *shape, device="meta") for shape in report.inputs.values()))
    for row in report.rows:
        assert shapes[row.shared_with or row.path].pop(0) == row.output_shape, row.path
        if row.shared_with is not None:
            assert row.params == 0
            continue
        own = sum(
            p.numel() for p in network.get_submodule(row.path)._parameters.values() if p is not None
        )
        assert own == row.params, row.path


def test_the_table_of_the_issue() -> None:
    """Figures that must come out, written down by hand."""
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


def test_vgg16_totals() -> None:
    report = cnncalc.analyze(cnncalc.load("vgg16"))
    t = report.totals
    assert (
        t.weights,
        t.biases,
        t.activations,
        t.conv_activations,
        t.activation_bytes,
        t.param_bytes,
    ) == (138_344_128, 13_416, 15_237_608, 13_556_712, 60_950_432, 553_430_176)
    assert report.receptive_field is not None
    at, field = report.receptive_field
    assert (at, field.size, field.stride, field.padding) == (
        "pool5",
        (212, 212),
        (32, 32),
        (90, 90),
    )


def test_receptive_fields_of_the_literature() -> None:
    """size, stride, padding at the last layer before the classifier (Araujo et al. 2019, and gradients of torchvision's networks)."""
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
    """Row by row, to the integer, at a smaller input where the full one would be slow."""
    from fvcore.nn import FlopCountAnalysis

    spec = cnncalc.load(name)
    shape = {"unet_same": (1, 64, 64), "mobilenet_v2": (3, 64, 64), "resnet18": (3, 64, 64)}.get(
        name
    )
    report = cnncalc.analyze(spec, input=shape)
    network = cnncalc.build(spec, input=shape).eval()
    counts = (
        FlopCountAnalysis(network, tuple(torch.randn(1, *s) for s in report.inputs.values()))
        .unsupported_ops_warnings(False)
        .uncalled_modules_warnings(False)
    )
    found = counts.by_module()
    for row in report.rows:
        if row.op in ("conv", "conv_transpose", "linear"):
            assert found[row.path] == row.macs, row.path
