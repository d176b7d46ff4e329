"""Gives bundled networks the paths that the modules of torchvision have."""

from __future__ import annotations

import re

import cnncalc
from cnncalc.graph import Graph

_RESNET = {
    r"^stem\.conv1": "conv1",
    r"^stem\.batchnorm1": "bn1",
    r"add1\.body\.conv_bn(\d)\.conv1": r"conv\1",
    r"add1\.body\.conv_bn(\d)\.batchnorm1": r"bn\1",
    r"add1\.body\.relu(\d)": r"relu_\1",
    r"add1\.shortcut\.conv_bn1\.conv1": "downsample.0",
    r"add1\.shortcut\.conv_bn1\.batchnorm1": "downsample.1",
    r"add1$": "add",
    r"stage(\d)\.\w+?1\.(\d+)\.relu1": r"layer\1.\2.relu_9",
    r"stage(\d)\.\w+?1\.(\d+)\.": r"layer\1.\2.",
    r"linear1": "fc",
    r"globalavgpool1": "avgpool",
}


def resnet(name: str) -> Graph:
    """Return a ResNet with layers such as `layer1.0.conv1`."""
    graph = cnncalc.load(name).graph()
    for node in graph.nodes:
        for pattern, path in _RESNET.items():
            node.path = re.sub(pattern, path, node.path)
    graph.groups = {}
    return graph


def mobilenet_v2() -> Graph:
    """Return MobileNetV2 with layers such as `features.2.conv.0.1`."""
    graph = cnncalc.load("mobilenet_v2").graph()
    numbers: dict[str, int] = {}
    for node in graph.nodes:
        copy = re.match(r"(stage1\.\d+\.inverted1\.\d+)\.(.*)", node.path)
        ends = re.match(r"conv_bn([12])\.(\w+)", node.path)
        if copy:
            number = numbers.setdefault(copy[1], len(numbers) + 1)
            node.path = f"features.{number}.{_inverted(copy[2], number == 1)}"
        elif ends:
            node.path = f"features.{18 * (ends[1] == '2')}.{_part(ends[2])}"
    graph.groups = {}
    return graph


def _inverted(path: str, is_first: bool) -> str:
    """Return the path in a block; the first does not widen."""
    block, _, layer = path.partition(".")
    if block == "conv_bn1":
        return f"conv.0.{_part(layer)}"
    if block == "conv_bn2":
        return f"conv.{0 if is_first else 1}.{_part(layer)}"
    if block == "narrow":
        return f"conv.{(1 if is_first else 2) + _part(layer)}"
    return "add"


def _part(layer: str) -> int:
    """Return the number of a layer in a convolution with its norm and activation."""
    return {"c": 0, "b": 1, "r": 2}[layer[0]]
